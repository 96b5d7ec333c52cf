import { randomUUID } from 'node:crypto';
import {
  type ParamsOf,
  type PeerApi,
  ProblemError,
  type RestorePoint,
  type ResultOf,
  retentionOf,
} from '../protocol/index.ts';
import { must, type PairContext } from './context.ts';
import { refuseForeignFiles } from './coordinated/mode.ts';
import { pointModeOf } from './modes.ts';
import { bytesOf, goBack } from './points.ts';
import { asStandby, checkRecord, clearOldCopy, refuseQuarantined, tellAside } from './prepare.ts';
import { freshNotes, type StoredPair } from './store.ts';

/** A layer over the newest point, for the owner to write what has changed since. */
export async function beginPoint(
  context: PairContext,
  params: ParamsOf<PeerApi, 'points.begin'>,
): Promise<ResultOf<PeerApi, 'points.begin'>> {
  const { target, guard } = context.deps;
  const { pairId, workload } = params.spec;
  await context.adoptSpec(params.spec, freshNotes(context.deps.bootId));
  await context.nodes.seed(pairId, params.chosen, false);
  // No permission: whatever is started of it here by hand is stopped.
  await guard.protect(workload.uuid);
  // What learning that record writes down (a quarantine) is on disk before anything is decided here.
  await context.learning.done(pairId);
  const pair = context.pair(pairId);
  refuseForeignFiles(pair);
  checkPoints(context, pair);
  refuseQuarantined(context, pair, params.overQuarantine);
  await clearOldCopy(context, pair);
  await makeGround(context, pairId);
  const disks = context.disks(pair.spec, context.self);
  await context.setNotes(pairId, (notes) => ({ ...notes, ...asStandby }));
  const newest = target.restore.list(pairId).at(-1) ?? null;
  const oldDisk = newest === null && target.restore.liesOn(pairId);
  return { remote: must(await target.restore.begin(pairId, disks)), newest, oldDisk };
}

/** How far the reading of the newest point is. */
export async function comparePoint(
  context: PairContext,
  pairId: string,
): Promise<ResultOf<PeerApi, 'points.compare'>> {
  const pair = context.pair(pairId);
  checkPoints(context, pair);
  const disks = context.disks(pair.spec, context.self);
  return { remote: must(await context.deps.target.restore.compare(pairId, disks)) };
}

/** From here on a person may start the machine from it. */
export async function sealPoint(context: PairContext, pairId: string, point: RestorePoint): Promise<void> {
  const { target } = context.deps;
  const pair = context.pair(pairId);
  checkPoints(context, pair);
  const disks = context.disks(pair.spec, context.self);
  must(await target.restore.seal(pairId, disks, point));
  await context.setNotes(pairId, (notes) => ({
    ...notes,
    image: 'complete',
    point: null,
    generation: point.id,
  }));
}

/** Gives up the points that the pair's rule does not keep. What goes wrong with it is tried again after the next. */
export async function prunePoints(context: PairContext, pairId: string): Promise<void> {
  const pair = context.store.get(pairId);
  const mode = pair && pointModeOf(pair);
  if (!pair || !mode || context.isOwner(pair)) return;
  const disks = context.disks(pair.spec, context.self);
  const pruned = await context.deps.target.restore.prune(pairId, disks, retentionOf(mode));
  if (!pruned.ok) context.deps.log('warn', `${pairId}: ${pruned.problem.message}`);
}

/** As for a mirror (`checkRecord`), and the record says that the copy is kept by points. */
function checkPoints(context: PairContext, pair: StoredPair): void {
  checkRecord(context, pair);
  if (pointModeOf(pair)) return;
  throw new ProblemError({
    kind: 'record-older',
    message: `${context.deps.selfName()} knows that ${pair.spec.workload.name} is mirrored synchronously.`,
    next: 'Look at the map again: how its copy is kept was changed meanwhile.',
  });
}

/**
 * What lies at the disks' own places makes way: a whole copy becomes the first point, so that it need not travel again. An old
 * disk that was set aside, or somebody else's file, is kept under another name; half a copy goes.
 */
