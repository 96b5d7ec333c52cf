import { randomUUID } from 'node:crypto';
import {
  type Check,
  isCoordinated,
  ProblemError,
  type ReplicationMode,
} from '../../../agent/protocol/index.ts';
import type { Order } from '../arguments.ts';
import type { Console } from '../console.ts';
import { modeOn } from '../mode.ts';
import { EXIT, type Outcome, refused } from '../outcome.ts';
import { words } from '../words.ts';
import { findFreeVm, findHost, findPair } from './find.ts';
import { follow, type Waiting } from './follow.ts';

type Of<C extends Order['command']> = Extract<Order, { command: C }>;

export async function protect(console: Console, order: Of<'protect'>, waiting: Waiting): Promise<Outcome> {
  const { vm, hostId } = findFreeVm(console.fleet, order.machine);
  const standby = findHost(console.fleet, order.standby).id;
  const { newPairs } = await console.call('settings.get', {});
  const witness = witnessOf(console, order.witness, newPairs.witness);
  const policy = order.policy ?? newPairs.policy;
  const replication = modeOn(order.replication, [hostId, standby]);
  const { checks } = await console.call('protect.check', { hostId, vmUuid: vm.uuid, standby, replication });
  const failed = checks.filter(({ state }) => state === 'failed');
  if (failed.length > 0)
    return refused('protect', words.checkFailed(failed.map(told)), EXIT.refused, {
      machine: vm.name,
      checks: failed,
    });
  const started = await console.call('protect.start', {
    requestId: randomUUID(),
    hostId,
    vmUuid: vm.uuid,
    standby,
    policy,
    profile: order.profile ?? newPairs.profile,
    witness,
    drill: order.drill ?? usualDrill(policy, replication),
    replication,
  });
  return follow(console, { command: 'protect', machine: vm.name, ...started }, waiting);
}

/** A copy that others keep cannot be tried out, so nothing can wait for that. */
const usualDrill = (policy: 'manual' | 'automatic', mode: ReplicationMode): 'first' | 'waived' =>
  policy === 'automatic' && isCoordinated(mode) ? 'waived' : 'first';

function witnessOf(console: Console, given: string | null, usual: string | null): string | null {
  if (given === null) return usual;
  return given === 'none' ? null : findHost(console.fleet, given).id;
}

const told = ({ host, message, next }: Check): string => [`${host}:`, message, next].join(' ').trim();

export async function failover(console: Console, order: Of<'failover'>, waiting: Waiting): Promise<Outcome> {
  const pair = findPair(console.fleet, order.machine);
  const verdict = await console.call('pair.verdict', { pairId: pair.id });
  const { result, sentence, risks, typedName, refusal, evidence, loss, warnings } = verdict;
  const seen = { result, sentence, loss, warnings, risks, evidence };
  const about = { machine: pair.name, verdict: seen };
  if (refusal) return refused('failover', refusal, EXIT.refused, about);
  if (result === 'running') return refused('failover', words.running(sentence), EXIT.refused, about);
  if (typedName !== null && order.vouch !== typedName)
    return refused('failover', words.vouch(sentence, risks, typedName), EXIT.refused, about);
  waiting.say([sentence, loss, ...warnings].join(' '));
  const started = await console.call('pair.failover', {
    requestId: randomUUID(),
    pairId: pair.id,
    seen: result,
    typedName,
    point: order.point,
  });
  return follow(console, { command: 'failover', machine: pair.name, ...started }, waiting, () => ({
    verdict: seen,
  }));
}

export async function switchover(
  console: Console,
  order: Of<'switchover'>,
  waiting: Waiting,
): Promise<Outcome> {
  const pair = findPair(console.fleet, order.machine);
  const { way, switchOff } = order;
  const started = await console.call('pair.switchover', {
    requestId: randomUUID(),
    pairId: pair.id,
    way,
    switchOff,
  });
  return follow(console, { command: 'switchover', machine: pair.name, ...started }, waiting);
}

export async function drill(console: Console, order: Of<'drill'>, waiting: Waiting): Promise<Outcome> {
  const pair = findPair(console.fleet, order.machine);
  const started = await console.call('pair.drill', { requestId: randomUUID(), pairId: pair.id });
  return follow(console, { command: 'drill', machine: pair.name, ...started }, waiting, (task) => ({
    result: console.fleet.pairs[pair.id]?.drill?.results.find(({ id }) => id === task.id) ?? null,
  }));
}

/** Every command but `status`. Throws ProblemError for what is refused. */
export function give(console: Console, order: Order, waiting: Waiting): Promise<Outcome> {
  if (order.command === 'protect') return protect(console, order, waiting);
  if (order.command === 'failover') return failover(console, order, waiting);
  if (order.command === 'switchover') return switchover(console, order, waiting);
  if (order.command === 'drill') return drill(console, order, waiting);
  throw new ProblemError(words.notUnderstood(words.unknownCommand(order.command)));
}
