import { beforeEach, expect, test } from 'vitest';
import type { FleetPatch, FleetSnapshot, FromPage } from '../contract/index.ts';
import { fleet, host, offline, pair, vm } from '../contract/testing-fleet.ts';
import { type Common, type Order, readArguments } from './arguments.ts';
import { Console } from './console.ts';
import { EXIT } from './outcome.ts';
import { run } from './run.ts';

const common: Common = { json: true, wait: true, practice: false, dataDir: null, timeoutMs: 50 };
const task = (state: 'running' | 'done' | 'failed', over = {}) => ({
  hostId: 'atlas',
  task: {
    id: 't1',
    kind: 'drill' as const,
    pairId: 'pair-mail',
    subject: 'mail',
    state,
    startedAt: 1_000,
    endedAt: state === 'running' ? null : 3_500,
    steps: [{ id: 's', label: 'Start the copy', state: 'running' as const, startedAt: 1, endedAt: null }],
    progress: null,
    problem: null,
    cancellable: true,
    resumed: 0,
    ...over,
  },
});

let told: string[];
let asked: { method: string; params: unknown }[];
beforeEach(() => {
  [told, asked] = [[], []];
});

/** A console whose core the spec plays. */
async function consoleOf(seen: FleetSnapshot, answers: Record<string, unknown> = {}) {
  const page = new Console();
  const all: Record<string, unknown> = { 'fleet.snapshot': seen, ...answers };
  await page.open({
    post(message: FromPage) {
      if (message.t !== 'call') return;
      asked.push(message);
      const value = all[message.method];
      const answer = (value as { kind?: string } | undefined)?.kind ? 'problem' : 'value';
      queueMicrotask(() => page.receive({ t: answer, id: message.id, [answer]: value }));
    },
    close: async () => undefined,
  });
  const patch = (change: FleetPatch) => page.receive({ t: 'event', event: 'fleet', data: change });
  return { page, patch };
}

const orderOf = (line: string): Order => {
  const read = readArguments(line.split(' '));
  if (!read.ok) throw new Error(read.problem.message);
  return read.order;
};
const give = (page: Console, line: string, more: Partial<Common> = {}) =>
  run(page, orderOf(line), { ...common, ...more }, (text) => told.push(text));
const settings = {
  theme: 'system',
  operator: 'maria',
  newPairs: { policy: 'manual', profile: 'balanced', witness: null },
};
const two = () => [host('atlas'), host('boreas')];

test('status: all is well, and what is not protected is named', async () => {
  const seen = fleet(two(), [vm('atlas', 'mail'), vm('atlas', 'dc')], [pair('mail', 'atlas', 'boreas')]);
  const { page } = await consoleOf(seen);
  const outcome = await give(page, 'status');
  expect(outcome).toMatchObject({ code: EXIT.done, json: { ok: true, unprotected: ['dc'] } });
  expect(outcome.json.machines).toMatchObject([
    { name: 'mail', runsOn: 'atlas', standby: 'boreas', health: 'in-sync', mode: 'sync' },
  ]);
  expect(outcome.text).toContain('mail');
});

test.each([
  ['a copy that is behind', [pair('mail', 'atlas', 'boreas', 'not-in-sync')], two()],
  [
    'a host that is silent',
    [pair('mail', 'atlas', 'boreas')],
    [host('atlas'), host('boreas', { connection: offline })],
  ],
])('status: %s needs somebody', async (_what, pairs, hosts) => {
  const { page } = await consoleOf(fleet(hosts, [], pairs));
  expect(await give(page, 'status')).toMatchObject({ code: EXIT.needsYou, json: { ok: false } });
});

test('status waits for hosts that are being reached, and not for ever', async () => {
  const connecting = host('boreas', {
    connection: { state: 'connecting', since: 0, attempt: 1 },
    heardAt: null,
  });
  const { page, patch } = await consoleOf(fleet([host('atlas'), connecting], [], []));
  const waiting = give(page, 'status', { timeoutMs: 60_000 });
  patch({ hosts: { boreas: host('boreas') } });
  expect(await waiting).toMatchObject({ code: EXIT.done });
  patch({ hosts: { boreas: connecting } });
  expect(await give(page, 'status')).toMatchObject({ code: EXIT.needsYou });
});

test('an order is followed to its end', async () => {
  const started = { taskId: 't1', hostId: 'atlas' };
  const seen = fleet(two(), [], [pair('mail', 'atlas', 'boreas')]);
  const { page, patch } = await consoleOf(seen, { 'pair.drill': started });
  const waiting = give(page, 'drill mail');
  await expect.poll(() => asked.map(({ method }) => method)).toContain('pair.drill');
  patch({ tasks: { t1: task('running') } });
  await expect.poll(() => told).toEqual(['Start the copy ...']);
  patch({ tasks: { t1: task('done') } });
  expect(await waiting).toMatchObject({ code: EXIT.done, json: { ok: true, machine: 'mail', seconds: 2.5 } });
});

