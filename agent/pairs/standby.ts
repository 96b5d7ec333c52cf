import type { Handlers, PairDisk, PeerApi } from '../protocol/index.ts';
import { ownerHears } from './changes/images.ts';
import { must, type PairContext } from './context.ts';
import { checkCommands, seeShared, standByAttended, tellExternal } from './coordinated/standing-by.ts';
import { forget, leave } from './leaving.ts';
import type { Receiver } from './moving/receiver.ts';
import { yieldOwner } from './orders/revert.ts';
import { compared, prepare } from './prepare.ts';
import { endReading, readReplica, replicaRead } from './read-replica.ts';
import { beginPoint, comparePoint, prunePoints, sealPoint } from './restore-points.ts';
import { freshNotes, type LocalNotes } from './store.ts';

export type PairPeerHandlers = Omit<
  Handlers<PeerApi>,
  'peer.hello' | 'telling.offer' | 'telling.told' | 'telling.relay'
>;

/** What this member, or witness, answers to the other agents of its fleet. */
export function peerHandlers(context: PairContext, receiver: Receiver): PairPeerHandlers {
  const { hypervisor } = context.deps;
  return {
    'record.read': async ({ pairId }) => {
      const kept = context.store.kept(pairId);
      return {
        record: context.nodes.record(pairId),
        spec: kept?.spec ?? null,
        quarantined: (kept?.notes.quarantine ?? null) !== null,
        ...startable(kept?.notes),
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
      await context.learning.done(pairId);
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
      const { checks, paths } = await hypervisor.checkStandby(
        {
          uuid: needs.vmUuid,
          name: needs.name,
          text: needs.definition,
          disks: needs.disks.map((disk) => ({ ...disk, readOnly: false, device: 'disk' })),
        },
        needs.copy,
      );
      return { checks, paths };
    },
    'standby.fix': async ({ vmUuid, fix }) => {
      must(await hypervisor.fix(vmUuid, fix));
      return {};
    },
    'standby.prepare': (params) => context.inTurn(params.spec.pairId, () => prepare(context, params)),
    'standby.attend': (params) =>
      context.inTurn(params.spec.pairId, async () => {
        await standByAttended(context, params);
        return {};
      }),
    'shared.see': (params) => seeShared(context, params),
    'external.state': (params) => tellExternal(context, params),
    'external.check': (params) => checkCommands(context, params),
    'standby.compare': ({ pairId }) => context.inTurn(pairId, () => compared(context, pairId)),
    'points.list': async ({ pairId }) => ({ points: context.deps.target.restore.list(pairId) }),
    'points.begin': (params) => context.inTurn(params.spec.pairId, () => beginPoint(context, params)),
    'points.compare': ({ pairId }) => context.inTurn(pairId, () => comparePoint(context, pairId)),
    'points.seal': async ({ pairId, point }) => {
      await context.inTurn(pairId, () => sealPoint(context, pairId, point));
      // Not waited for: the point counts already, and the next one waits for its turn.
      void context
        .inTurn(pairId, () => prunePoints(context, pairId))
        .catch((error) => context.deps.log('warn', `${pairId}: ${String(error)}`));
      return {};
    },
    'standby.verify': ({ pairId }) => context.inTurn(pairId, () => readReplica(context, pairId)),
    'standby.verified': ({ pairId }) => replicaRead(context, pairId),
    'standby.verifyEnd': ({ pairId }) => context.inTurn(pairId, () => endReading(context, pairId)),
    'copy.touched': async ({ pairId, text }) => {
      await ownerHears(context, pairId, text);
      return {};
    },
    'owner.yield': (params) => yieldOwner(context, params),
    'move.check': async ({ pairId }) => ({ hindrances: receiver.hindrances(pairId) }),
    'move.receive': (params) =>
      context.inTurn(params.pairId, async () => {
        await receiver.receive(params);
        return {};
      }),
    'move.drained': async ({ pairId, token }) => {
      await receiver.drained(pairId, token);
      return {};
    },
    'move.refuse': ({ pairId, token }) =>
      context.inTurn(pairId, async () => {
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
      context.inTurn(pairId, async () => {
        await forget(context, pairId);
        return {};
      }),
  };
}

/** A copy that is whole is what the record says of it; of a half-made one the point that was kept counts, if one was. */
function startable(notes: LocalNotes | undefined): { startable?: { wholeUntil: number | null } | null } {
  if (notes === undefined || notes.image === 'complete') return {};
  return { startable: notes.image === 'point' ? { wholeUntil: notes.point?.wholeUntil ?? null } : null };
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
