import type { MachineChange } from '../../protocol/index.ts';
import type { PairContext } from '../context.ts';
import { isLive, type LocalNotes, type StoredPair } from '../store.ts';

/** Noted, until it runs here again. */
export const isMovedAway = ({ changed }: LocalNotes): boolean =>
  changed?.changes.some(({ kind }) => kind === 'moved-away') === true;

/** A machine that was migrated from here was so by somebody else: ours give it away in the record, or are about to. */
export const leftByOthers = ({ notes, record }: StoredPair): boolean =>
  record.begun && record.change !== 'take-back' && !notes.moving;

/** Its hypervisor says so of the owner's machine; nobody may have listened when it happened. */
export function hasLeft(context: PairContext, pair: StoredPair): boolean {
  const vm = context.vm(pair.spec.workload.uuid);
  return vm?.away === true && !isLive(vm.state) && context.isOwner(pair) && leftByOthers(pair);
}

/** Durable before anything starts it here again: it would run twice. */
export async function noteMovedAway(context: PairContext, pairId: string): Promise<void> {
  const { spec, notes } = context.pair(pairId);
  const { name } = spec.workload;
  const here = context.deps.selfName();
  const text = `It was migrated from ${here} to another host by another tool.`;
  const change: MachineChange = { kind: 'moved-away', text };
  const others = (notes.changed?.changes ?? []).filter(({ kind }) => kind !== 'moved-away');
  await context.setNotes(pairId, (known) => ({
    ...known,
    wantRunning: false,
    changed: {
      since: context.now(),
      changes: [...others, change],
      lacks: true,
      ask: {
        kind: 'moved-away',
        message: `${name} was migrated from ${here} to a host that is none of its pair. It is not started here, and nowhere else by itself.`,
        next: `Bring it back to ${here} (virsh migrate), or start it on ${here} once it is stopped there. If it is to stay there, end its protection here.`,
      },
    },
  }));
  context.audit(
    'vm-lost-to-others',
    { spec },
    `${name}: ${text} It is not started here again by itself: it would run twice.`,
  );
}