test('one that fails says why; one whose host falls silent is given up', async () => {
  const problem = { kind: 'no-answer', message: 'The copy did not answer.', next: 'Look.' };
  const seen = fleet(two(), [], [pair('mail', 'atlas', 'boreas')]);
  const answers = { 'pair.drill': { taskId: 't1', hostId: 'atlas' } };
  const { page, patch } = await consoleOf(seen, answers);
  patch({ tasks: { t1: task('failed', { problem }) } });
  expect(await give(page, 'drill mail')).toMatchObject({ code: EXIT.refused, json: { ok: false, problem } });
  patch({ tasks: { t1: task('running') }, hosts: { atlas: host('atlas', { connection: offline }) } });
  expect(await give(page, 'drill mail')).toMatchObject({ code: EXIT.unanswered });
});

test('a refusal changes nothing, and an unknown name is told with those that are known', async () => {
  const refusal = { kind: 'busy', message: 'It is being moved.', next: 'Wait.' };
  const seen = fleet(two(), [], [pair('mail', 'atlas', 'boreas')]);
  const { page } = await consoleOf(seen, { 'pair.switchover': refusal });
  expect(await give(page, 'switchover mail')).toMatchObject({
    code: EXIT.refused,
    json: { problem: refusal },
  });
  const unknown = await give(page, 'switchover erp');
  expect(unknown.text).toContain('Protected are: mail.');
  expect(asked.filter(({ method }) => method === 'pair.switchover')).toHaveLength(1);
});

test('protect: the hosts are asked about the very copy that is ordered then, each with the commands', async () => {
  const seen = fleet(two(), [vm('atlas', 'erp')], []);
  const { page, patch } = await consoleOf(seen, {
    'settings.get': settings,
    'protect.check': { checks: [], bytesToCopy: 0 },
    'protect.start': { taskId: 't1', hostId: 'atlas' },
  });
  patch({ tasks: { t1: task('done') } });
  const line = 'protect erp --standby boreas --mode external --state /sbin/state --promote /sbin/promote';
  expect(await give(page, line)).toMatchObject({ code: EXIT.done, json: { ok: true, machine: 'erp' } });
  const each = { state: ['/sbin/state'], promote: ['/sbin/promote'], demote: null };
  const replication = {
    kind: 'external',
    synchronous: false,
    everyS: 5,
    commands: { atlas: each, boreas: each },
  };
  const params = asked.filter(({ method }) => method.startsWith('protect.')).map((call) => call.params);
  expect(params).toMatchObject([
    { standby: 'boreas', replication },
    { replication, policy: 'manual', drill: 'first' },
  ]);
  await give(page, `${line} --synchronous --policy automatic`);
  expect(asked.at(-1)?.params).toMatchObject({ policy: 'automatic', drill: 'waived' });
});

test('protect: what both hosts do not reach is refused before anything is ordered', async () => {
  const check = {
    id: 'same-files',
    host: 'boreas',
    title: 'The same files on both hosts',
    state: 'failed',
    message: 'boreas has no /images/erp.qcow2.',
    next: 'Mount it there.',
  };
  const { page } = await consoleOf(fleet(two(), [vm('atlas', 'erp')], []), {
    'settings.get': settings,
    'protect.check': { checks: [check], bytesToCopy: 0 },
  });
  expect(await give(page, 'protect erp --standby boreas --mode shared')).toMatchObject({
    code: EXIT.refused,
    json: { problem: { kind: 'check-failed', message: expect.stringContaining('boreas has no') } },
  });
  expect(asked.find(({ method }) => method === 'protect.check')?.params).toMatchObject({
    replication: { kind: 'shared' },
  });
  expect(asked.some(({ method }) => method === 'protect.start')).toBe(false);
});

test('an unproven failover needs the name', async () => {
  const verdict = {
    pairId: 'pair-mail',
    result: 'unproven',
    sentence: 'Nothing proves it.',
    evidence: [],
    standby: 'boreas',
    replica: { text: '', usable: true },
    loss: 'Nothing.',
    warnings: [],
    risks: ['It may run twice.'],
    steps: [],
    typedName: 'mail',
    refusal: null,
  };
  const seen = fleet(two(), [], [pair('mail', 'atlas', 'boreas', 'primary-lost')]);
  const answers = { 'pair.verdict': verdict, 'pair.failover': { taskId: 't1', hostId: 'atlas' } };
  const { page, patch } = await consoleOf(seen, answers);
  const refused = await give(page, 'failover mail');
  expect(refused).toMatchObject({ code: EXIT.refused, json: { verdict: { result: 'unproven' } } });
  expect(refused.text).toContain('--vouch mail');
  expect(asked.some(({ method }) => method === 'pair.failover')).toBe(false);
  patch({ tasks: { t1: task('done') } });
  expect(await give(page, 'failover mail --vouch mail')).toMatchObject({ code: EXIT.done });
  expect(asked.at(-1)?.params).toMatchObject({ seen: 'unproven', typedName: 'mail' });
});

test('the console that ends is told as such', async () => {
  const seen = fleet(two(), [], [pair('mail', 'atlas', 'boreas')]);
  const { page } = await consoleOf(seen, { 'pair.drill': { taskId: 't1', hostId: 'atlas' } });
  const waiting = give(page, 'drill mail');
  await expect.poll(() => asked.some(({ method }) => method === 'pair.drill')).toBe(true);
  page.lost();
  expect(await waiting).toMatchObject({ code: EXIT.unanswered, json: { problem: { kind: 'console-lost' } } });
});