async function makeGround(context: PairContext, pairId: string): Promise<void> {
  const { target } = context.deps;
  if (context.pair(pairId).notes.point?.kind === 'seal') await goBack(context, pairId);
  const pair = context.pair(pairId);
  const { notes, spec, record } = pair;
  const disks = context.disks(spec, context.self);
  const there = await Promise.all(disks.map(({ path }) => target.allocatedBytes(path)));
  const gone = there.every((bytes) => bytes === null);
  if (notes.quarantine && (!there.includes(null) || target.restore.liesOn(pairId)))
    return lieOnOld(context, pair);
  if (gone) return;
  // One of a point stands on none of these files, and goes on.
  await context.drills.end(pairId);
  if (notes.quarantine || notes.image === 'none') return setAside(context, pair);
  must(await target.close(pairId));
  // What it acknowledged from memory may be missing: it is no point.
  const unclean = target.isUnclean(pairId);
  if (notes.image !== 'complete' || unclean) {
    await context.setNotes(pairId, (known) => ({ ...known, image: 'partial', point: null }));
    await target.forgetUnclean(pairId);
    must(await target.points.undo(pairId, 'seal', disks));
    return void must(await target.discard(disks.map(({ path }) => path)));
  }
  // A layer of its own over a point, in which nothing was ever written, is taken away by `begin`.
  if (target.restore.surfacedAt(pairId) !== null) return;
  const { since, state } = record.replica;
  const ground = {
    id: notes.generation ?? randomUUID().slice(0, 8),
    // Later than that it may have fallen behind: nobody has written down when.
    at: state === 'stale' ? since : spec.createdAt,
    quiesced: false,
    bytes: there.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0),
  };
  must(await target.points.undo(pairId, 'seal', disks));
  const { left } = must(await target.restore.adopt(pairId, disks, ground));
  if (left.length > 0) await keepAside(context, pair, left);
}

/**
 * The old disk stays as it is, under the points to come, and takes no room of its own: only what differs from it is sent. What it
 * lies on itself, points of the time before it ran here, goes when it goes.
 */
async function lieOnOld(context: PairContext, pair: StoredPair): Promise<void> {
  const { restore } = context.deps.target;
  const { pairId } = pair.spec;
  const { quarantine } = pair.notes;
  await context.drills.end(pairId);
  const disks = context.disks(pair.spec, context.self);
  const tag = `aside-e${(quarantine?.ownEpoch ?? pair.record.epoch).n}`;
  const { under, left } = must(await restore.lieOn(pairId, disks, tag));
  await keepAside(context, pair, left);
  await keepAside(context, pair, Object.values(under), (path) =>
    disks.map(({ target }) => target).find((target) => under[target] === path),
  );
  await context.setNotes(pairId, (notes) => ({
    ...notes,
    ...asStandby,
    image: 'partial',
    point: null,
    generation: null,
  }));
}

/** With everything that it lies on. */
async function setAside(context: PairContext, pair: StoredPair): Promise<void> {
  const { target } = context.deps;
  const { pairId } = pair.spec;
  const disks = context.disks(pair.spec, context.self);
  const tag = `aside-e${(pair.notes.quarantine?.ownEpoch ?? pair.record.epoch).n}`;
  const { aside } = must(await target.create(pairId, disks, tag));
  must(await target.discard(disks.map(({ path }) => path)));
  await keepAside(context, pair, [...aside, ...(await target.restore.release(pairId))]);
  await context.setNotes(pairId, (notes) => ({ ...notes, image: 'partial', point: null, generation: null }));
}

/** @param underOf the disk whose present copy lies on that file */
async function keepAside(
  context: PairContext,
  pair: StoredPair,
  paths: string[],
  underOf: (path: string) => string | undefined = () => undefined,
): Promise<void> {
  if (paths.length === 0) return;
  const since = pair.notes.quarantine?.since ?? context.now();
  const kept = await Promise.all(
    paths.map(async (path) => {
      const under = underOf(path);
      const aside = { path, keep: true, since, bytes: await bytesOf(context, path) };
      return under === undefined ? aside : { ...aside, under };
    }),
  );
  await context.setNotes(pair.spec.pairId, (notes) => ({
    ...notes,
    aside: [
      ...notes.aside.filter(({ path }) => !paths.includes(path)).map(({ under: _under, ...rest }) => rest),
      ...kept,
    ],
  }));
  tellAside(context, pair, paths);
}
