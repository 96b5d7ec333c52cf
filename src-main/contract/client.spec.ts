import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FromPage } from './api.ts';
import { type ClientWords, createClient } from './client.ts';

const settings = {
  theme: 'dark',
  operator: 'maria',
  newPairs: { policy: 'manual', profile: 'balanced', witness: null },
} as const;

const of = (kind: string) => ({ kind, message: kind, next: '' });
const words: ClientWords = {
  consoleLost: of('console-lost'),
  noAnswer: of('no-answer'),
  cancelled: of('cancelled'),
  badAnswer: of('bad-answer'),
};

function setup(opened = true) {
  const sent: FromPage[] = [];
  const client = createClient((message) => sent.push(message), words);
  if (opened) client.opened();
  return { sent, client };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('calls to the core', () => {
  it('are answered by their number', async () => {
    const { sent, client } = setup();
    const answer = client.call('settings.get', {});
    expect(sent).toEqual([{ t: 'call', id: 1, method: 'settings.get', params: {} }]);
    client.receive({ t: 'value', id: 1, value: settings });
    expect(await answer).toEqual({ ok: true, value: settings });
  });

  it('bring expected failures back as values', async () => {
    const { client } = setup();
    const answer = client.call('settings.get', {});
    const problem = { kind: 'x', message: 'No.', next: 'Wait.', field: 'address' };
    client.receive({ t: 'problem', id: 1, problem });
    expect(await answer).toEqual({ ok: false, problem });
  });

  it('refuse an answer of the wrong shape', async () => {
    const { client } = setup();
    const answer = client.call('settings.get', {});
    client.receive({ t: 'value', id: 1, value: { theme: 'plaid' } });
    expect(await answer).toMatchObject({ ok: false, problem: { kind: 'bad-answer' } });
  });

  it('end when the console is lost, and are refused until it is back', async () => {
    const { sent, client } = setup();
    const open = client.call('settings.get', {});
    client.lost();
    expect(await open).toMatchObject({ ok: false, problem: { kind: 'console-lost' } });
    expect(await client.call('settings.get', {})).toMatchObject({ problem: { kind: 'console-lost' } });
    expect(sent).toHaveLength(1);
  });

  it('made before the console is there for the first time go out when it is', async () => {
    const { sent, client } = setup(false);
    const stop = new AbortController();
    const answer = client.call('settings.get', {});
    const stopped = client.call('settings.get', {}, stop.signal);
    stop.abort();
    expect(await stopped).toMatchObject({ problem: { kind: 'cancelled' } });
    expect(sent).toEqual([]);
    client.opened();
    expect(sent).toEqual([{ t: 'call', id: 1, method: 'settings.get', params: {} }]);
    client.receive({ t: 'value', id: 1, value: settings });
    expect(await answer).toEqual({ ok: true, value: settings });
  });

  it('made before it is there end when it does not come', async () => {
    const { sent, client } = setup(false);
    const [refused, late] = [client.call('settings.get', {}), client.call('settings.get', {})];
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await refused).toMatchObject({ problem: { kind: 'no-answer' } });
    expect(await late).toMatchObject({ problem: { kind: 'no-answer' } });
    const unreached = client.call('settings.get', {});
    client.lost();
    expect(await unreached).toMatchObject({ problem: { kind: 'console-lost' } });
    client.opened();
    expect(sent).toEqual([]);
  });

  it('do not wait for ever', async () => {
    const { sent, client } = setup();
    const answer = client.call('settings.get', {});
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await answer).toMatchObject({ problem: { kind: 'no-answer' } });
    expect(sent.at(-1)).toEqual({ t: 'cancel', id: 1 });
  });

  it('can be stopped', async () => {
    const { sent, client } = setup();
    const stop = new AbortController();
    const answer = client.call('settings.get', {}, stop.signal);
    stop.abort();
    expect(await answer).toMatchObject({ problem: { kind: 'cancelled' } });
    expect(sent.at(-1)).toEqual({ t: 'cancel', id: 1 });
  });
});

describe('events from the core', () => {
  it('reach their listeners until those leave', () => {
    const { client } = setup();
    const heard: unknown[] = [];
    const leave = client.on('settings', (data) => heard.push(data));
    client.receive({ t: 'event', event: 'settings', data: settings });
    leave();
    client.receive({ t: 'event', event: 'settings', data: settings });
    expect(heard).toEqual([settings]);
  });

  it('are dropped when they are malformed or unknown', () => {
    const { client } = setup();
    const heard: unknown[] = [];
    client.on('settings', (data) => heard.push(data));
    for (const raw of [
      { t: 'event', event: 'settings', data: 1 },
      { t: 'event', event: 'toString', data: 1 },
      'x',
      null,
    ]) {
      client.receive(raw);
    }
    expect(heard).toEqual([]);
  });
});
