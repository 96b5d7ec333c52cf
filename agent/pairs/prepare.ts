import { modeOf, type ParamsOf, type PeerApi, ProblemError, type ResultOf } from '../protocol/index.ts';
import type { ReplicaDisk } from '../replication/replication.ts';
import { fitOf } from './changes/fit.ts';
import { must, type PairContext } from './context.ts';
import { refuseForeignFiles } from './coordinated/mode.ts';
import { bytesOf, goBack, sealPoint } from './points.ts';
import { freshNotes, isLive, type LocalNotes, type StoredPair } from './store.ts';

type Params = ParamsOf<PeerApi, 'standby.prepare'>;
type Answer = ResultOf<PeerApi, 'standby.prepare'>;
type Way = NonNullable<Answer['way']>;

/** Ends whatever still stands of a former ownership before the host becomes a standby again. */
export async function clearOldCopy(context: PairContext, pair: StoredPair): Promise<void> {
  const { hypervisor, source } = context.deps;
  const { uuid } = pair.spec.workload;
  const state = context.vmState(uuid);
  // Destroyed first: the monitor of a frozen guest answers nobody, so its mirror cannot be ended by asking.
  if (isLive(state)) must(await hypervisor.destroy(uuid));
  await source.end(pair.spec.pairId);
  if (state === null) return;
  // Only the owner keeps the machine defined: nothing here can then be started by hand or by mistake.
  must(await hypervisor.undefine(uuid));
}

/**
 * Whether what lies at the replica's place is worth keeping aside: half a copy is not; a whole one is, until the new one
 * is whole too, where there is room for both. A quarantined copy is a person's: without room for it nothing is copied.
 */
async function keepsPrevious(context: PairContext, pair: StoredPair, disks: ReplicaDisk[]): Promise<boolean> {
  const { target, selfName } = context.deps;
  const { name } = pair.spec.workload;
  if (pair.notes.image === 'partial' || pair.notes.image === 'point') return false;
  if (await target.roomBeside(disks)) return true;
  if (pair.notes.quarantine) {
    throw new ProblemError({
      kind: 'standby-disk-full',
      message: `${selfName()} has no room for a new copy of ${name} beside the old one.`,
      next: `Free space on ${selfName()}, or end the protection, move the old disks away by hand, and protect ${name} again.`,
    });
  }
  // Nothing of ours was ever whole here: what lies in the way is somebody else's, and stays.
  if (pair.notes.image === 'none') return true;
  context.audit(
    'previous-copy-dropped',
    pair,
    `${selfName()} has no room for two copies of ${name}: the previous one goes before the new one is complete.`,
  );
  return false;
}

/**
 * What the owner's order rests on must be what this host knows too: the newest record says that the asking host owns
 * the machine, that this one stands by for it, and that nobody may take this copy over meanwhile.
 */
export function checkRecord(context: PairContext, pair: StoredPair): void {
  const { record, spec } = pair;
  const counted = record.members.includes(context.self) && record.owner !== context.self;
  if (counted && record.begun && !record.armed && record.replica.state !== 'in-sync') return;
  throw new ProblemError({
    kind: 'record-older',
    message: `${context.deps.selfName()} holds a newer record of ${spec.workload.name}.`,
    next: 'Look at the map again: the machine has changed sides meanwhile.',
  });
}

export function refuseQuarantined(context: PairContext, pair: StoredPair, over: boolean): void {
  if (!pair.notes.quarantine || over) return;
  throw new ProblemError({
    kind: 'quarantined',
    message: `The old copy of ${pair.spec.workload.name} on ${context.deps.selfName()} is set aside and waits for a decision.`,
    next: 'Choose "Make it the standby again" when you no longer need what only the old copy has.',
  });
}

/** The host becomes a standby for the owner's machine, by the cheapest way that is sure. */
export async function prepare(context: PairContext, params: Params): Promise<Answer> {
  const { guard } = context.deps;
  const { pairId, workload } = params.spec;
  await context.adoptSpec(params.spec, freshNotes(context.deps.bootId));
  await context.nodes.seed(pairId, params.chosen, false);
  // No permission: whatever is started of it here by hand is stopped.
  await guard.protect(workload.uuid);
  // What learning that record writes down (a quarantine) is on disk before anything is decided here.
  await context.learning.done(pairId);
  const pair = context.pair(pairId);
  refuseForeignFiles(pair);
  checkRecord(context, pair);
  await context.drills.end(pairId);
  refuseQuarantined(context, pair, params.overQuarantine);
  if (!pair.notes.quarantine) await bringUp(context, pair);
  const { way, keepsOld } = await wayFitting(context, context.pair(pairId), params);
  const now = context.pair(pairId);
  if (way === 'changes') return takeChanges(context, now, params);
  if (way === 'compare') return beginComparison(context, now, params);
  return makeAnew(context, now, params, keepsOld);
}

/**
 * The way, as far as the images here still are what the machine's disks are. Where somebody else has been at them, or the
 * disks have become smaller, what is there is kept for a person: it may hold what nothing else does any more.
 */
