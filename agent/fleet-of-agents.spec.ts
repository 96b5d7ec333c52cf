import { expect, test } from 'vitest';
import {
  agentOn,
  attach,
  ca,
  enrol,
  FLEET,
  fleet,
  greeted,
  must,
  type Notice,
  ORDER,
  sightsOf,
  until,
  withAgents,
  world,
} from './agent.spec-kit.ts';
import { SimulatedHost } from './hypervisor/simulated/host.ts';
import { MAIL } from './hypervisor/simulated/spec-world.ts';
import { type Peer, PROTOCOL_VERSION, TELLING_DEFAULTS } from './protocol/index.ts';
import { makeFleetCa } from './testing/fleet-ca.ts';

withAgents();

test('two consoles at once: each sees what the other orders and by whom, and it is done once', async () => {
  const { atlas, members } = await fleet();
  const [first] = members;
  if (first === undefined) throw new Error('two members');
  const other = await greeted(first.agent);
  for (const { console } of [atlas, other]) must(await console.call('state.subscribe', {}));
  const order = { pairId: 'pair-mail', vmUuid: MAIL, standby: 'boreas' };
  const given = await Promise.all([
    atlas.console.call('protect.start', { ...order, requestId: 'by-ada', actor: 'ada' }),
    other.console.call('protect.start', { ...order, requestId: 'by-ben', actor: 'ben' }),
  ]);
  expect(given.filter((answer) => answer.ok)).toHaveLength(1);
  const by = given[0]?.ok ? 'ada' : 'ben';
  const done = (notice: Notice) => notice.name === 'task' && notice.value.state === 'done';
  for (const { notices } of [atlas, other]) {
    await until(() => notices.some(done));
    expect(notices.find(done)?.value).toMatchObject({ kind: 'protect', by });
  }
  const label = { requestId: 'r-2', actor: 'ben', name: 'titan', site: 'Cellar' };
  must(await other.console.call('agent.label', label));
  await until(() => atlas.notices.some(({ name }) => name === 'label'));
  const hello = must(
    await atlas.console.call('agent.hello', { protocol: PROTOCOL_VERSION, consoleVersion: '1' }),
  );
  expect(hello).toMatchObject({ hostId: 'atlas', name: 'titan', site: 'Cellar' });
});

test('a second authority is believed without a link being broken, and its hosts are let in', async () => {
  const { atlas, boreas } = await fleet();
  const second = await makeFleetCa(FLEET, 'Second CA');
  must(await atlas.console.call('state.subscribe', {}));
  for (const { console } of [atlas, boreas]) {
    const trust = must(await console.call('agent.trust', { add: [second.certificate], actor: 'ben' }));
    expect(trust.trustedCas).toEqual([ca.certificate, second.certificate]);
  }
  const unseen = (notice: Notice) =>
    notice.name === 'sights' && notice.value.some(({ reachable }) => !reachable);
  // Whoever comes with a certificate of the second authority only is known to both.
  const agent = await agentOn(new SimulatedHost(world, { name: 'cetus' }));
  const { console } = await greeted(agent);
  const { csr } = must(await console.call('agent.certificateRequest', { hostId: 'cetus', fleetId: FLEET }));
  const certificate = await second.issue(csr, { hostId: 'cetus', fleetId: FLEET });
  const { peers } = must(await boreas.console.call('agent.peers', {}));
  must(
    await console.call('agent.enrol', {
      hostId: 'cetus',
      fleetId: FLEET,
      name: 'cetus',
      role: 'hypervisor',
      certificate,
      trustedCas: [second.certificate, ca.certificate],
      peers,
    }),
  );
  const cetus: Peer = {
    hostId: 'cetus',
    name: 'cetus',
    address: '127.0.0.1',
    port: agent.peerPort,
    replicationPort: 1,
    role: 'hypervisor',
  };
  const known = must(await atlas.console.call('agent.peers', {})).peers;
  must(await atlas.console.call('agent.setPeers', { peers: [...known, cetus] }));
  await until(async () => (await sightsOf(atlas.console)).length === 2);
  await until(async () => (await sightsOf(console)).length === 1);
  expect(atlas.notices.filter(unseen)).toEqual([]);
  const { entries } = must(await atlas.console.call('audit.list', { afterSeq: 0, limit: 100 }));
  expect(entries).toContainEqual(expect.objectContaining({ event: 'authority-trusted', actor: 'ben' }));
});

test('a host with protected machines cannot be taken into another fleet; one without can', async () => {
  const { atlas, members } = await fleet();
  const [first, second] = members;
  if (first === undefined || second === undefined) throw new Error('two members');
  const protect = { ...ORDER, requestId: 'r-1', pairId: 'pair-mail', vmUuid: MAIL, standby: 'boreas' };
  must(await atlas.console.call('protect.start', protect));
  await until(async () => must(await atlas.console.call('state.subscribe', {})).pairs.length === 1);
  expect(await enrol(first.agent, 'atlas', 'fleet-2')).toMatchObject({
    problem: { kind: 'enrolled-elsewhere' },
  });

  const lone = new SimulatedHost(world, { name: 'cetus' });
  const agent = await agentOn(lone);
  must(await enrol(agent, 'cetus', 'fleet-2'));
  must(await enrol(agent, 'cetus'));
  const { console } = attach(agent);
  const hello = must(await console.call('agent.hello', { protocol: PROTOCOL_VERSION, consoleVersion: '1' }));
  expect(hello).toMatchObject({ hostId: 'cetus', fleetId: FLEET });
});

test('whom the fleet tells reaches every agent over their own wire, and another fleet does not get it', async () => {
  const { atlas, boreas, members } = await fleet();
  const hook = { url: 'http://127.0.0.1:9/', header: '' };
  const settings = { ...TELLING_DEFAULTS, hook };
  const order = { ...ORDER, requestId: 'r-1', base: null, settings, secrets: { signingKey: 'key-1' } };
  const { revision } = must(await atlas.console.call('telling.set', order));
  await until(async () => must(await boreas.console.call('telling.get', {})).revision !== null);
  const told = must(await boreas.console.call('telling.get', {}));
  expect(told).toMatchObject({ revision, settings, has: { signingKey: true } });
  const { facts } = must(await boreas.console.call('state.subscribe', {}));
  await until(() => facts.telling !== undefined || boreas.notices.some(({ name }) => name === 'facts'));
  const [, second] = members;
  if (second === undefined) throw new Error('two members');
  must(await enrol(second.agent, 'boreas', 'fleet-2'));
  const elsewhere = must(await (await greeted(second.agent)).console.call('telling.get', {}));
  expect(elsewhere).toMatchObject({ revision: null, has: { signingKey: false } });
});

test('an agent that starts anew is still a member, and hears the others again', async () => {
  const { atlas, members } = await fleet();
  const [, boreas] = members;
  if (boreas === undefined) throw new Error('two members');
  must(await atlas.console.call('state.subscribe', {}));
  const { peerPort } = boreas.agent;
  await boreas.agent.stop();
  const seen = (reachable: boolean) => (notice: Notice) =>
    notice.name === 'sights' && notice.value.some((sight) => sight.reachable === reachable);
  await until(() => atlas.notices.some(seen(false)));
  await boreas.agent.start();
  const hello = { protocol: PROTOCOL_VERSION, consoleVersion: '1' };
  const again = attach(boreas.agent);
  expect(must(await again.console.call('agent.hello', hello)).hostId).toBe('boreas');
  expect(peerPort).not.toBe(0);
  await until(async () => (await sightsOf(again.console)).length === 1);
});
