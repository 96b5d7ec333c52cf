import { type Handlers, type PairDisk, type PeerApi, ProblemError } from '../protocol/index.ts';
import type { ReplicaDisk } from '../replication/replication.ts';
import { must, type PairContext } from './context.ts';
import { forget, leave } from './leaving.ts';
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
 * the machine, that this one stands by for it, and that nobody may take this copy over meanwhile.
 */
function checkRecord(context: PairContext, pair: StoredPair): void {
  const { record, spec } = pair;
  const counted = record.members.includes(context.self) && record.owner !== context.self;
  if (counted && record.begun && !record.armed && record.replica.state !== 'in-sync') return;
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

/** What this member, or witness, answers to the other agents of its fleet. */
export function peerHandlers(context: PairContext): PairPeerHandlers {
  const { hypervisor } = context.deps;
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
      const current = context.nodes.holds(pairId, chosen);
      // Told that another stands by: at once; what keeps it from going now is tried again (agent/lease/outsiders.ts).
      leave(context, pairId)?.catch((error) => context.deps.log('warn', `${pairId}: ${String(error)}`));
      return { current };
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
    'standby.prepare': (params) => context.inTurn(params.spec.pairId, () => prepare(context, params)),
    'pair.forget': ({ pairId }) =>
      context.inTurn(pairId, async () => {
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
