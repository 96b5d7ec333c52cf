import type { Hypervisor } from '../hypervisor/hypervisor.ts';
import type { PairsService } from '../pairs/service.ts';
import type { Peers } from '../peers/peers.ts';
import type { HostRole, TellingSettings } from '../protocol/index.ts';
import type { Book } from './book.ts';
import type { World } from './condition.ts';

export interface Sources {
  hypervisor: Pick<Hypervisor, 'list'>;
  pairs: Pick<PairsService, 'list' | 'tasks' | 'unclaimed' | 'records'>;
  peers: Pick<Peers, 'get' | 'sights'>;
  self: { hostId: string; name: string };
  role: HostRole;
}

/** Everything this agent knows at this moment that may be worth telling. */
export function worldOf(
  { hypervisor, pairs, peers, self, role }: Sources,
  { zone, unprotectedMinutes }: TellingSettings,
  { open }: Book,
  now: number,
): World {
  const crashed = hypervisor.list().filter(({ state }) => state === 'crashed');
  return {
    self,
    now,
    zone,
    unprotectedMinutes,
    role,
    pairs: pairs.list(),
    tasks: pairs.tasks(),
    sights: peers
      .sights()
      .map((sight) => ({ ...sight, role: peers.get(sight.hostId)?.role ?? ('hypervisor' as const) })),
    unclaimed: pairs.unclaimed(),
    records: pairs.records(),
    crashed: new Set(crashed.map(({ uuid }) => uuid)),
    open: new Set(open.map(({ id }) => id)),
    nameOf: (hostId) => (hostId === self.hostId ? self.name : (peers.get(hostId)?.name ?? 'another host')),
  };
}
