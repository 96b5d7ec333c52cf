import { compareBallot } from '../lease/record.ts';
import { type Handlers, type PairDisk, type PeerApi, ProblemError } from '../protocol/index.ts';
import type { ReplicaDisk } from '../replication/replication.ts';
import { must, type PairContext } from './context.ts';
import type { Receiver } from './moving/receiver.ts';
import { freshNotes, isLive, type StoredPair } from './store.ts';

export type PairPeerHandlers = Omit<Handlers<PeerApi>, 'peer.hello'>;

/** Ends whatever still stands of a former ownership before the host becomes a standby again. */
async function clearOldCopy(context: PairContext, pair: StoredPair): Promise<void> {
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
  if (pair.notes.image === 'partial') return false;
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
 * the machine, and that nobody may take this copy over meanwhile.
 */
function checkRecord(context: PairContext, pair: StoredPair): void {
  const { record, spec } = pair;
  if (record.owner !== context.self && record.begun && !record.armed && record.replica.state !== 'in-sync')
    return;
  throw new ProblemError({
    kind: 'record-older',
    message: `${context.deps.selfName()} holds a newer record of ${spec.workload.name}.`,
    next: 'Look at the map again: the machine has changed sides meanwhile.',
  });
}

function refuseQuarantined(context: PairContext, pair: StoredPair, over: boolean): void {
  if (!pair.notes.quarantine || over) return;
  throw new ProblemError({
    kind: 'quarantined',
    message: `The old copy of ${pair.spec.workload.name} on ${context.deps.selfName()} is set aside and waits for a decision.`,
    next: 'Choose "Make it the standby again" when you no longer need what only the old copy has.',
  });
}

async function prepare(context: PairContext, params: Parameters<PairPeerHandlers['standby.prepare']>[0]) {
  const { target, guard } = context.deps;
  const { pairId, workload } = params.spec;
  await context.adoptSpec(params.spec, freshNotes(context.deps.bootId));
  await context.nodes.seed(pairId, params.chosen, true);
  // No permission: whatever is started of it here by hand is stopped.
  await guard.protect(workload.uuid);
  // What learning that record writes down (a quarantine) is on disk before anything is decided here.
  await context.setNotes(pairId, (notes) => notes);
  const pair = context.pair(pairId);
  checkRecord(context, pair);
  refuseQuarantined(context, pair, params.overQuarantine);
  const { quarantine } = pair.notes;
  const disks = context.disks(pair.spec, context.self);
  const keeps = await keepsPrevious(context, pair, disks);
  await clearOldCopy(context, pair);
  must(await target.close(pairId));
  if (!keeps) must(await target.remove(pairId, disks));
  const asideTag = `aside-e${(quarantine?.ownEpoch ?? pair.record.epoch).n}`;
  // What lies there without our having put it there is not ours to delete either.
  const keep = quarantine !== null || pair.notes.image === 'none';
  const created = must(await target.create(pairId, disks, asideTag));
  await context.setNotes(pairId, (notes) => ({
    ...notes,
    wantRunning: false,
    moving: false,
    ranAt: null,
    quarantine: null,
    image: 'partial',
    aside: [...notes.aside, ...created.aside.map((path) => ({ path, keep }))],
  }));
  if (keep && created.aside.length > 0) {
    context.audit(
      'aside-kept',
      pair,
      `The old disks of ${pair.spec.workload.name} are kept aside on ${context.deps.selfName()}.`,
      { paths: created.aside.join(' ') },
    );
  }
  return must(await target.open(pairId, disks));
}

async function forget(context: PairContext, pairId: string): Promise<void> {
  const pair = context.store.get(pairId);
  if (pair) {
    if (context.isOwner(pair)) {
      throw new ProblemError({
        kind: 'owner-here',
        message: `${pair.spec.workload.name} belongs to ${context.deps.selfName()}; its disks are not deleted from afar.`,
        next: 'End the protection on the host where the machine runs.',
      });
    }
    // A quarantined copy is the person's: its disks and definition stay, only the pair is forgotten.
    if (!pair.notes.quarantine) {
      must(await context.deps.target.remove(pairId, context.disks(pair.spec, context.self)));
      const spare = pair.notes.aside.filter((aside) => !aside.keep).map((aside) => aside.path);
      must(await context.deps.target.discard(spare));
    }
    await context.deps.guard.letGo(pair.spec.workload.uuid);
    await context.store.remove(pairId);
    context.audit(
      'replica-removed',
      pair,
      `${context.deps.selfName()} no longer stands by for ${pair.spec.workload.name}.`,
    );
  } else await context.store.remove(pairId);
  await context.nodes.bury(pairId);
}

/** What touches a pair's images waits for what touched them before: an order that was given up may still be at it here. */
function oneAtATime(): <T>(pairId: string, work: () => Promise<T>) => Promise<T> {
  const tails = new Map<string, Promise<unknown>>();
  return (pairId, work) => {
    const run = (tails.get(pairId) ?? Promise.resolve()).then(work, work);
    tails.set(
      pairId,
      run.catch(() => undefined),
    );
    return run;
  };
}

/** What this member, or witness, answers to the other agents of its fleet. */
export function peerHandlers(context: PairContext, receiver: Receiver): PairPeerHandlers {
  const { hypervisor } = context.deps;
  const inTurn = oneAtATime();
  return {
    'record.read': async ({ pairId }) => {
      const kept = context.store.kept(pairId);
      return {
        record: context.nodes.record(pairId),
        spec: kept?.spec ?? null,
        quarantined: (kept?.notes.quarantine ?? null) !== null,
      };
    },
    'spec.offer': async ({ spec, chosen }) => {
      const { pairId } = spec;
      // A pair that ended here is not brought back by a late word of it.
      if (context.nodes.buried.has(pairId)) return {};
      const kept = context.store.kept(pairId);
      await context.adoptSpec(spec, kept?.notes ?? freshNotes(context.deps.bootId));
      if (!kept && chosen) context.nodes.rejoin(pairId, chosen);
      return {};
    },
    'record.keep': async ({ chosen, brandNew, spec }) => {
      const { pairId } = chosen.record;
      // A member's duties come with its vote.
      if (spec) await context.adoptSpec(spec, freshNotes(context.deps.bootId));
      await context.nodes.seed(pairId, chosen, brandNew);
      // What it means for the copy here is on disk too.
      await context.setNotes(pairId, (notes) => notes);
      const held = context.nodes.chosen(pairId);
      return { current: held !== null && compareBallot(held.ballot, chosen.ballot) >= 0 };
    },
    'vm.state': async ({ vmUuid }) => ({ state: hypervisor.reachable ? context.vmState(vmUuid) : 'unknown' }),
    'standby.check': async (needs) => {
      const { checks, paths } = await hypervisor.checkStandby({
        uuid: needs.vmUuid,
        name: needs.name,
        text: needs.definition,
        disks: needs.disks.map((disk) => ({ ...disk, readOnly: false, device: 'disk' })),
      });
      return { checks, paths };
    },
    'standby.fix': async ({ vmUuid, fix }) => {
      must(await hypervisor.fix(vmUuid, fix));
      return {};
    },
    'standby.prepare': (params) => inTurn(params.spec.pairId, () => prepare(context, params)),
    'move.check': async ({ pairId }) => ({ hindrances: receiver.hindrances(pairId) }),
    'move.receive': (params) =>
      inTurn(params.pairId, async () => {
        await receiver.receive(params);
        return {};
      }),
    'move.drained': async ({ pairId, token }) => {
      await receiver.drained(pairId, token);
      return {};
    },
    'move.refuse': ({ pairId, token }) =>
      inTurn(pairId, async () => {
        await receiver.drop(pairId, token);
        return {};
      }),
    'move.return': async ({ pairId }) => {
      const pair = context.pair(pairId);
      const { record } = pair;
      const here = context.vm(pair.spec.workload.uuid)?.pause === 'leaving';
      const returns = here && !record.begun && record.former === context.self;
      if (returns) context.nodes.get(pairId)?.takeBackNow();
      return { returns };
    },
    'pair.forget': ({ pairId }) =>
      inTurn(pairId, async () => {
        await forget(context, pairId);
        return {};
      }),
  };
}

/** Disks of a guest as the pair keeps them: image paths on both members. */
export function pairDisks(
  disks: { target: string; path: string; format: string; sizeBytes: number }[],
  owner: string,
  standby: string,
  standbyPaths: Record<string, string>,
): PairDisk[] {
  return disks.map((disk) => ({
    target: disk.target,
    sizeBytes: disk.sizeBytes,
    format: disk.format === 'raw' ? 'raw' : 'qcow2',
    paths: { [owner]: disk.path, [standby]: standbyPaths[disk.target] ?? disk.path },
  }));
}
