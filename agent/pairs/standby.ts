import {
  compareRecord,
  type Handlers,
  type PairDisk,
  type PeerApi,
  ProblemError,
} from '../protocol/index.ts';
import type { ReplicaDisk } from '../replication/replication.ts';
import { must, type PairContext } from './context.ts';
import { begun, withReplica } from './record.ts';
import { isLive, type StoredPair } from './store.ts';

type PeerHandlers = Omit<Handlers<PeerApi>, 'peer.hello'>;

/** Closes the replica, begins, and runs the guest here: the common end of failover and hand-over. Safe to repeat. */
export async function beginHere(
  context: PairContext,
  pairId: string,
  note: (text: string) => void,
): Promise<StoredPair> {
  const { hypervisor, target } = context.deps;
  must(await target.close(pairId));
  const pair = context.pair(pairId);
  const definition = pair.spec.definitions[context.self];
  if (definition === undefined) throw new Error(`no definition of ${pairId} for this host`);
  must(await hypervisor.define(definition));
  await hypervisor.setAutostart(pair.spec.workload.uuid, false);
  const live = isLive(context.vmState(pair.spec.workload.uuid));
  // A fresh guest has no mirror: it must never run under a record that says in sync.
  if (!live && pair.record.replica.state === 'in-sync') {
    await context.setRecord(pairId, (record) => withReplica(record, 'stale', context.now()));
  }
  if (!context.pair(pairId).record.begun) await context.setRecord(pairId, begun);
  await context.setNotes(pairId, (notes) => ({
    ...notes,
    wantRunning: true,
    bootId: context.deps.bootId,
    quarantine: null,
    image: 'complete',
  }));
  if (!live) must(await hypervisor.run(pair.spec.workload.uuid));
  note(`${pair.spec.workload.name} runs on ${context.deps.selfName()}`);
  return context.pair(pairId);
}

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

async function prepare(context: PairContext, params: Parameters<PeerHandlers['standby.prepare']>[0]) {
  const { target } = context.deps;
  const { pairId } = params.spec;
  const pair = await context.adopt(params);
  if (!pair || compareRecord(pair.record, params.record) !== 0 || pair.record.owner === context.self) {
    throw new ProblemError({
      kind: 'record-older',
      message: `${context.deps.selfName()} holds a newer record of ${params.spec.workload.name}.`,
      next: 'Look at the map again: the machine has changed sides meanwhile.',
    });
  }
  const { quarantine } = pair.notes;
  if (quarantine && !params.overQuarantine) {
    throw new ProblemError({
      kind: 'quarantined',
      message: `The old copy of ${pair.spec.workload.name} on ${context.deps.selfName()} is set aside and waits for a decision.`,
      next: 'Choose "Make it the standby again" when you no longer need what only the old copy has.',
    });
  }
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
    quarantine: null,
    image: 'partial',
    aside: [...notes.aside, ...created.aside.map((path) => ({ path, keep }))],
  }));
  if (keep && created.aside.length > 0) {
    context.audit(
      'aside-kept',
      pair,
      `The old disks of ${pair.spec.workload.name} are kept aside on ${context.deps.selfName()}.`,
      {
        paths: created.aside.join(' '),
      },
    );
  }
  return must(await target.open(pairId, disks));
}

async function forget(context: PairContext, pairId: string): Promise<void> {
  const pair = context.store.get(pairId);
  if (!pair) return;
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
    must(
      await context.deps.target.discard(
        pair.notes.aside.filter((aside) => !aside.keep).map((aside) => aside.path),
      ),
    );
  }
  await context.store.remove(pairId);
  context.audit(
    'replica-removed',
    pair,
    `${context.deps.selfName()} no longer stands by for ${pair.spec.workload.name}.`,
  );
}

async function begin(context: PairContext, params: Parameters<PeerHandlers['standby.begin']>[0]) {
  const pair = await context.adopt(params);
  if (!pair || pair.record.owner !== context.self || pair.record.epoch.n !== params.record.epoch.n) {
    throw new ProblemError({
      kind: 'record-older',
      message: `${context.deps.selfName()} holds another record of ${params.spec.workload.name}.`,
      next: 'Look at the map again: the machine has changed sides meanwhile.',
    });
  }
  context.audit(
    'handed-over',
    pair,
    `${context.deps.selfName()} takes over ${pair.spec.workload.name} from ${context.nameOf(context.other(pair.spec))}, as ordered.`,
  );
  const after = await beginHere(context, params.spec.pairId, () => undefined);
  return { record: after.record };
}

/** Once the copy is whole, those set aside for safety's sake are dropped; those of a quarantine stay. */
async function noteWholeCopy(context: PairContext, pair: StoredPair): Promise<void> {
  if (pair.record.replica.state !== 'in-sync' || context.isOwner(pair) || pair.notes.quarantine) return;
  const spare = pair.notes.aside.filter((aside) => !aside.keep);
  if (pair.notes.image === 'complete' && spare.length === 0) return;
  await context.setNotes(pair.spec.pairId, (notes) => ({ ...notes, image: 'complete' }));
  must(await context.deps.target.discard(spare.map((aside) => aside.path)));
  await context.setNotes(pair.spec.pairId, (notes) => ({
    ...notes,
    aside: notes.aside.filter((aside) => aside.keep),
  }));
}

/** What this member answers to the other agents of its fleet. `superseded` is told when a newer owner was learnt. */
export function peerHandlers(context: PairContext, superseded: (pairId: string) => void): PeerHandlers {
  const { hypervisor } = context.deps;
  return {
    'record.read': async ({ pairId }) => {
      const pair = context.store.get(pairId);
      return {
        record: pair?.record ?? null,
        spec: pair?.spec ?? null,
        quarantined: (pair?.notes.quarantine ?? null) !== null,
      };
    },
    'record.offer': async ({ record, spec }) => {
      const pair = await context.adopt({ record, spec });
      if (!pair) {
        throw new ProblemError({
          kind: 'not-a-member',
          message: `${context.deps.selfName()} is no member of this pair.`,
          next: 'Check that no two hosts share one identity.',
        });
      }
      if (pair.notes.quarantine) superseded(pair.spec.pairId);
      await noteWholeCopy(context, pair);
      return { record: pair.record };
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
    'standby.prepare': (params) => prepare(context, params),
    'standby.forget': async ({ pairId }) => {
      await forget(context, pairId);
      return {};
    },
    'standby.begin': (params) => begin(context, params),
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
