import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { LiveMigration, Sending } from '../../hypervisor/migration.ts';
import { type Problem, ProblemError, type Result } from '../../protocol/index.ts';
import type { StepIo } from '../../tasks/runner.ts';
import { must, type PairContext } from '../context.ts';
import { coordinatedModeOf } from '../coordinated/mode.ts';
import { mib, transferred } from '../progress.ts';
import type { HostSite } from '../site.ts';
import { isLive, type StoredPair } from '../store.ts';
import { Convergence } from './convergence.ts';
import { topicOf } from './receiver.ts';

const LOOK_MS = 200;
/** When the rest is that near, the pair is disarmed, so that the pause need not wait for it. Seconds. */
const NEAR_S = 2;

/** Why the machine cannot be moved while it runs; empty when it can. */
export async function liveHindrances(context: PairContext, pairId: string): Promise<string[]> {
  const pair = context.pair(pairId);
  const { hypervisor, peers, selfName } = context.deps;
  if (coordinatedModeOf(pair))
    return ['Its disks are not kept by us: it changes sides with a shutdown only.'];
  if (hypervisor.migration === null) return [`${selfName()} cannot move running machines.`];
  const here = await hypervisor.migration.hindrances(pair.spec.workload.uuid);
  const other = context.other(pair.spec);
  const there = await peers.to(other).call('move.check', { pairId });
  return [
    ...here,
    ...(there.ok ? there.value.hindrances : [context.unreachable(other, there.problem).message]),
  ];
}

function migrationOf(context: PairContext): LiveMigration {
  const { migration } = context.deps.hypervisor;
  if (migration !== null) return migration;
  throw new ProblemError({
    kind: 'not-movable',
    message: `${context.deps.selfName()} cannot move running machines.`,
    next: 'Order the move with a shutdown.',
  });
}

/**
 * Sends the guest's memory while it runs. Afterwards the guest stands still, all but the last piece is on the other host,
 * and its mirror is whole. Whatever goes wrong before, or is cancelled, leaves it running here.
 */
export async function sendMemory(
  context: PairContext,
  data: { pairId: string; token: string | null; epoch: number | null },
  io: StepIo,
  siteOf: (pairId: string) => HostSite | null,
): Promise<void> {
  const migration = migrationOf(context);
  const pair = context.pair(data.pairId);
  const { uuid } = pair.spec.workload;
  // What an attempt before an agent's restart has left.
  if (io.resumed && context.vmState(uuid) === 'running') must(await migration.stay(uuid));
  // Its disks here are a whole copy from the moment they are given away: written down now, not in the pause.
  await context.setNotes(data.pairId, (notes) => ({ ...notes, moving: true, image: 'complete' }));
  data.token = randomUUID();
  data.epoch = pair.record.epoch.n;
  try {
    const stream = await connectBoth(context, pair, { token: data.token, epoch: data.epoch }, migration);
    must(await migration.send(uuid, stream));
    await untilPaused(context, pair, migration, io, () => nearlyGone(context, data.pairId, siteOf));
    if (io.signal.aborted) throw new Error('aborted');
  } catch (error) {
    stays(data.pairId, siteOf);
    await takeBackMemory(context, pair, data.token);
    throw error;
  }
}

/** For the person who looks at the task. */
function inWords({ doneBytes, leftBytes, rounds }: Sending): string {
  return `${mib(doneBytes)} in ${rounds === 1 ? '1 round' : `${rounds} rounds`}, ${mib(leftBytes)} left`;
}

function nearlyGone(context: PairContext, pairId: string, siteOf: (pairId: string) => HostSite | null): void {
  const site = siteOf(pairId);
  if (site === null || site.leaving) return;
  site.leaving = true;
  context.nodes.look(pairId);
}

/** It is not about to leave (any more). */
export function stays(pairId: string, siteOf: (pairId: string) => HostSite | null): void {
  const site = siteOf(pairId);
  if (site !== null) site.leaving = false;
}

/** A process on the other host, and a connection that ends in it. */
async function connectBoth(
  context: PairContext,
  pair: StoredPair,
  { token, epoch }: { token: string; epoch: number },
  migration: LiveMigration,
): Promise<Duplex> {
  const { hypervisor, peers } = context.deps;
  const { pairId, workload, disks } = pair.spec;
  const other = context.other(pair.spec);
  const described = must(await migration.describe(workload.uuid));
  const paths = Object.fromEntries(disks.map((disk) => [disk.target, disk.paths[other] ?? '']));
  const guest = { ...described, definition: hypervisor.withDisks(described.definition, paths) };
  must(await peers.to(other).call('move.receive', { pairId, token, epoch, guest }));
  return must(await peers.openStream(other, topicOf(pairId, token)));
}

