import { afterEach, beforeEach, expect, test } from 'vitest';
import { ok } from '../../../agent/protocol/index.ts';
import { type Bench, openBench } from '../testing/bench.ts';
import { agentState, hostRecord, pairStatus, vm } from '../testing/fake-link.ts';

const PI = { role: 'witness', machineId: 'machine-pi' } as const;
let bench: Bench;

beforeEach(async () => {
  bench = await openBench([hostRecord('atlas'), hostRecord('boreas'), hostRecord('pi', PI)]);
  online('atlas');
  online('boreas');
  bench.link('pi').goOnline(facts({ hostname: 'pi', addresses: ['10.0.0.77'], bootId: 'boot-pi' }));
});
afterEach(() => bench.close());

function facts(change: object) {
  const state = agentState();
  return { ...state, facts: { ...state.facts, ...change } };
}

function online(name: 'atlas' | 'boreas', vms = [vm()]): void {
  const link = bench.link(name);
  link.answers['sight.list'] = () => ok({ sights: [sight(true)] });
  const state = facts({ bootId: `boot-${name}` });
  link.goOnline({ ...state, vms, pairs: [pairStatus(`h-${name}`)] });
}

const sight = (reachable: boolean) => ({
  hostId: 'h-pi',
  name: 'pi',
  reachable,
  since: 0,
  lastHeardAt: null,
});
const report = async (witness = 'h-pi') => {
  const found = await bench.session.checkWitness({ witness, pairIds: ['p1'] });
  return { usable: found.usable, bad: found.checks.filter((check) => check.state !== 'ok') };
};

test('a box of its own that both hosts hear is fit', async () => {
  expect(await report()).toEqual({ usable: true, bad: [] });
});

test('a host that does not hear it is named, with the port to open', async () => {
  bench.link('boreas').answers['sight.list'] = () => ok({ sights: [sight(false)] });
  const { usable, bad } = await report();
  expect(usable).toBe(false);
  expect(bad).toMatchObject([{ id: 'witness-heard', host: 'boreas' }]);
  expect(bad[0]?.next).toContain('TCP port 7420');
});

test.each([
  ['address', vm({ addresses: ['10.0.0.77'] }), /is the virtual machine web on atlas/],
  ['name', vm({ name: 'PI' }), /may be the virtual machine PI on atlas/],
])('a witness that is a machine of a host it judges is warned of, by %s', async (_, guest, words) => {
  online('atlas', [guest]);
  const { usable, bad } = await report();
  expect(usable).toBe(true);
  expect(bad).toMatchObject([{ id: 'witness-independent', state: 'warning', host: 'atlas' }]);
  expect(bad[0]?.message).toMatch(words);
});

test('also by its machine id, which a new guest takes from its UUID', async () => {
  const uuid = vm().uuid;
  await bench.session.fleet.update({ ...hostRecord('pi', PI), machineId: uuid.replaceAll('-', '') });
  expect((await report()).bad[0]?.message).toContain('same machine id');
});

test('a member, the same machine twice, and a silent box are refused', async () => {
  expect((await report('h-boreas')).bad.map((check) => check.id)).toContain('witness-third');
  bench.session.fleet.update(hostRecord('pi', { ...PI, machineId: 'machine-atlas' }));
  const same = await report();
  expect(same).toMatchObject({ usable: false, bad: [{ message: 'pi is the same machine as atlas.' }] });
  bench.session.fleet.update(hostRecord('pi', PI));
  bench.link('pi').goOffline();
  expect((await report()).bad).toMatchObject([{ id: 'witness-answers' }]);
});