async function wayFitting(
  context: PairContext,
  pair: StoredPair,
  params: Params,
): Promise<{ way: Way; keepsOld: boolean }> {
  const { pairId } = pair.spec;
  const touched = pair.notes.touched != null;
  // From here on it is as good as half a copy, whatever it was.
  if (touched)
    await context.setNotes(pairId, (notes) => ({
      ...notes,
      image: notes.image === 'none' ? 'none' : 'partial',
      touched: null,
      generation: null,
    }));
  const disks = context.disks(pair.spec, context.self);
  const fits = pair.notes.image === 'none' ? 'same' : fitOf(await context.deps.target.sizes(disks), pair);
  const way = await wayHere(context, context.pair(pairId), params);
  if (fits === 'other' || fits === 'smaller') return { way: 'full', keepsOld: fits === 'smaller' || touched };
  const changed = fits === 'grown' || touched;
  return { way: changed && way === 'changes' ? 'compare' : way, keepsOld: false };
}

/** A copy that was kept by points until now: what is mirrored goes into a layer over the newest. */
async function bringUp(context: PairContext, pair: StoredPair): Promise<void> {
  const { restore, allocatedBytes } = context.deps.target;
  const { pairId } = pair.spec;
  const disks = context.disks(pair.spec, context.self);
  const newest = restore.list(pairId).at(-1);
  if (!newest) return;
  const there = await Promise.all(disks.map(({ path }) => allocatedBytes(path)));
  if (restore.surfacedAt(pairId) === null && !there.includes(null)) return;
  must(await restore.surface(pairId, disks, null));
  await context.setNotes(pairId, (notes) => ({
    ...notes,
    image: 'complete',
    point: null,
    generation: newest.id,
  }));
  await restore.keepSurfaced(pairId);
}

/** What the owner offers, as far as the images here are fit for it. */
async function wayHere(context: PairContext, pair: StoredPair, { ways }: Params): Promise<Way> {
  const { target } = context.deps;
  const { notes } = pair;
  const disks = context.disks(pair.spec, context.self);
  if (!ways || (notes.image === 'none' && !notes.quarantine)) return 'full';
  const unmade = notes.quarantine ? [] : (notes.unmade ?? []);
  for (const { path, target: name } of disks)
    if (!unmade.includes(name) && (await target.allocatedBytes(path)) === null) return 'full';
  const known = ways.changes !== null && (notes.generation ?? null) === ways.changes;
  // What it lost of what it had acknowledged no bitmap tells.
  if (notes.quarantine || !known || target.isUnclean(pair.spec.pairId)) return 'compare';
  if (notes.image !== 'point') return 'changes';
  // Once it was closed, going back to the point is all that is left of it, and that is another copy.
  return must(await target.points.stands(pair.spec.pairId, 'seal', disks)) ? 'changes' : 'compare';
}

/** The copy here goes on from where it is. */
async function takeChanges(context: PairContext, pair: StoredPair, params: Params): Promise<Answer> {
  const { pairId } = pair.spec;
  await clearOldCopy(context, pair);
  const { wholeUntil = null, changedBytes = null } = params.ways ?? {};
  const remote = await openSealed(context, pairId, wholeUntil, changedBytes);
  return { ...remote, way: 'changes' };
}

/**
 * Both sides are read and compared. An old disk that was set aside becomes the ground of the new copy: it stays as it is
 * and takes no room of its own.
 */
async function beginComparison(context: PairContext, pair: StoredPair, params: Params): Promise<Answer> {
  const { target } = context.deps;
  const { pairId } = pair.spec;
  const disks = context.disks(pair.spec, context.self);
  await clearOldCopy(context, pair);
  // An old disk under the copy stays as it is; only a point of the copy itself is gone back to.
  if (pair.notes.point?.kind === 'seal') await goBack(context, pairId);
  const { quarantine } = pair.notes;
  if (quarantine) {
    const layered = must(await target.layer(pairId, disks, `aside-e${quarantine.ownEpoch.n}`));
    // Raw images lie on nothing: everything is copied beside the old ones.
    if (!layered) return makeAnew(context, pair, params);
    await keptUnder(context, pair, disks, layered.aside);
  }
  must(await target.fit(pairId, disks));
  const offer = must(await target.digest(pairId, disks));
  await context.setNotes(pairId, (notes) => ({
    ...notes,
    ...asStandby,
    generation: params.ways?.generation ?? null,
  }));
  return { ...offer, way: 'compare' };
}

/** What a host writes down that no longer runs the machine by right. */
export const asStandby = {
  wantRunning: false,
  moving: false,
  yielding: false,
  ranAt: null,
  quarantine: null,
  wantsStandby: null,
};

