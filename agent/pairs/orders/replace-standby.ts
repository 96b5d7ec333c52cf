import * as v from 'valibot';
import { CONTRACT } from '../../lease/rules.ts';
import { replicaBecomes, setStandby, settings, setWitness } from '../../lease/transitions.ts';
import { type PairSpec, ProblemError } from '../../protocol/index.ts';
import type { StepIo, TaskDefinition } from '../../tasks/runner.ts';
import { prepareVoters } from '../automation.ts';
import { must, type PairContext } from '../context.ts';
import { insist, triesOf } from '../insist.ts';
import { isLive } from '../store.ts';
import { abandonCopy, CopyData, copySteps } from './copy.ts';

const ReplaceData = v.object({
  ...CopyData.entries,
  /** Host that stands by from now on. */
  standby: v.string(),
  old: v.string(),
  oldName: v.string(),
  /** Votes again once the new standby can; null: the owner votes alone, before and after. */
  witness: v.nullable(v.string()),
  /** Automation was paused before the order already. */
  paused: v.boolean(),
  /** Image path on the new standby by disk target, and the machine's definition with these paths. */
  paths: v.record(v.string(), v.string()),
  definition: v.string(),
});
type ReplaceData = v.InferOutput<typeof ReplaceData>;

/** Automation goes on as it was. Without a majority it stays paused, which the pair's page shows. */
async function unpause(context: PairContext, { pairId, paused }: ReplaceData): Promise<void> {
  if (!paused && context.pair(pairId).record.paused)
    await insist(() => context.swap(pairId, settings({ paused: false })));
}

/**
 * Disarmed before the mirror goes: until then the old copy may be the one that serves. Paused, so that the owner does not
 * arm again on a mirror that is still whole. In the end the owner alone votes.
 */
async function standDown(context: PairContext, data: ReplaceData, io: StepIo): Promise<void> {
  const { pairId } = data;
  // Resumed after the change: the next step finds everything as it is wanted.
  if (context.pair(pairId).record.members.includes(data.standby)) return;
  // Refused soon while nothing has changed yet.
  await insist(() => context.swap(pairId, settings({ paused: true })), triesOf(io));
  must(await context.deps.source.end(pairId));
  const { epoch } = context.pair(pairId).record;
  await insist(() =>
    context.swap(pairId, replicaBecomes(epoch.n, context.self, 'none', context.now(), CONTRACT)),
  );
  await insist(() => context.swap(pairId, setWitness(null, true, CONTRACT)));
  await unpause(context, data);
}

/** Paths and definition for one more host; those of the others stay for as long as they have to be told anything. */
function withHost(spec: PairSpec, { standby, paths, definition }: ReplaceData): PairSpec {
  const disks = spec.disks.map((disk) => ({
    ...disk,
    paths: { ...disk.paths, [standby]: paths[disk.target] ?? '' },
  }));
  const definitions = { ...spec.definitions, [standby]: definition };
  return { ...spec, revision: spec.revision + 1, disks, definitions };
}

/** The description first: whoever is a member by the record finds its paths in it. */
async function changeMember(context: PairContext, data: ReplaceData): Promise<void> {
  const { pairId, standby } = data;
  const described = (): Promise<unknown> =>
    context.store.change(pairId, (kept) =>
      kept && kept.spec.definitions[standby] !== data.definition
        ? { ...kept, spec: withHost(kept.spec, data) }
        : kept,
    );
  await described();
  const { record } = context.pair(pairId);
  const change = setStandby(record.epoch.n, context.self, standby, context.now(), CONTRACT);
  await insist(() => context.swap(pairId, change));
  await context.alignMembers(pairId);
  // Named in the description and not yet in the record it may have been taken for a former member meanwhile.
  await described();
  context.audit(
    'standby-replaced',
    context.pair(pairId),
    `${data.standbyName} stands by for ${data.subject} in place of ${data.oldName}.`,
  );
}

/**
 * At once where nothing of the machine's runs or stands frozen there; else it learns the record and goes when it can
 * (agent/pairs/leaving.ts). One that does not answer is told when it returns.
 */
async function tellOld(context: PairContext, data: ReplaceData, io: StepIo): Promise<void> {
  const { pairId, old, oldName } = data;
  const peer = context.deps.peers.to(old);
  const { uuid } = context.pair(pairId).spec.workload;
  const seen = await peer.call('vm.state', { vmUuid: uuid });
  const chosen = context.nodes.chosen(pairId);
  if (chosen === null) return;
  const clear = seen.ok && seen.value.state !== 'unknown' && !isLive(seen.value.state);
  const told = clear
    ? await peer.call('pair.forget', { pairId })
    : await peer.call('record.keep', { chosen, brandNew: true, spec: null });
  if (told.ok) await context.forgetFormer(pairId, old);
  else io.note(`${oldName} is told when it returns: ${told.problem.message}`);
}

/** The new standby has the description, holds the record and has kept its silence, whether it will vote or not. */
async function vote(context: PairContext, { pairId, standby, witness }: ReplaceData): Promise<void> {
  const chosen = context.nodes.chosen(pairId);
  const { spec } = context.pair(pairId);
  if (chosen === null) return;
  must(await context.deps.peers.to(standby).call('record.keep', { chosen, brandNew: false, spec }));
  if (witness === null) return;
  await prepareVoters(context, pairId, witness);
  await insist(() => context.swap(pairId, setWitness(witness, true, CONTRACT)));
}

/** Failed before the change: the old standby stays, and its witness votes again if it can be had. */
async function putBack(context: PairContext, data: ReplaceData): Promise<void> {
  const { pairId, witness } = data;
  const { record } = context.pair(pairId);
  try {
    await unpause(context, data);
    if (witness === null || record.voters.length > 1 || !record.members.includes(data.old)) return;
    await prepareVoters(context, pairId, witness);
    await context.swap(pairId, setWitness(witness, true, CONTRACT));
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    context.audit('not-put-back', context.pair(pairId), `${error.problem.message} ${error.problem.next}`);
  }
}

/** Another host keeps the copy from now on; the machine runs on all the time. */
export function replaceStandbyOrder(context: PairContext): TaskDefinition<ReplaceData> {
  return {
    kind: 'replace-standby',
    data: ReplaceData,
    steps: [
      {
        id: 'stand-down',
        label: (data) => `Agree that ${data.oldName} no longer stands by for ${data.subject}`,
        cancellable: false,
        run: (data, io) => standDown(context, data, io),
      },
      {
        id: 'change',
        label: (data) => `Write down that ${data.standbyName} stands by for ${data.subject}`,
        cancellable: false,
        run: (data) => changeMember(context, data),
      },
      {
        id: 'tell-old',
        label: (data) => `Delete the copy on ${data.oldName}`,
        cancellable: false,
        run: (data, io) => tellOld(context, data, io),
      },
      {
        id: 'vote',
        label: (data) =>
          data.witness === null
            ? `Show the record to ${data.standbyName}`
            : `Let ${data.standbyName} vote, and the witness again`,
        cancellable: false,
        run: (data) => vote(context, data),
      },
      ...copySteps<ReplaceData>(context),
    ],
    async undo(data) {
      const pair = context.store.get(data.pairId);
      if (!pair || !context.isOwner(pair)) return;
      await putBack(context, data);
      // Before the change the mirror may be what an armed pair stands on.
      if (context.pair(data.pairId).record.members.includes(data.standby)) await abandonCopy(context, data);
    },
  };
}
