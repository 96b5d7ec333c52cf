import type { LocalCopy, MirrorStatus, PairRecord, PairStatus, Task } from '../../../agent/protocol/index.ts';
import type { TaskView } from '../../contract/index.ts';
import type { HostSight, JoinInput } from '../pairs/inputs.ts';
import { joinPair } from '../pairs/join.ts';
import { task as taskWords } from './fake-link.ts';
import { leaseView, pairRecord } from './pair-words.ts';

/** What atlas (owner) and boreas (standby) say of their pair of web, in sync, and how it is joined to one view. */
export const NOW = Date.UTC(2026, 4, 6, 12, 0, 0);
export const answers = (name: string): HostSight => ({ name, reach: 'answers', silentSince: null });
export const silent = (name: string, since = NOW - 60_000): HostSight => ({
  name,
  reach: 'silent',
  silentSince: since,
});

export const record: PairRecord = {
  ...pairRecord,
  replica: { mode: 'sync', state: 'in-sync', point: NOW - 500, since: NOW - 5_000 },
};

export const mirror: MirrorStatus = {
  state: 'in-sync',
  doneBytes: 100,
  totalBytes: 100,
  rateBps: 0,
  since: NOW - 4_000,
  problem: null,
};

export function status(local: LocalCopy, change: Partial<PairStatus> = {}): PairStatus {
  const own = local.kind === 'primary' || local.kind === 'waiting' ? 'h-atlas' : 'h-boreas';
  return {
    spec: {
      pairId: 'p1',
      revision: 1,
      workload: { kind: 'vm', uuid: '6d1ac9b2-5f0c-4b0e-8a44-6a1c1c1b2d3e', name: 'web' },
      members: ['h-atlas', 'h-boreas'],
      disks: [],
      definitions: {},
      autostartBefore: true,
      createdAt: 0,
    },
    record,
    local,
    mirror: null,
    lease: leaseView(),
    peer: { hostId: own === 'h-atlas' ? 'h-boreas' : 'h-atlas', reachable: true, since: 0 },
    ...change,
  };
}

export const primary = (change: Partial<PairStatus> = {}) =>
  status({ kind: 'primary', vm: 'running' }, { mirror, ...change });
export const standby = (change: Partial<PairStatus> = {}) =>
  status({ kind: 'standby', exports: 'open' }, change);
export const deaf = { hostId: 'h-atlas', reachable: false, since: NOW - 50_000 };

export function join(
  change: Partial<JoinInput> & { atlas?: PairStatus | null; boreas?: PairStatus | null } = {},
) {
  const { atlas = primary(), boreas = standby(), ...rest } = change;
  return joinPair({
    members: {
      ...(atlas ? { 'h-atlas': { status: atlas, heardAt: NOW, leaseAt: NOW } } : {}),
      ...(boreas ? { 'h-boreas': { status: boreas, heardAt: NOW, leaseAt: NOW } } : {}),
    },
    hosts: { 'h-atlas': answers('atlas'), 'h-boreas': answers('boreas') },
    tasks: [],
    previous: null,
    now: NOW,
    ...rest,
  });
}

export function task(change: Partial<Task>, hostId = 'h-atlas'): TaskView {
  return { hostId, task: taskWords({ startedAt: NOW - 9_000, ...change }) };
}
