import { duplexPair } from 'node:stream';
import { expect, test } from 'vitest';
import {
  agentOn,
  attach,
  enrol,
  fleet,
  greeted,
  must,
  type Notice,
  ORDER,
  until,
  warnings,
  withAgents,
  world,
} from './agent.spec-kit.ts';
import { SimulatedHost } from './hypervisor/simulated/host.ts';
import { guestDraft, MAIL } from './hypervisor/simulated/spec-world.ts';
import { type AgentState, MAX_MESSAGE_BYTES, PROTOCOL_VERSION } from './protocol/index.ts';
import { encodeFrame, FrameDecoder } from './rpc/frames.ts';

withAgents();

test('two agents, enrolled by a console, protect a machine over their own wire', async () => {
  const { atlas, boreas } = await fleet();
  const state: AgentState = must(await atlas.console.call('state.subscribe', {}));
  expect(state.vms.map((vm) => vm.name)).toEqual(['mail']);
  must(await boreas.console.call('state.subscribe', {}));
  const protect = { ...ORDER, requestId: 'r-1', pairId: 'pair-mail', vmUuid: MAIL, standby: 'boreas' };
  const { task } = must(await atlas.console.call('protect.start', protect));
  expect(must(await atlas.console.call('protect.start', protect)).task.id).toBe(task.id);
  await until(() => atlas.notices.some((notice) => notice.name === 'task' && notice.value.state === 'done'));
  const inSync = (notice: Notice) => notice.name === 'pair' && notice.value.pair?.mirror?.state === 'in-sync';
  await until(() => atlas.notices.some(inSync));
  await until(() => boreas.notices.some((notice) => notice.name === 'pair'));
  const { entries } = must(await atlas.console.call('audit.list', { afterSeq: 0, limit: 100 }));
  expect(entries.map((entry) => entry.event)).toContain('enrolled');
  const retire = must(await atlas.console.call('agent.retire', { ...ORDER, requestId: 'r-2' }));
  expect(retire.blockedBy).toEqual(['pair-mail']);
  // Whoever is told of the other first knocks too early once.
  expect(warnings.filter((line) => !line.includes('no member here'))).toEqual([]);
});

test('version rules: nothing but the greeting before it succeeded', async () => {
  const agent = await agentOn(new SimulatedHost(world, { name: 'atlas' }));
  const { console } = attach(agent);
  const greet = (protocol: number) => console.call('agent.hello', { protocol, consoleVersion: '1' });
  expect(await console.call('state.subscribe', {})).toMatchObject({ problem: { kind: 'not-greeted' } });
  const newer = await greet(PROTOCOL_VERSION + 1);
  expect(newer).toMatchObject({ problem: { kind: 'agent-too-old', details: { version: '0.0.1' } } });
  expect(await greet(PROTOCOL_VERSION - 1)).toMatchObject({ problem: { kind: 'console-too-old' } });
  expect(await console.call('sight.list', {})).toMatchObject({ problem: { kind: 'not-greeted' } });
  expect(await greet(PROTOCOL_VERSION)).toMatchObject({ ok: true });
  expect(await console.call('state.subscribe', {})).toMatchObject({ ok: true });
});

test('the snapshot leaves before the first notice, or it would overwrite what is newer', async () => {
  const host = new SimulatedHost(world, { name: 'atlas', guests: [guestDraft()] });
  const agent = await agentOn(host);
  const [near, far] = duplexPair();
  agent.attachConsole(far);
  const decoder = new FrameDecoder(MAX_MESSAGE_BYTES);
  const order: string[] = [];
  near.on('data', (chunk: Buffer) => {
    for (const body of decoder.push(chunk)) {
      const message = JSON.parse(String(body)) as { id?: number; method?: string };
      order.push(message.method ?? `answer ${message.id}`);
    }
  });
  const hello = { protocol: PROTOCOL_VERSION, consoleVersion: '1' };
  const send = (id: number, method: string, params: object) =>
    near.write(encodeFrame(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, method, params }))));
  send(1, 'agent.hello', hello);
  send(2, 'state.subscribe', {});
  // The first watcher has a sample taken, which is told at once.
  await until(() => order.includes('load'));
  expect(order.slice(0, 2)).toEqual(['answer 1', 'answer 2']);
});

test('a garbled console is hung up on; another one notices nothing and goes on hearing', async () => {
  const host = new SimulatedHost(world, { name: 'atlas', guests: [guestDraft()] });
  const agent = await agentOn(host);
  const good = await greeted(agent);
  must(await good.console.call('state.subscribe', {}));
  const [near, far] = duplexPair();
  const closed = new Promise((resolve) => near.once('end', resolve));
  near.resume();
  agent.attachConsole(far);
  near.write('Content-Length: 99999999\r\n\r\n');
  await closed;
  good.notices.length = 0;
  await until(() => good.notices.some((notice) => notice.name === 'load'));
  expect(warnings.join()).toContain('console detached');
});

test('a witness greets, lists no machines, and refuses orders about any', async () => {
  const agent = await agentOn(new SimulatedHost(world, { name: 'pi' }), { witness: true });
  must(await enrol(agent, 'pi'));
  const { console } = await greeted(agent);
  expect(must(await console.call('state.subscribe', {})).vms).toEqual([]);
  const check = await console.call('protect.check', { vmUuid: MAIL, standby: 'atlas' });
  expect(check).toMatchObject({ ok: false });
});

test('limits the copies of its host, tells so, and refuses what cannot be', async () => {
  const host = new SimulatedHost(world, { name: 'atlas' });
  const { console, notices } = await greeted(await agentOn(host));
  expect(must(await console.call('state.subscribe', {})).facts.copyLimit).toEqual({
    setting: { mibPerS: null, hours: null },
    nowMibPerS: null,
  });
  const order = { requestId: 'r1', actor: 'ada' };
  const limit = { mibPerS: 20, hours: null };
  expect(await console.call('host.limits', { ...order, limit })).toMatchObject({ ok: true });
  await expect
    .poll(() => notices.findLast(({ name }) => name === 'facts')?.value)
    .toMatchObject({ copyLimit: { setting: limit, nowMibPerS: 20 } });
  const history = must(await console.call('audit.list', { afterSeq: 0, limit: 100 })).entries;
  expect(history.find(({ event }) => event === 'limits-set')?.text).toBe(
    'ada limits the copies of this host: 20 MiB/s.',
  );
  const wrong = await console.call('host.limits', { ...order, limit: { mibPerS: 0, hours: null } });
  expect(wrong).toMatchObject({ ok: false, problem: { kind: 'rate-out-of-range', field: 'mibPerS' } });
});

test('a witness has nothing to limit', async () => {
  const witness = await agentOn(new SimulatedHost(world, { name: 'cora' }), { witness: true });
  const { console } = await greeted(witness);
  const order = { requestId: 'r1', actor: 'ada', limit: { mibPerS: 1, hours: null } };
  expect(await console.call('host.limits', order)).toMatchObject({
    ok: false,
    problem: { kind: 'nothing-copied' },
  });
});
