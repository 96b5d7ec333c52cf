import type { Check } from '../../../agent/protocol/index.ts';
import type { PairView, WitnessReport } from '../../contract/index.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { HostEntry } from '../fleet/host-entry.ts';
import { unwrap } from '../orders/orders.ts';
import { independenceOf, likenessOf } from './independence.ts';
import { checkOwn } from './own-check.ts';
import type { OwnIdentity } from './own-witness.ts';

/** How long a member may take to say whom it hears. */
const ASK_MS = 5_000;
/** A box that was just connected is found by the others in a moment: asked again before it is said not to be heard. */
const TRIES = 3;
const PAUSE_MS = 500;

/** May this box be the third vote of these pairs: answers it, do both hosts hear it, does it stand on its own? */
export async function checkWitness(
  fleet: Fleet,
  self: OwnIdentity,
  order: { witness: string; pairIds: string[] },
): Promise<WitnessReport> {
  if (order.witness === self.hostId) {
    const pairs = order.pairIds.map((pairId) => unwrap(fleet.pair(pairId)));
    return reportOf(order.witness, await checkOwn(self, membersOf(fleet, pairs)));
  }
  const witness = unwrap(fleet.find(order.witness));
  const pairs = order.pairIds.map((pairId) => unwrap(fleet.pair(pairId)));
  const checks = [answers(witness), ...membership(fleet, witness, pairs)];
  const members = membersOf(fleet, pairs).filter((member) => member !== witness);
  const heard = await Promise.all(members.map((member) => hears(member, witness)));
  checks.push(...heard, ...members.map((member) => independenceOf(likenessOf(witness), member)));
  return reportOf(order.witness, checks);
}

const reportOf = (witness: string, checks: Check[]): WitnessReport => ({
  witness,
  checks,
  usable: checks.every((check) => check.state !== 'failed'),
});

function membersOf(fleet: Fleet, pairs: PairView[]): HostEntry[] {
  const ids = new Set(pairs.flatMap((pair) => [pair.primary, pair.standby]));
  return [...ids].flatMap((id) => fleet.get(id) ?? []);
}

function answers(witness: HostEntry): Check {
  const { name } = witness.record;
  const check = { id: 'witness-answers', host: name, title: 'Is awake' };
  if (witness.reach === 'answers') return { ...check, state: 'ok', message: `${name} answers.`, next: '' };
  return {
    ...check,
    state: 'failed',
    message: `${name} does not answer this console.`,
    next: `Bring ${name} back or reconnect it, then look again.`,
  };
}

/** A host cannot judge between itself and another. */
function membership(fleet: Fleet, witness: HostEntry, pairs: PairView[]): Check[] {
  const { id, name } = witness.record;
  const own = pairs.filter((pair) => pair.primary === id || pair.standby === id);
  if (own.length === 0) return [];
  const others = own.map((pair) => fleet.nameOf(pair.primary === id ? pair.standby : pair.primary));
  return [
    {
      id: 'witness-third',
      host: name,
      title: 'Is a third party',
      state: 'failed',
      message: `${name} holds one side of ${own.map((pair) => pair.name).join(', ')} itself.`,
      next: `Take a box that is neither ${name} nor ${[...new Set(others)].join(' nor ')} for these.`,
    },
  ];
}

async function hears(member: HostEntry, witness: HostEntry): Promise<Check> {
  const { name } = witness.record;
  const host = member.record.name;
  const check = { id: 'witness-heard', host, title: `Hears ${name}` };
  if (member.reach !== 'answers') {
    return {
      ...check,
      state: 'failed',
      message: `${host} does not answer, so it cannot be asked.`,
      next: `Bring ${host} back, then look again.`,
    };
  }
  if (await isHeard(member, witness.record.id))
    return { ...check, state: 'ok', message: `${host} reaches the agent on ${name}.`, next: '' };
  const { address, port } = witness.record.peer;
  return {
    ...check,
    state: 'failed',
    message: `${host} does not reach the agent on ${name} (${address}, port ${port}).`,
    next: `Let ${host} through to ${address}, TCP port ${port}: firewall, route, port forwarding. Then look again.`,
  };
}

async function isHeard(member: HostEntry, hostId: string): Promise<boolean> {
  for (let nth = 1; ; nth += 1) {
    const answer = await member.link.call('sight.list', {}, { deadlineMs: ASK_MS });
    const sights = answer.ok ? answer.value.sights : [];
    if (sights.some((sight) => sight.hostId === hostId && sight.reachable)) return true;
    if (nth >= TRIES) return false;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