async function keptUnder(
  context: PairContext,
  pair: StoredPair,
  disks: ReplicaDisk[],
  paths: string[],
): Promise<void> {
  const since = pair.notes.quarantine?.since ?? context.now();
  const kept = await Promise.all(
    paths.map(async (path, index) => ({
      path,
      keep: true,
      under: disks[index]?.target ?? '',
      bytes: await bytesOf(context, path),
      since,
    })),
  );
  await context.setNotes(pair.spec.pairId, (notes) => ({
    ...notes,
    ...asStandby,
    image: 'point',
    // The old disk has everything until this host lost the machine.
    point: { kind: 'under', wholeUntil: since },
    aside: [...notes.aside.filter(({ path }) => !paths.includes(path)), ...kept],
  }));
  tellAside(context, pair, paths);
}

export function tellAside(context: PairContext, pair: StoredPair, paths: string[]): void {
  context.audit(
    'aside-kept',
    pair,
    `The old disks of ${pair.spec.workload.name} are kept aside on ${context.deps.selfName()}.`,
    { paths: paths.join(' ') },
  );
}

/** Whether this host acknowledges the machine's writes before they are on its disk. */
function inMemory(pair: StoredPair): boolean {
  const mode = modeOf(pair);
  return mode.kind === 'sync' && mode.memory === true;
}

/** How far this side of the comparison is; once it is done the images are offered, with a point to go back to. */
export async function compared(
  context: PairContext,
  pairId: string,
): Promise<ResultOf<PeerApi, 'standby.compare'>> {
  const pair = context.pair(pairId);
  checkRecord(context, pair);
  const status = context.deps.target.digesting(pairId);
  if (status?.problem) throw new ProblemError(status.problem);
  if (!status) {
    throw new ProblemError({
      kind: 'comparison-lost',
      message: `The agent on ${context.deps.selfName()} has started anew during the comparison.`,
      next: 'It is begun anew by itself.',
    });
  }
  const { doneBytes, totalBytes, done } = status;
  if (!done) return { doneBytes, totalBytes, remote: null };
  const since = pair.record.replica.since;
  const remote = await openSealed(context, pairId, pair.notes.point?.wholeUntil ?? since, null);
  return { doneBytes, totalBytes, remote };
}

/** Opens the images for writes in disorder. A whole copy gets a point to go back to first, where there is room. */
async function openSealed(
  context: PairContext,
  pairId: string,
  wholeUntil: number | null,
  changedBytes: number | null,
) {
  const { target } = context.deps;
  const pair = context.pair(pairId);
  const disks = context.disks(pair.spec, context.self);
  const whole = pair.notes.image === 'complete';
  const unclean = target.isUnclean(pairId);
  // Before the first write can come: from here on it may not be started.
  if (whole)
    await context.setNotes(pairId, (notes) => ({ ...notes, ...asStandby, image: 'partial', point: null }));
  else await context.setNotes(pairId, (notes) => ({ ...notes, ...asStandby }));
  // It is worth nothing as it is, and that is written down: what it lost is found by the comparison.
  if (unclean) await target.forgetUnclean(pairId);
  // Of a time before the copy was last whole.
  if (whole) must(await target.points.undo(pairId, 'seal', disks));
  const remote = must(await target.open(pairId, disks, inMemory(pair)));
  if (whole) await sealPoint(context, pair, disks, unclean ? null : wholeUntil, changedBytes);
  return remote;
}

/** Empty images; what lies in their places is kept aside or goes. */
async function makeAnew(
  context: PairContext,
  pair: StoredPair,
  params: Params,
  keepsOld = false,
): Promise<Answer> {
  const { target } = context.deps;
  const { pairId } = pair.spec;
  if (pair.notes.point?.kind === 'seal') await goBack(context, pairId);
  const now = context.pair(pairId);
  const { quarantine, image } = now.notes;
  const disks = context.disks(pair.spec, context.self);
  const keeps = keepsOld || (await keepsPrevious(context, now, disks));
  await clearOldCopy(context, now);
  must(await target.close(pairId));
  must(await target.points.undo(pairId, 'seal', disks));
  if (!keeps) must(await target.remove(pairId, disks));
  const asideTag = `aside-e${(quarantine?.ownEpoch ?? pair.record.epoch).n}`;
  // What lies there without our having put it there is not ours to delete either.
  const keep = quarantine !== null || image === 'none' || keepsOld;
  const created = must(await target.create(pairId, disks, asideTag));
  const since = quarantine?.since ?? context.now();
  const aside: LocalNotes['aside'] = [];
  for (const path of created.aside) aside.push({ path, keep, since, bytes: await bytesOf(context, path) });
  await context.setNotes(pairId, (notes) => ({
    ...notes,
    ...asStandby,
    image: 'partial',
    point: null,
    generation: params.ways?.generation ?? null,
    // What lay under the former images lies under nothing here any more, or under one that is aside itself.
    aside: [...notes.aside.map(({ under: _under, ...rest }) => rest), ...aside],
  }));
  if (keep && created.aside.length > 0) tellAside(context, pair, created.aside);
  await target.forgetUnclean(pairId);
  return { ...must(await target.open(pairId, disks, inMemory(pair))), way: 'full' };
}
