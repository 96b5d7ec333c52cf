import { type Handlers, type PairDisk, type PeerApi, ProblemError } from '../protocol/index.ts';
import { must, type PairContext } from './context.ts';
import { yieldOwner } from './orders/revert.ts';
import { compared, prepare } from './prepare.ts';
import { freshNotes } from './store.ts';

export type PairPeerHandlers = Omit<Handlers<PeerApi>, 'peer.hello'>;

async function forget(context: PairContext, pairId: string): Promise<void> {
  const pair = context.store.get(pairId);
  if (pair) {
    await context.drills.end(pairId);
    if (context.isOwner(pair)) {
      throw new ProblemError({
        kind: 'owner-here',
        message: `${pair.spec.workload.name} belongs to ${context.deps.selfName()}; its disks are not deleted from afar.`,
        next: 'End the protection on the host where the machine runs.',
      });
    }
    // A quarantined copy is the person's: its disks and definition stay, only the pair is forgotten.
    if (!pair.notes.quarantine) {
      const disks = context.disks(pair.spec, context.self);
      must(await context.deps.target.close(pairId));
      must(await context.deps.target.points.undo(pairId, 'seal', disks));
      must(await context.deps.target.remove(pairId, disks));
      const spare = pair.notes.aside.filter((aside) => !aside.keep).map((aside) => aside.path);
      must(await context.deps.target.discard(spare));
    }
    await context.letGo(pair.spec);
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
export function peerHandlers(context: PairContext): PairPeerHandlers {
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
      return { current: context.nodes.holds(pairId, chosen) };
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
    'standby.prepare': (params) => inTurn(params.spec.pairId, () => prepare(context, params)),
    'standby.compare': ({ pairId }) => inTurn(pairId, () => compared(context, pairId)),
    'owner.yield': (params) => yieldOwner(context, params),
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
