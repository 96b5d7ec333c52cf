import type { FleetSnapshot, HostView, PairView, VmView } from '../../../src-main/contract/index.ts';
import { vmKey } from '../../../src-main/contract/keys.ts';
import type { Outcome, WhatIf } from '../../../src-main/contract/what-if.ts';

/**
 * The fleet as it would be told after that failure, `now` being its moment (ms): the same picture can be drawn of it. Only
 * what the picture shows is thought of; nothing of it is ever sent anywhere.
 */
export function imagined(
  fleet: FleetSnapshot,
  asked: readonly string[],
  found: WhatIf,
  now: number,
): FleetSnapshot {
  const hosts = { ...fleet.hosts };
  for (const id of asked) {
    const host = hosts[id];
    if (host) hosts[id] = silent(host, now);
  }
  const pairs = { ...fleet.pairs };
  const vms = { ...fleet.vms };
  for (const outcome of found.outcomes) {
    const pair = outcome.pairId === null ? undefined : pairs[outcome.pairId];
    if (!pair) continue;
    pairs[pair.id] = after(pair, outcome, now);
    const view = vms[vmKey(outcome.from, outcome.vmUuid ?? '')];
    if (outcome.fate === 'by-itself' && outcome.to !== null && view) {
      const there: VmView = { ...view, key: vmKey(outcome.to, outcome.vmUuid ?? ''), hostId: outcome.to };
      vms[there.key] = { ...there, vm: { ...there.vm, state: 'running' } };
    }
  }
  return { hosts, vms, pairs, tasks: {} };
}

function silent(host: HostView, now: number): HostView {
  const problem = { kind: 'imagined', message: '', next: '' };
  return { ...host, connection: { state: 'offline', since: now, retryAt: now, problem } };
}

function after(pair: PairView, outcome: Outcome, now: number): PairView {
  const automation = { ...pair.automation, armed: false, stepsIn: null, lease: null };
  switch (outcome.fate) {
    case 'by-itself': {
      const at = now + (outcome.afterMs ?? 0);
      const to = outcome.to ?? pair.standby;
      const turned = { primary: to, standby: outcome.from, onStageSince: { hostId: to, at } };
      return { ...pair, ...turned, automation, health: 'standby-lost' };
    }
    case 'by-hand':
      return { ...pair, automation, health: 'primary-lost' };
    case 'down':
      return { ...pair, automation, health: outcome.why === 'both-hosts' ? 'unknown' : 'primary-lost' };
    case 'frozen':
      return { ...pair, automation, health: 'frozen' };
    default:
      return outcome.why === 'standby-lost'
        ? { ...pair, automation, health: 'standby-lost' }
        : { ...pair, automation };
  }
}
