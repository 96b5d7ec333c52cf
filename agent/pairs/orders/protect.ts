import * as v from 'valibot';
import { founding } from '../../lease/record.ts';
import { CONTRACT } from '../../lease/rules.ts';
import { replicaBecomes, settings } from '../../lease/transitions.ts';
import { PairRecord, PairSpec, type Problem, ProblemError } from '../../protocol/index.ts';
import type { TaskDefinition } from '../../tasks/runner.ts';
import { must, type PairContext } from '../context.ts';
import { clearTokens, isAttended } from '../coordinated/steps.ts';
import { insist, triesOf } from '../insist.ts';
import { freshNotes, isLive } from '../store.ts';
import { hypervisorAnswers } from '../waits.ts';
import { abandonCopy, CopyData, copySteps } from './copy.ts';

const ProtectData = v.object({ ...CopyData.entries, spec: PairSpec, record: PairRecord });
type ProtectData = v.InferOutput<typeof ProtectData>;

/** Everybody else who keeps something of the pair. */
const others = (context: PairContext, pairId: string): string[] => {
  const kept = context.store.kept(pairId);
  const { members, voters } = context.nodes.record(pairId) ?? { members: [], voters: [] };
  const former = kept === null ? [] : [...kept.spec.members, ...context.formerMembers(kept)];
  return [...new Set([...members, ...former, ...voters])].filter((hostId) => hostId !== context.self);
};

/** Tells the others to forget the pair; left for later (`ended`) while one of them cannot be told. */
export async function forgetPair(context: PairContext, pairId: string): Promise<string[]> {
  const kept = context.store.kept(pairId);
  if (!kept) return [];
  await context.setNotes(pairId, (notes) => ({ ...notes, ended: true }));
  // Nobody's business from here on: without this the guard would stop a machine whose permission goes.
  await context.letGo(kept.spec);
  const untold: string[] = [];
  for (const hostId of others(context, pairId)) {
    const told = await context.deps.peers.to(hostId).call('pair.forget', { pairId });
    if (told.ok) continue;
    untold.push(hostId);
    context.deps.log('info', `${pairId}: ${hostId} is told later: ${told.problem.message}`);
  }
  if (untold.length > 0) return untold;
  await context.store.remove(pairId);
  await context.nodes.bury(pairId);
  return [];
}

/**
 * True from the moment on when *in sync* was recorded here, or another member's newer record was adopted. By the votes:
 * they tell it also where the pair's own file has been lost meanwhile.
 */
function everAgreed(context: PairContext, pairId: string): boolean {
  const record = context.nodes.record(pairId);
  if (record === null || context.store.kept(pairId)?.notes.ended) return false;
  const { state } = record.replica;
  return record.owner !== context.self || state === 'in-sync' || state === 'stale';
}

/** Autostart as it was; a guest that its host would therefore have started at a boot meanwhile is started now. */
async function leaveAsBefore(context: PairContext, { pairId, subject, spec }: ProtectData): Promise<void> {
  const { hypervisor, bootId, selfName } = context.deps;
  const { uuid } = spec.workload;
  const failed = (what: string, problem: Problem): void =>
    context.audit(
      'not-put-back',
      null,
      `${subject} on ${selfName()}: ${what}. ${problem.message} ${problem.next}`,
    );
  await hypervisorAnswers(context);
  const put = await hypervisor.setAutostart(uuid, spec.autostartBefore);
  if (!put.ok) failed('autostart could not be put back', put.problem);
  const pair = context.store.get(pairId);
  const missed = spec.autostartBefore && pair !== null && pair.notes.bootId !== bootId;
  if (!missed || isLive(context.vmState(uuid))) return;
  const started = await hypervisor.run(uuid);
  if (!started.ok) failed('it could not be started', started.problem);
}

/** Every voter holds the first record before anything rests on it; the guard knows the machine before it is protected. */
async function found(context: PairContext, { pairId, spec, record }: ProtectData): Promise<void> {
  const { guard, bootId, hypervisor, peers } = context.deps;
  const { uuid } = spec.workload;
  const chosen = founding(record);
  for (const voter of record.voters)
    if (voter !== context.self) {
      const order = { chosen, brandNew: true, spec: spec.members.includes(voter) ? spec : null };
      must(await peers.to(voter).call('record.keep', order));
    }
  await context.store.change(
    pairId,
    (known) =>
      known ?? {
        spec,
        notes: { ...freshNotes(bootId), wantRunning: true, ranAt: record.epoch, image: 'complete' },
      },
  );
  guard.permit(uuid, { kind: 'standing', epoch: record.epoch });
  await guard.protect(uuid);
  await context.nodes.seed(pairId, chosen, true);
  must(await hypervisor.setAutostart(uuid, false));
}