/** Resolves once the guest stands still; cancelling, its end or a link that is too slow reject. */
async function untilPaused(
  context: PairContext,
  pair: StoredPair,
  migration: LiveMigration,
  io: StepIo,
  near: () => void,
): Promise<void> {
  const { uuid, name } = pair.spec.workload;
  const convergence = new Convergence();
  const { clock, hypervisor } = context.deps;
  for (;;) {
    const vm = context.vm(uuid);
    if (vm?.pause === 'leaving') return;
    if (io.signal.aborted) throw new Error('aborted');
    if (hypervisor.reachable && !isLive(vm?.state)) throw new ProblemError(stopped(name));
    if (context.deps.source.status(pair.spec.pairId)?.state !== 'in-sync')
      throw new ProblemError(brokeMeanwhile(name, context.nameOf(context.other(pair.spec))));
    const sending = must(await migration.progress(uuid));
    if (sending.phase === 'failed') throw new ProblemError(notSent(name, sending.cause));
    const verdict = convergence.look(sending, clock.bootMs());
    if (verdict !== 'on') throw new ProblemError(tooSlow(name, sending, verdict));
    io.note(inWords(sending));
    const { doneBytes, leftBytes, rateBps } = sending;
    if (rateBps > 0 && leftBytes / rateBps < NEAR_S) near();
    io.progress(transferred(doneBytes, doneBytes + leftBytes, rateBps));
    await aMoment(context, uuid, io.signal);
  }
}

/** Until something is told of the guest, or a little time has passed. */
function aMoment(
  { deps: { clock, hypervisor } }: PairContext,
  uuid: string,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      unsubscribe();
      timer.cancel();
      signal.removeEventListener('abort', over);
      resolve();
    };
    const unsubscribe = hypervisor.subscribe((event) => {
      if (event.kind === 'reachable' || event.uuid === uuid) over();
    });
    const timer = clock.setTimeout(over, LOOK_MS);
    signal.addEventListener('abort', over, { once: true });
  });
}

/**
 * From the pause on: the mirror is drained and taken away, and the last piece sent. The record is not armed by then
 * (owner.ts): should the last piece fail, QEMU lets the guest go on by itself, and nobody may take its copy over.
 */
export async function sendLastPiece(
  context: PairContext,
  { pairId, token }: { pairId: string; token: string | null },
): Promise<void> {
  const pair = context.pair(pairId);
  const { source, peers } = context.deps;
  const { uuid } = pair.spec.workload;
  let sent: Promise<Result<void>> | null = null;
  const drained = (): void => {
    sent = migrationOf(context).finish(uuid);
    // Nothing is written to the copy any more: it is closed while the last piece travels. Not waited for.
    if (token !== null) void peers.to(context.other(pair.spec)).call('move.drained', { pairId, token });
  };
  must(await source.end(pairId, drained));
  if (sent === null || !source.endedInSync(pairId))
    throw new ProblemError(brokeMeanwhile(pair.spec.workload.name, context.nameOf(context.other(pair.spec))));
  must(await sent);
}

/** Nothing comes of it: the guest, when it still runs, goes on running here, and the other host forgets it. */
export async function takeBackMemory(
  context: PairContext,
  pair: StoredPair,
  token: string | null,
): Promise<void> {
  const { hypervisor, peers, log } = context.deps;
  const { pairId, workload } = pair.spec;
  const whole = context.deps.source.status(pairId)?.state === 'in-sync';
  // One whose mirror is gone goes on only after that is recorded: by the owner's duties.
  if (context.vmState(workload.uuid) === 'running' || whole) {
    const stays = await hypervisor.migration?.stay(workload.uuid);
    if (stays?.ok === false) log('warn', `${workload.name}: ${stays.problem.message}`);
  }
  if (token === null) return;
  // Not waited for: a host that has fallen silent forgets it by itself.
  void peers.to(context.other(pair.spec)).call('move.refuse', { pairId, token });
}

const AGAIN = 'It runs where it was. Switch over again, or order the move with a shutdown.';

const stopped = (name: string): Problem => ({
  kind: 'guest-stopped',
  message: `${name} stopped while it was to be moved.`,
  next: 'It starts again where it was. Switch over again when it runs.',
});

const brokeMeanwhile = (name: string, other: string): Problem => ({
  kind: 'not-in-sync',
  message: `${name} fell out of step with ${other} while it was to be moved.`,
  next: 'It runs where it was. Wait until the pair is in sync, then switch over again.',
});

const notSent = (name: string, cause: string | null): Problem => ({
  kind: 'memory-not-sent',
  message: `The memory of ${name} did not reach the other host${cause === null ? '' : `: ${cause}`}.`,
  next: AGAIN,
});

const tooSlow = (name: string, sending: Sending, verdict: 'slow' | 'stalled'): Problem => ({
  kind: 'link-too-slow',
  message:
    verdict === 'stalled'
      ? `The memory of ${name} no longer gets to the other host.`
      : `${name} changes its memory faster than the network between the two hosts takes it (${Math.round(sending.rateBps / 1e6)} MB/s, ${Math.round(sending.leftBytes / 2 ** 20)} MiB left after ${sending.rounds} rounds).`,
  next: 'It runs where it was. Try at a quieter time, over a faster network, or order the move with a shutdown.',
});
