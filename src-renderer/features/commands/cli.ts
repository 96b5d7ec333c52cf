import type { ExternalMode } from '../../../agent/protocol/coordinated.ts';
import { RETENTION_DEFAULT, type ReplicationMode } from '../../../agent/protocol/mode.ts';
import { argvOf, lineOf } from '../../../src-main/contract/host-command.ts';
import type { FleetSnapshot } from '../../../src-main/contract/index.ts';
import { type GivenOrder, vmOf } from './given.ts';
import { shellLine } from './shell.ts';

const command = (words: readonly string[]): string => shellLine(['understudy', ...words]);

/** The command line of src-main/cli that gives the same orders; empty: it has no word for this one. */
export function cliOf(order: GivenOrder, fleet: FleetSnapshot): string[] {
  switch (order.method) {
    case 'pair.failover': {
      const { pairId, typedName, point } = order.params;
      const vouch = typedName ? ['--vouch', typedName] : [];
      return [command(['failover', machine(fleet, pairId), ...vouch, ...(point ? ['--point', point] : [])])];
    }
    case 'pair.switchover':
      return [moved(fleet, order.params.pairId, order.params.way, order.params.switchOff)];
    case 'evacuation.start':
      return order.params.pairIds.map((pairId) => moved(fleet, pairId, order.params.way));
    case 'pair.drill':
      // Of an earlier point only the window can be told.
      return order.params.point ? [] : [command(['drill', machine(fleet, order.params.pairId)])];
    case 'protect.start':
      return protect(order.params, fleet);
    default:
      return [];
  }
}

function moved(fleet: FleetSnapshot, pairId: string, way?: string, switchOff?: boolean): string {
  const how = way === undefined || way === 'auto' ? [] : ['--way', way];
  return command(['switchover', machine(fleet, pairId), ...how, ...(switchOff ? ['--switch-off'] : [])]);
}

type Protect = Extract<GivenOrder, { method: 'protect.start' }>['params'];

function protect(params: Protect, fleet: FleetSnapshot): string[] {
  const kept = modeWords(params.replication ?? { kind: 'sync' });
  if (kept === null) return [];
  const vm = vmOf(fleet, params.hostId, params.vmUuid);
  const same = Object.values(fleet.vms).filter((other) => other.vm.name === vm?.name);
  const name = vm && same.length === 1 ? vm.name : params.vmUuid;
  const told: [string, string | undefined][] = [
    ['--policy', params.policy],
    ['--profile', params.profile],
    [
      '--witness',
      params.witness === undefined
        ? undefined
        : params.witness === null
          ? 'none'
          : host(fleet, params.witness),
    ],
    ['--drill', params.drill],
  ];
  const more = told.flatMap(([option, value]) => (value === undefined ? [] : [option, value]));
  return [command(['protect', name, '--standby', host(fleet, params.standby), ...kept, ...more])];
}

/** What the command line takes for granted of points. */
const POINTS = JSON.stringify(RETENTION_DEFAULT);

/** Null: the command line cannot say it. */
function modeWords(mode: ReplicationMode): string[] | null {
  if (mode.kind === 'async') return ['--mode', 'async', '--rpo', String(mode.rpoS)];
  if (mode.kind === 'interval')
    return JSON.stringify(mode.retention) === POINTS
      ? ['--mode', 'interval', '--every', String(mode.everyS)]
      : null;
  if (mode.kind === 'shared') return ['--mode', 'shared'];
  if (mode.kind === 'external') return externalWords(mode);
  if (mode.kind === 'sync' && !mode.memory && mode.goOnMs === undefined) return ['--mode', 'sync'];
  return null;
}

/** Only what is the same on both hosts, and comes out of the line as it went in, can be typed. */
function externalWords({ synchronous, everyS, commands }: ExternalMode): string[] | null {
  const [each, ...others] = Object.values(commands);
  if (!each || others.some((other) => JSON.stringify(other) !== JSON.stringify(each))) return null;
  const told = (['state', 'promote', 'demote'] as const).flatMap((verb) => {
    const line = each[verb];
    return line === null ? [] : [{ verb, line: lineOf(line), argv: line }];
  });
  if (told.some(({ line, argv }) => JSON.stringify(argvOf(line)) !== JSON.stringify(argv))) return null;
  return [
    ...['--mode', 'external', '--every', String(everyS)],
    ...told.flatMap(({ verb, line }) => [`--${verb}`, line]),
    ...(synchronous ? ['--synchronous'] : []),
  ];
}

/** By its name, or by the pair's id when several have that name. */
function machine(fleet: FleetSnapshot, pairId: string): string {
  const name = fleet.pairs[pairId]?.name;
  const same = Object.values(fleet.pairs).filter((pair) => pair.name === name);
  return name !== undefined && same.length === 1 ? name : pairId;
}

function host(fleet: FleetSnapshot, hostId: string): string {
  const name = fleet.hosts[hostId]?.name;
  const same = Object.values(fleet.hosts).filter((other) => other.name === name);
  return name !== undefined && same.length === 1 ? name : hostId;
}
