import { afterEach, beforeEach, expect, test } from 'vitest';
import { fail, ok, TELLING_DEFAULTS, type TellingView } from '../../../agent/protocol/index.ts';
import { type Bench, openBench, problemOf } from '../testing/bench.ts';
import { agentState, hostRecord } from '../testing/fake-link.ts';

const MAIL = {
  host: 'mail.example.org',
  port: 587,
  tls: 'starttls' as const,
  user: 'ada',
  from: 'u@example.org',
  to: ['ada@example.org'],
};
const settings = { ...TELLING_DEFAULTS, mail: MAIL };
const view = (n: number | null, change: Partial<TellingView> = {}): TellingView => ({
  revision: n === null ? null : { n, mark: 'a' },
  settings: n === null ? TELLING_DEFAULTS : settings,
  has: { password: n !== null, headerValue: false, signingKey: false },
  messages: [],
  waiting: [],
  simulated: false,
  ...change,
});
const message = (id: string, at: number) => ({
  id,
  at,
  severity: 'urgent' as const,
  title: id,
  text: id,
  deliveries: { mail: null, hook: null },
});

let bench: Bench;
beforeEach(async () => {
  bench = await openBench([hostRecord('atlas'), hostRecord('boreas'), hostRecord('pi', { role: 'witness' })]);
  for (const name of ['atlas', 'boreas']) bench.link(name).goOnline(agentState());
  bench.link('atlas').answers['telling.get'] = () => ok(view(1, { messages: [message('old', 1)] }));
  bench.link('boreas').answers['telling.get'] = () =>
    ok(view(2, { messages: [message('new', 2)], waiting: ['x.'] }));
});
afterEach(() => bench.close());

test('the newest settings count; who has older ones, or does not answer, is named', async () => {
  const overview = await bench.session.telling.overview();
  expect(overview).toMatchObject({ revision: { n: 2 }, settings, has: { password: true } });
  expect(overview.hosts.map(({ name, current, waiting }) => [name, current, waiting])).toEqual([
    ['atlas', false, []],
    ['boreas', true, ['x.']],
    ['pi', null, []],
  ]);
  expect(overview.messages.map(({ id, hostName }) => [id, hostName])).toEqual([
    ['new', 'boreas'],
    ['old', 'atlas'],
  ]);
});

test('a change goes to the agent with the newest ones; its secret stays with the agents', async () => {
  bench.link('boreas').answers['telling.set'] = () => ok(view(3));
  const order = { base: { n: 2, mark: 'a' }, settings, secrets: { password: 'hunter2' } };
  expect(await bench.session.telling.set(order)).toMatchObject({ revision: { n: 3 } });
  expect(bench.link('boreas').callsOf('telling.set')).toMatchObject([{ actor: 'ada', ...order }]);
  expect(bench.link('atlas').callsOf('telling.set')).toEqual([]);
  const kept = [
    bench.session.audit.list({ pairId: null, before: null, limit: 50 }),
    bench.storage.settings.get('console'),
  ];
  expect(JSON.stringify(kept)).not.toContain('hunter2');
});

test('what cannot be is refused before any agent is asked; an agent without telling is no harm', async () => {
  const bad = { base: null, settings: { ...settings, zone: 'Mars' }, secrets: {} };
  expect(await problemOf(bench.session.telling.set(bad))).toMatchObject({ kind: 'zone', field: 'zone' });
  bench.link('boreas').answers['telling.get'] = () =>
    fail({ kind: 'unknown-method', message: 'It is old.', next: 'Update it.' });
  expect((await bench.session.telling.overview()).revision).toEqual({ n: 1, mark: 'a' });
  for (const name of ['atlas', 'boreas']) bench.link(name).goOffline();
  expect(await problemOf(bench.session.telling.set({ ...bad, settings }))).toMatchObject({
    kind: 'nobody-tells',
  });
});

test('a test is sent from the host that was chosen, and its refusal is told', async () => {
  const order = { hostId: 'h-atlas', channel: 'mail' as const, settings, secrets: {} };
  bench.link('atlas').answers['telling.test'] = () => ok({ answer: '250 Ok', problem: null, tookMs: 12 });
  expect(await bench.session.telling.test(order)).toEqual({ answer: '250 Ok', tookMs: 12 });
  bench.link('atlas').answers['telling.test'] = () =>
    fail({ kind: 'mail-login', message: 'No.', next: 'Look.' });
  expect(await problemOf(bench.session.telling.test(order))).toMatchObject({ kind: 'mail-login' });
});
