import { expect, test, vi } from 'vitest';
import type { Handlers } from '../../../agent/protocol/index.ts';
import { ProblemError } from '../../../agent/protocol/index.ts';
import type { PageApi, ToPage } from '../../contract/index.ts';
import { createPageHub } from './dispatch.ts';

const newPairs = { policy: 'manual', profile: 'balanced', witness: null } as const;

/** A hub in which only the given handlers exist; any other call is a bug of the test. */
function hubWith(handlers: Partial<Handlers<PageApi>>) {
  const bugs: string[] = [];
  const sent: ToPage[] = [];
  const hub = createPageHub(handlers as Handlers<PageApi>, (text) => bugs.push(text));
  const page = hub.connect((message) => sent.push(message));
  return { hub, page, sent, bugs };
}

const settled = (sent: ToPage[], count = 1) => vi.waitFor(() => expect(sent).toHaveLength(count));

test('a call is answered with its value, stripped to the contract', async () => {
  const answer = { theme: 'dark', operator: 'ada', newPairs, password: 'secret' } as const;
  const { page, sent } = hubWith({ 'settings.get': async () => answer });
  page.receive({ t: 'call', id: 7, method: 'settings.get', params: {} });
  await settled(sent);
  expect(sent).toEqual([{ t: 'value', id: 7, value: { theme: 'dark', operator: 'ada', newPairs } }]);
});

test('an unknown method, also one named like an inherited property, is a problem', async () => {
  const { page, sent } = hubWith({});
  page.receive({ t: 'call', id: 1, method: 'host.format', params: {} });
  page.receive({ t: 'call', id: 2, method: 'constructor', params: {} });
  await settled(sent, 2);
  expect(sent).toMatchObject([
    { t: 'problem', id: 1, problem: { kind: 'unknown-method' } },
    { t: 'problem', id: 2, problem: { kind: 'unknown-method' } },
  ]);
});

test.each([
  [null, -1],
  ['text', -1],
  [{ t: 'call', id: 'x' }, -1],
  [{ t: 'shout', id: 4 }, 4],
  [{ t: 'call', id: 5 }, 5],
])('the malformed message %j is answered with a problem', async (message, id) => {
  const { page, sent } = hubWith({});
  page.receive(message);
  await settled(sent);
  expect(sent[0]).toMatchObject({ t: 'problem', id, problem: { kind: expect.any(String) } });
});

test('params that break the contract name the field and never reach the handler', async () => {
  const handler = vi.fn();
  const { page, sent } = hubWith({ 'hosts.probe': handler });
  page.receive({ t: 'call', id: 1, method: 'hosts.probe', params: { address: 'atlas', port: 'ssh' } });
  await settled(sent);
  expect(sent[0]).toMatchObject({ problem: { kind: 'malformed', field: 'port' } });
  expect(handler).not.toHaveBeenCalled();
});

test('an expected failure arrives as the problem that was thrown', async () => {
  const problem = { kind: 'no-such-pair', message: 'Gone.', next: 'Reload.' };
  const { page, sent, bugs } = hubWith({
    'pair.verdict': async () => {
      throw new ProblemError(problem);
    },
  });
  page.receive({ t: 'call', id: 1, method: 'pair.verdict', params: { pairId: 'p' } });
  await settled(sent);
  expect(sent[0]).toEqual({ t: 'problem', id: 1, problem });
  expect(bugs).toEqual([]);
});

test('a bug and a wrong answer are told as unexpected, and reported', async () => {
  const { page, sent, bugs } = hubWith({
    'settings.get': async () => {
      throw new TypeError('x is not a function');
    },
    'app.info': async () => ({ version: 1 }) as never,
  });
  page.receive({ t: 'call', id: 1, method: 'settings.get', params: {} });
  page.receive({ t: 'call', id: 2, method: 'app.info', params: {} });
  await settled(sent, 2);
  expect(sent).toMatchObject([{ problem: { kind: 'unexpected' } }, { problem: { kind: 'unexpected' } }]);
  expect(bugs).toHaveLength(2);
});

test('cancel aborts the call; the same number may be used again afterwards', async () => {
  const { page, sent } = hubWith({
    'hosts.probe': (_params, signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))),
  });
  const call = { t: 'call', id: 1, method: 'hosts.probe', params: { address: 'atlas', port: 22 } };
  page.receive(call);
  page.receive(call);
  await settled(sent);
  expect(sent[0]).toMatchObject({ problem: { kind: 'malformed' } });
  page.receive({ t: 'cancel', id: 1 });
  await settled(sent, 2);
  expect(sent[1]).toMatchObject({ id: 1, problem: { kind: 'cancelled' } });
});

test('a closed page is told nothing more, and its calls are cancelled', async () => {
  let aborted = false;
  const { hub, page, sent } = hubWith({
    'hosts.probe': (_params, signal) =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () => {
          aborted = true;
          reject(new Error('aborted'));
        }),
      ),
  });
  page.receive({ t: 'call', id: 1, method: 'hosts.probe', params: { address: 'atlas', port: 22 } });
  page.close();
  hub.emit('settings', { theme: 'dark', operator: 'ada', newPairs });
  await vi.waitFor(() => expect(aborted).toBe(true));
  expect(sent).toEqual([]);
});

test('an event reaches every page; one that breaks the contract reaches none', () => {
  const { hub, sent, bugs } = hubWith({});
  const others: ToPage[] = [];
  hub.connect((message) => others.push(message));
  hub.emit('settings', { theme: 'dark', operator: 'ada', newPairs });
  hub.emit('settings', { theme: 'pink' } as never);
  expect(sent).toEqual([
    { t: 'event', event: 'settings', data: { theme: 'dark', operator: 'ada', newPairs } },
  ]);
  expect(others).toEqual(sent);
  expect(bugs).toHaveLength(1);
});

test('a page that asks for some events is sent those, and every answer', async () => {
  const { hub, sent } = hubWith({});
  const few: ToPage[] = [];
  const tray = hub.connect((message) => few.push(message), ['desktop']);
  const state = { tone: 'ok', text: 'All is well.', pairs: 1, paused: 0 } as const;
  hub.emit('desktop', state);
  hub.emit('deploy', { draftId: 'd', step: 's', fraction: null });
  tray.receive({ t: 'call', id: 3, method: 'host.format', params: {} });
  await settled(few, 2);
  expect(few).toMatchObject([
    { event: 'desktop', data: state },
    { t: 'problem', id: 3 },
  ]);
  expect(sent).toHaveLength(2);
});
