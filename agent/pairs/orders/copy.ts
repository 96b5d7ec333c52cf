import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import {
  ExportAddress,
  type MirrorStatus,
  type Problem,
  ProblemError,
  type Result,
} from '../../protocol/index.ts';
import type { CatchingUp } from '../../replication/replication.ts';
import type { Step, StepIo } from '../../tasks/runner.ts';
import { takeInDisks } from '../changes/take-in.ts';
import { must, type PairContext } from '../context.ts';
import { beforeFirstLook, firstLook, isAttended, recordFirstLook } from '../coordinated/steps.ts';
import { distrusts, madeGood } from '../distrust.ts';
import { patienceOf, pointModeOf } from '../modes.ts';
import { mib, transferred } from '../progress.ts';
import { isLive, lacksDisks } from '../store.ts';
import { untilStatus } from '../until-status.ts';
import { hypervisorAnswers } from '../waits.ts';
import { beforeFirstPoint, makeFirstPoint, recordFirstPoint } from './first-point.ts';
import { untilRead } from './reading.ts';

/** What the copying steps share, in every order that has them. */
export const CopyData = v.object({
  pairId: v.string(),
  standbyName: v.string(),
  subject: v.string(),
  /** A person ordered it over a quarantined copy. */
  overQuarantine: v.boolean(),
  remote: v.nullable(ExportAddress),
  /** How the standby agreed to be brought up to date, and the name of what comes of it. */
  way: v.optional(v.nullable(v.picklist(['full', 'changes', 'compare']))),
  generation: v.optional(v.nullable(v.string())),
  /** Until when the copy there had everything, wall clock (ms). */
  wholeUntil: v.optional(v.nullable(v.number())),
});
export type CopyData = v.InferOutput<typeof CopyData>;

const TERMINAL: MirrorStatus['state'][] = ['in-sync', 'broken', 'off', 'held'];

/** Resolves with the first terminal state of the mirror, telling progress on the way. */
function watchCopy(
  context: PairContext,
  pairId: string,
  io: StepIo,
  broken: () => Problem | null,
): Promise<MirrorStatus> {
  return untilStatus(context, io, {
    pairId,
    broken,
    ends(status) {
      io.progress(transferred(status.doneBytes, status.totalBytes, status.rateBps));
      return TERMINAL.includes(status.state);
    },
  });
}

const copyBroke = (data: CopyData, cause: Problem | null): Problem =>
  cause ?? {
    kind: 'copy-broke',
    message: `The copy of ${data.subject} to ${data.standbyName} broke off.`,
    next: `Check ${data.standbyName} and the network between the two, then start the copy again.`,
  };

const notRunning = (context: PairContext, data: CopyData): Problem => ({
  kind: 'guest-stopped',
  message: `${data.subject} stopped on ${context.deps.selfName()} before its copy was complete.`,
  next: `Start ${data.subject}, then start the copy again.`,
});

const undefinedMeanwhile = (context: PairContext, data: CopyData): Problem => ({
  kind: 'vm-undefined',
  message: `${data.subject} was undefined on ${context.deps.selfName()} while it was copied; it runs on until it stops.`,
  next: `Define ${data.subject} there again (virsh define), then protect it again.`,
});

const changedMeanwhile = (data: CopyData): Problem => ({
  kind: 'disks-changed',
  message: `The disks of ${data.subject} were changed by somebody else while they were copied.`,
  next: 'They are taken in when it is copied again: by itself where it was protected before, otherwise protect it again.',
});