/** The first protection of a machine: *VM -> standby*, nothing of it stays when it fails. */
export function protectOrder(context: PairContext): TaskDefinition<ProtectData> {
  return {
    kind: 'protect',
    data: ProtectData,
    steps: [
      {
        id: 'pair',
        label: (data) => `Write down that ${data.standbyName} stands by for ${data.subject}`,
        cancellable: true,
        run: (data) => found(context, data),
      },
      ...copySteps<ProtectData>(context, { needsDefinition: true }),
    ],
    async undo(data, problem: Problem) {
      // Once both agreed the standby may have taken over: taking the protection back would let two copies start.
      // The mirror, or what is left of it, is then the pair's own affair.
      if (everAgreed(context, data.pairId)) {
        context.audit(
          'protect-kept',
          context.store.get(data.pairId),
          `${data.subject} stays protected: ${problem.message}`,
        );
        return;
      }
      await context.deps.source.end(data.pairId);
      await clearTokens(context, data.pairId);
      // Before it is started: libvirt's hook refuses a protected machine to everybody but the lease.
      await context.letGo(data.spec);
      await leaveAsBefore(context, data);
      await forgetPair(context, data.pairId);
      context.audit('protect-undone', null, `${data.subject} is not protected: ${problem.message}`);
    },
  };
}

/**
 * From here on nobody takes the machine over by himself. Without a majority that can be said only of a pair that was not
 * armed: then there is nobody who could.
 */
async function standDown(context: PairContext, pairId: string): Promise<void> {
  const { record } = context.pair(pairId);
  try {
    await context.swap(pairId, settings({ policy: 'manual' }));
    await context.swap(pairId, replicaBecomes(record.epoch.n, context.self, 'none', context.now(), CONTRACT));
  } catch (error) {
    if (!(error instanceof ProblemError) || context.pair(pairId).record.armed) throw error;
  }
}

/** Ends protection: the machine goes on where it runs, as it was before. */
export function unprotectOrder(context: PairContext): TaskDefinition<CopyData> {
  return {
    kind: 'unprotect',
    data: CopyData,
    steps: [
      {
        id: 'stand-down',
        label: (data) => `Agree that nobody takes ${data.subject} over any more`,
        cancellable: false,
        run: (data) => standDown(context, data.pairId),
      },
      {
        id: 'end-mirror',
        label: (data) => `Stop copying ${data.subject}`,
        cancellable: false,
        async run(data) {
          await context.verifies.end(data.pairId);
          must(await context.deps.source.end(data.pairId));
          await clearTokens(context, data.pairId);
        },
      },
      {
        id: 'autostart',
        label: (data) => `Put back how ${data.subject} starts with its host`,
        cancellable: false,
        async run(data, io) {
          const kept = context.store.kept(data.pairId);
          if (!kept) return;
          const { workload, autostartBefore } = kept.spec;
          const put = await context.deps.hypervisor.setAutostart(workload.uuid, autostartBefore);
          // A machine undefined meanwhile has no autostart to put back; that must not keep its protection alive.
          if (!put.ok) io.note(put.problem.message);
        },
      },
      {
        id: 'forget',
        label: (data) =>
          isAttended(context, data)
            ? `Tell ${data.standbyName} that it stands by no more`
            : `Delete the copy on ${data.standbyName}`,
        cancellable: false,
        async run(data, io) {
          const untold = await forgetPair(context, data.pairId);
          const names = untold.map((hostId) => context.nameOf(hostId)).join(', ');
          if (names !== '') io.note(`${names} does not answer; it is told when it returns.`);
        },
      },
    ],
  };
}

/** Copies anew to the other member: after a break, after a change of sides, or over a quarantined copy. */
export function resyncOrder(context: PairContext): TaskDefinition<CopyData> {
  return {
    kind: 'resync',
    data: CopyData,
    steps: [
      {
        id: 'ask',
        label: (data) => `Ask the voters who owns ${data.subject}`,
        cancellable: true,
        async run(data, io) {
          const read = async () => must(await context.nodes.read(data.pairId));
          const record = await insist(read, triesOf(io));
          if (context.isOwner({ record })) {
            // A person's word holds until it has come true, whatever gets in the way meanwhile.
            if (data.overQuarantine)
              await context.setNotes(data.pairId, (notes) => ({ ...notes, wantsStandby: record.epoch }));
            return;
          }
          throw new ProblemError({
            kind: 'record-older',
            message: `${data.subject} belongs to ${context.nameOf(record.owner)} meanwhile.`,
            next: 'Look at the map again.',
          });
        },
      },
      ...copySteps<CopyData>(context),
    ],
    async undo(data, problem) {
      if (problem.kind === 'cancelled')
        await context.setNotes(data.pairId, (notes) => ({ ...notes, wantsStandby: null }));
      await abandonCopy(context, data);
    },
  };
}
