import type { PairStatus, ReplicationMode } from '../../../agent/protocol/index.ts';
import { recordMode } from '../../../agent/protocol/index.ts';
import type { FleetSnapshot } from '../../contract/index.ts';
import { host } from '../../contract/testing-fleet.ts';
import { join, primary, record, standby } from '../testing/two-words.ts';

const SECRET = 'hunter2-vnc';
const definition = `<domain><graphics type='vnc' passwd='${SECRET}'/></domain>`;

export { SECRET };

export const COMMANDS = {
  state: ['/usr/local/sbin/repl', 'state', 'r 0'],
  promote: ['/usr/local/sbin/repl', 'promote', 'r 0'],
  demote: null,
};

/** atlas runs web, boreas keeps its copy; `more`: what the standby's word has besides. */
export function fleetOf(
  mode: ReplicationMode = { kind: 'sync' },
  more: Partial<PairStatus> = {},
  name = 'web',
): FleetSnapshot {
  const both = (status: PairStatus): PairStatus => ({
    ...status,
    record: { ...record, replica: { ...record.replica, mode: recordMode(mode), ...stateOf(mode) } },
    spec: {
      ...status.spec,
      workload: { ...status.spec.workload, name },
      replication: mode,
      definitions: { 'h-atlas': definition, 'h-boreas': definition },
      disks: ['vda', 'vdb'].map((target) => ({
        target,
        sizeBytes: 1,
        format: 'qcow2' as const,
        paths: { 'h-atlas': `/images/web-${target}.qcow2`, 'h-boreas': `/copies/web ${target}.qcow2` },
      })),
    },
  });
  const pair = join({ atlas: both(primary()), boreas: { ...both(standby()), ...more } });
  return {
    hosts: {
      'h-atlas': host('h-atlas', { name: 'atlas', address: '10.0.0.1' }),
      'h-boreas': host('h-boreas', { name: 'boreas', address: '10.0.0.2', port: 2222, user: 'ada' }),
    },
    vms: {},
    pairs: { p1: pair },
    tasks: {},
  };
}

const stateOf = ({ kind }: ReplicationMode): { state: 'in-sync' | 'stale' } => ({
  state: kind === 'sync' || kind === 'shared' ? 'in-sync' : 'stale',
});