/** The voters first: from the moment the old copy is touched nobody may take it for a whole one. */
async function prepareStandby(context: PairContext, data: CopyData, refused: Set<string>): Promise<void> {
  const { source, peers } = context.deps;
  const { pairId } = data;
  await context.verifies.end(pairId);
  const before = context.pair(pairId).record.replica;
  if (before.state === 'stale') data.wholeUntil = before.since;
  // The voters first: while the mirror is taken away nobody may take the copy for a whole one, nor count on it.
  await context.replicaIs(pairId, 'catching-up');
  await source.end(pairId);
  // Until then a whole mirror may have been recorded again.
  await context.replicaIs(pairId, 'catching-up');
  await takeInDisks(context, pairId);
  const { spec } = context.pair(pairId);
  const chosen = context.nodes.chosen(pairId);
  if (chosen === null) throw new ProblemError(copyBroke(data, null));
  // What is known to be missing is not all that is wrong with a copy that was found to differ.
  const compares = refused.delete(pairId) || distrusts(context, pairId);
  const distance = compares ? null : await source.distanceKnown(pairId);
  const changes = distance?.generation ?? null;
  const generation = randomUUID().slice(0, 8);
  const ways = {
    changes,
    changedBytes: distance?.bytes ?? null,
    generation,
    wholeUntil: data.wholeUntil ?? null,
  };
  const { way = 'full', ...remote } = must(
    await peers
      .to(context.other(spec))
      .call('standby.prepare', { spec, chosen, overQuarantine: data.overQuarantine, ways }),
  );
  data.remote = remote;
  data.way = way;
  data.generation = way === 'changes' ? changes : generation;
}

function howFrom(context: PairContext, data: CopyData, io: StepIo): CatchingUp {
  const generation = data.generation ?? '';
  if (data.way === 'compare')
    return { way: 'compare', generation, compared: () => untilCompared(context, data, io) };
  return { way: data.way ?? 'full', generation };
}

/** Resolves with what the standby offers once it has read its side too. */
function untilCompared(context: PairContext, data: CopyData, io: StepIo): Promise<Result<ExportAddress>> {
  const { pairId } = data;
  const to = context.deps.peers.to(context.other(context.pair(pairId).spec));
  return untilRead(context.deps.clock, {
    ask: () => to.call('standby.compare', { pairId }),
    givenUp: () => (io.signal.aborted ? copyBroke(data, null) : null),
  });
}

/** In words; also into the history, with the exact figures. */
function whatItTook(context: PairContext, data: CopyData, end: MirrorStatus): string {
  const pair = context.pair(data.pairId);
  const count = pair.spec.disks.length;
  const disks = `${count} ${count === 1 ? 'disk' : 'disks'}`;
  const figures = context.deps.source.figures(data.pairId);
  if (!figures) return `${mib(end.totalBytes)}, ${disks}`;
  const what = figures.way === 'compare' ? 'differed' : 'had changed';
  const text = `${mib(figures.dirtyBytes)} ${what}, ${disks}; the machine stood still for ${figures.pauseMs} ms`;
  const evidence = Object.fromEntries(
    Object.entries(figures).map(([key, value]) => [
      key,
      typeof value === 'number' ? String(Math.round(value)) : value,
    ]),
  );
  context.audit('caught-up', pair, `${data.subject}, copy on ${data.standbyName}: ${text}.`, evidence);
  return text;
}

