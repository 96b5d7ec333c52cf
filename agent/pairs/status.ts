import type { LocalCopy, PairStatus } from '../protocol/index.ts';
import type { PairContext } from './context.ts';
import { isLive, type StoredPair } from './store.ts';

/** What this member tells the console of its own copy. `waiting`: why the guest is not started here, if it waits. */
export function localCopy(
  context: PairContext,
  pair: StoredPair,
  waiting: { since: number; reason: string } | null,
): LocalCopy {
  const { quarantine } = pair.notes;
  if (quarantine) return { kind: 'quarantined', ...quarantine };
  if (!context.isOwner(pair)) {
    return { kind: 'standby', exports: context.deps.target.isOpen(pair.spec.pairId) ? 'open' : 'closed' };
  }
  const state = context.vmState(pair.spec.workload.uuid);
  if (waiting && !isLive(state)) return { kind: 'waiting', ...waiting };
  return {
    kind: 'primary',
    vm: state === 'paused' ? 'paused' : isLive(state) ? 'running' : 'stopped',
    ...(context.isUndefined(pair.spec.workload.uuid) ? { defined: false } : {}),
  };
}

export function pairStatus(
  context: PairContext,
  pair: StoredPair,
  waiting: { since: number; reason: string } | null,
): PairStatus {
  const peerId = context.other(pair.spec);
  const sight = context.deps.peers.sight(peerId);
  return {
    spec: pair.spec,
    record: pair.record,
    local: localCopy(context, pair, waiting),
    mirror: context.isOwner(pair) ? context.deps.source.status(pair.spec.pairId) : null,
    peer: {
      hostId: peerId,
      reachable: sight?.reachable ?? false,
      since: sight?.since ?? pair.spec.createdAt,
    },
  };
}
