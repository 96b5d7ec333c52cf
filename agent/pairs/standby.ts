import type { Handlers, PairDisk, PeerApi } from '../protocol/index.ts';
import { must, type PairContext } from './context.ts';
import { forget, leave } from './leaving.ts';
import { yieldOwner } from './orders/revert.ts';
import { compared, prepare } from './prepare.ts';
import { endReading, readReplica, replicaRead } from './read-replica.ts';
import { freshNotes } from './store.ts';

export type PairPeerHandlers = Omit<Handlers<PeerApi>, 'peer.hello'>;

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
    'vm.state': async ({ vmUuid }) => ({
      state: hypervisor.reachable ? context.vmState(vmUuid) : 'unknown',
      addresses: context.vm(vmUuid)?.addresses ?? [],
    }),
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
    'standby.compare': ({ pairId }) => context.inTurn(pairId, () => compared(context, pairId)),
    'standby.verify': ({ pairId }) => context.inTurn(pairId, () => readReplica(context, pairId)),
    'standby.verified': ({ pairId }) => replicaRead(context, pairId),
    'standby.verifyEnd': ({ pairId }) => context.inTurn(pairId, () => endReading(context, pairId)),
    'owner.yield': (params) => yieldOwner(context, params),
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