/** Prepare the standby, copy everything, record *in sync*: the steps every way into protection shares. */
export function copySteps<D extends CopyData>(
  context: PairContext,
  options: { needsDefinition: boolean } = { needsDefinition: false },
): Step<D>[] {
  const { source } = context.deps;
  /** Pairs whose standby did not let this host in: for a comparison it closes and opens anew, with its present certificate. */
  const refused = new Set<string>();
  const byPoints = ({ pairId }: CopyData): boolean => {
    const pair = context.store.get(pairId);
    return pair !== null && pointModeOf(pair) !== null;
  };
  const undefinedOf = (data: CopyData): Problem | null => {
    const { uuid } = context.pair(data.pairId).spec.workload;
    const gone = options.needsDefinition && context.isUndefined(uuid) && isLive(context.vmState(uuid));
    return gone ? undefinedMeanwhile(context, data) : null;
  };
  return [
    {
      id: 'prepare',
      label: (data) =>
        isAttended(context, data)
          ? `Have ${data.standbyName} stand by for ${data.subject}`
          : `Make room on ${data.standbyName}`,
      cancellable: true,
      run: (data) =>
        isAttended(context, data)
          ? beforeFirstLook(context, data)
          : byPoints(data)
            ? beforeFirstPoint(context, data)
            : prepareStandby(context, data, refused),
    },
    {
      id: 'copy',
      label: (data) =>
        isAttended(context, data)
          ? `Look at the copy of ${data.subject}`
          : `Copy the disks to ${data.standbyName}`,
      cancellable: true,
      async run(data, io) {
        if (isAttended(context, data)) return firstLook(context, data, io, () => undefinedOf(data));
        if (byPoints(data)) return makeFirstPoint(context, data, io, () => undefinedOf(data));
        const pair = context.pair(data.pairId);
        const peer = context.deps.peers.get(context.other(pair.spec));
        if (!peer || !data.remote) throw new ProblemError(context.unreachable(context.other(pair.spec)));
        const known = source.status(data.pairId);
        // After an agent restart the mirror may have gone on without us.
        if (!io.resumed || !known || known.state === 'broken' || known.state === 'off') {
          await hypervisorAnswers(context);
          if (!isLive(context.vmState(pair.spec.workload.uuid)))
            throw new ProblemError(notRunning(context, data));
          // What was agreed may have come to nothing with the agent that had agreed it.
          if (io.resumed) await prepareStandby(context, data, refused);
          must(
            await source.mirror({
              pairId: data.pairId,
              vmUuid: pair.spec.workload.uuid,
              disks: context.disks(pair.spec, context.self),
              address: peer.address,
              remote: data.remote,
              how: howFrom(context, data, io),
              ...patienceOf(pair),
            }),
          );
        }
        const end = await watchCopy(context, data.pairId, io, () => undefinedOf(data));
        if (end.state !== 'in-sync') {
          if (end.problem?.kind === 'replication-refused') refused.add(data.pairId);
          throw new ProblemError(copyBroke(data, end.problem));
        }
        if (data.way !== 'changes') await madeGood(context, data);
        io.note(whatItTook(context, data, end));
      },
    },
    {
      id: 'record',
      label: (data) =>
        isAttended(context, data)
          ? 'Record what was found'
          : byPoints(data)
            ? 'Record that the first point is complete'
            : 'Record that both copies agree',
      cancellable: false,
      async run(data) {
        if (isAttended(context, data)) return recordFirstLook(context, data);
        if (byPoints(data)) return recordFirstPoint(context, data);
        context.nodes.look(data.pairId);
        // The owner records it by itself once every write is on both sides (agent/lease/owner.ts).
        await context.until(
          data.pairId,
          (record) => record.replica.state === 'in-sync',
          () => {
            const status = source.status(data.pairId);
            if (lacksDisks(context.pair(data.pairId).notes)) return changedMeanwhile(data);
            return status?.state === 'in-sync' ? null : copyBroke(data, status?.problem ?? null);
          },
        );
        const pair = context.pair(data.pairId);
        const chosen = context.nodes.chosen(data.pairId);
        // A standby without a vote hears of it here, not only when it next asks.
        if (chosen)
          must(
            await context.deps.peers
              .to(context.other(pair.spec))
              .call('record.keep', { chosen, brandNew: false, spec: null }),
          );
        await context.setNotes(data.pairId, (notes) => ({ ...notes, wantsStandby: null }));
        context.audit('in-sync', pair, `${data.subject} is in sync on ${data.standbyName}.`);
      },
    },
  ];
}

/** After a copy that did not end: the mirror is taken away and the record says that the replica is no good. */
export async function abandonCopy(
  context: PairContext,
  { pairId, way }: Pick<CopyData, 'pairId' | 'way'>,
): Promise<void> {
  await context.deps.source.end(pairId);
  const pair = context.store.get(pairId);
  if (!pair || !context.isOwner(pair)) return;
  // Nothing was written over: it is looked at again by itself.
  if (isAttended(context, { pairId })) return;
  // Complete points stay what they are, and the next ones are made by itself.
  if (pointModeOf(pair) && pair.record.replica.state === 'stale') return;
  // What was only brought up to date has a whole copy to go back to; a full copy that did not end is none.
  const { state } = pair.record.replica;
  if (state !== 'in-sync' && !(state === 'catching-up' && way && way !== 'full'))
    await context.replicaIs(pairId, 'none');
}
