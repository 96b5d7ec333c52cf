import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openAuditLog } from '../journal/audit.ts';
import type { Clock } from '../ports.ts';
import {
  type AuditEntry,
  fail,
  NO_SECRETS,
  ok,
  type PairStatus,
  type Problem,
  type Result,
  type Sight,
  type StoredTelling,
} from '../protocol/index.ts';
import { systemClock } from '../system-clock.ts';
import { tellingHandlers } from './console-handlers.ts';
import { Telling, type TellingOptions } from './telling.ts';
import { SETTINGS, takenOver } from './testing/worlds.ts';
import type { Letter, Sent } from './transports.ts';

/** Hosts' time goes a hundred times as fast. */
const started = Date.now();
const quick: Clock = {
  now: () => started + (Date.now() - started) * 100,
  bootMs: () => (Date.now() - started) * 100,
  setTimeout: (run, ms) => systemClock.setTimeout(run, ms / 100),
};
const ORDER = { requestId: 'r1', actor: 'ada' };
const NOT_THERE: Problem = { kind: 'mail-unreachable', message: 'It is not there.', next: 'Look.' };

const until = (is: () => boolean): Promise<unknown> => vi.waitUntil(is, { timeout: 30_000 });

let folder: string;
const running: Telling[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-telling-'));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((telling) => telling.stop()));
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

interface Rig {
  telling: Telling;
  /** Letters that left, or were about to. */
  letters: Letter[];
  calls: { to: string; method: string; params: unknown }[];
  journal: AuditEntry[];
  lines: string[];
  pairs: PairStatus[];
  answer: (letter: Letter) => Promise<Result<Sent>>;
  /** What another member says that was asked to bring a message out. */
  relayed: () => Result<Sent>;
  see(sight: Sight): void;
}

const taken = async (): Promise<Result<Sent>> => ok({ answer: '250 Ok', problem: null });

async function rig(name: string, answer: Rig['answer'] = taken): Promise<Rig> {
  const listeners = new Set<(sight: Sight) => void>();
  const sights: Sight[] = [];
  const lines: string[] = [];
  const audit = openAuditLog(join(folder, name, 'audit.log'), quick);
  const made: Omit<Rig, 'telling'> = {
    letters: [],
    calls: [],
    journal: audit.list(0, 100),
    lines,
    pairs: [],
    answer,
    relayed: () => fail(NOT_THERE),
    see(sight) {
      sights.splice(0, sights.length, sight);
      for (const listener of listeners) listener(sight);
    },
  };
  audit.subscribe((entry) => made.journal.push(entry));
  const send = (letter: Letter): Promise<Result<Sent>> => {
    made.letters.push(letter);
    return made.answer(letter);
  };
  const options = {
    stateDir: join(folder, name),
    clock: quick,
    log: (_level: string, text: string) => void lines.push(text),
    audit,
    hypervisor: { list: () => [] },
    pairs: { list: () => made.pairs, tasks: () => [], unclaimed: () => [], records: () => [] },
    peers: {
      get: () => null,
      sights: () => sights,
      sight: (id: string) => sights.find(({ hostId }) => hostId === id) ?? null,
      onSight: (listener: (sight: Sight) => void) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      to: (to: string) => ({
        call: async (method: string, params: unknown) => {
          made.calls.push({ to, method, params });
          return method === 'telling.relay' ? made.relayed() : ok({});
        },
      }),
    },
    transports: { simulated: false, mail: send, hook: send },
    self: () => ({ hostId: 'h-boreas', name: 'boreas', role: 'hypervisor' as const, fleetId: 'f' }),
  };
  // Only what telling asks of the other rooms is played.
  const telling = new Telling(options as unknown as TellingOptions);
  running.push(telling);
  await telling.start();
  return Object.assign(made, { telling });
}

const stored = (n: number, change: Partial<StoredTelling> = {}): StoredTelling => ({
  revision: { n, mark: 'a' },
  settings: SETTINGS,
  secrets: { ...NO_SECRETS, password: 'hunter2' },
  ...change,
});

const failedOver = (boreas: Rig): void => {
  boreas.pairs = [takenOver('web', quick.now())];
};

test('what happens is told once, written down, and the others are told that it was', async () => {
  const boreas = await rig('boreas');
  boreas.see({ hostId: 'h-cora', name: 'cora', reachable: true, since: 0, lastHeardAt: 0 });
  await boreas.telling.adopt(stored(1));
  failedOver(boreas);
  await until(() => boreas.journal.some(({ event }) => event === 'told'));
  expect(boreas.letters.map(({ subject }) => subject)).toEqual(['[Understudy] web runs on boreas now']);
  expect(boreas.journal.map(({ event }) => event)).toEqual(['telling', 'told']);
  await until(() => boreas.calls.some(({ method }) => method === 'telling.told'));
  expect(boreas.calls.find(({ method }) => method === 'telling.told')).toMatchObject({
    to: 'h-cora',
    params: {
      by: 'h-boreas',
      notes: expect.arrayContaining([expect.objectContaining({ id: 'silent:h-atlas' })]),
    },
  });
  expect(boreas.telling.view.messages[0]?.deliveries.mail).toMatchObject({ state: 'delivered', attempts: 1 });
});

test('an agent killed in the middle of sending sends that message again, under the same id, and no third time', async () => {
  // Its mail leaves, and it dies before it hears that.
  const killed = await rig('boreas', () => new Promise(() => undefined));
  await killed.telling.adopt(stored(1));
  failedOver(killed);
  await until(() => killed.letters.length === 1);
  // Nothing more is written from here on, as after a kill.
  await killed.telling.stop();
  const again = await rig('boreas');
  again.pairs = [takenOver('web', quick.now())];
  await until(() => again.journal.some(({ event }) => event === 'told'));
  expect(again.letters.map(({ id }) => id)).toEqual(killed.letters.map(({ id }) => id));
  await again.telling.stop();
  const third = await rig('boreas');
  third.pairs = again.pairs;
  const since = quick.now();
  await until(() => quick.now() - since > 60_000);
  expect(third.letters).toEqual([]);
});

test('what does not get through is tried again, and everybody is told of it meanwhile', async () => {
  const boreas = await rig('boreas', async () => fail(NOT_THERE));
  await boreas.telling.adopt(stored(1));
  failedOver(boreas);
  await until(() => boreas.telling.brief.trouble !== null);
  expect(boreas.telling.brief.trouble).toMatchObject({
    kind: 'telling-undelivered',
    message: 'boreas cannot tell anybody by mail: "web runs on boreas now". It is not there.',
  });
  await until(() => boreas.journal.some(({ event }) => event === 'telling-delayed'));
  boreas.answer = taken;
  await until(() => boreas.telling.brief.trouble === null);
  expect(new Set(boreas.letters.map(({ id }) => id)).size).toBe(1);
  expect(boreas.letters.length).toBeGreaterThanOrEqual(3);
});

test('a host without a way out asks another member, which sends the same message', async () => {
  const boreas = await rig('boreas', async () => fail(NOT_THERE));
  boreas.relayed = () => ok({ answer: '250 Ok', problem: null });
  boreas.see({ hostId: 'h-cora', name: 'cora', reachable: true, since: 0, lastHeardAt: 0 });
  await boreas.telling.adopt(stored(1));
  failedOver(boreas);
  await until(() => boreas.journal.some(({ event }) => event === 'told'));
  const asked = boreas.calls.filter(({ method }) => method === 'telling.relay');
  expect(asked).toMatchObject([
    { to: 'h-cora', params: { channel: 'mail', letter: { id: boreas.letters[0]?.id } } },
  ]);
  expect(boreas.telling.view.messages[0]?.deliveries.mail).toMatchObject({ state: 'delivered', via: 'cora' });
  expect(boreas.telling.brief.trouble).toBeNull();
  // What others ask of this one goes out by its own settings.
  boreas.answer = taken;
  const letter = boreas.letters[0];
  if (!letter) throw new Error('nothing was told');
  const { signal } = new AbortController();
  expect(await boreas.telling.peerHandlers['telling.relay']({ letter, channel: 'mail' }, signal)).toEqual({
    answer: '250 Ok',
    problem: null,
  });
});

test('settings lie where only root reads them, go to the others, and the newest counts', async () => {
  const boreas = await rig('boreas');
  boreas.see({ hostId: 'h-cora', name: 'cora', reachable: true, since: 0, lastHeardAt: 0 });
  expect(await boreas.telling.adopt(stored(2))).toBe(true);
  expect(await boreas.telling.adopt(stored(1))).toBe(false);
  expect(await boreas.telling.adopt(stored(2, { revision: { n: 2, mark: 'b' } }))).toBe(true);
  const file = join(folder, 'boreas', 'telling', 'settings.json');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await stat(join(file, '..'))).mode & 0o777).toBe(0o700);
  await until(() => boreas.calls.length >= 2);
  expect(boreas.calls.at(-1)).toMatchObject({
    method: 'telling.offer',
    params: { stored: { revision: { mark: 'b' } } },
  });
  const anew = await rig('boreas');
  expect(anew.telling.brief.revision).toEqual({ n: 2, mark: 'b' });
});

test('no secret leaves by the console, the journal or the log', async () => {
  const boreas = await rig('boreas');
  const handlers = tellingHandlers(boreas.telling);
  const signal = new AbortController().signal;
  const mail = { ...SETTINGS.mail, user: 'ada', tls: 'starttls' as const, host: 'mail', port: 587 };
  const settings = { ...SETTINGS, mail: { ...mail, from: 'u@example.org', to: ['ada@example.org'] } };
  const view = await handlers['telling.set'](
    { ...ORDER, base: null, settings, secrets: { password: 'hunter2', signingKey: 'key-1' } },
    signal,
  );
  expect(view).toMatchObject({
    revision: { n: 1 },
    has: { password: true, headerValue: false, signingKey: true },
  });
  // Left out: kept. Empty: forgotten.
  const next = await handlers['telling.set'](
    { ...ORDER, base: view.revision, settings, secrets: { signingKey: '' } },
    signal,
  );
  expect(next.has).toEqual({ password: true, headerValue: false, signingKey: false });
  const test = { ...ORDER, channel: 'mail' as const, settings, secrets: {} };
  expect(await handlers['telling.test'](test, signal)).toMatchObject({ answer: '250 Ok' });
  expect(JSON.stringify([view, next, boreas.journal, boreas.lines])).not.toMatch(/hunter2|key-1/);
  expect(await readFile(join(folder, 'boreas', 'audit.log'), 'utf8')).not.toMatch(/hunter2|key-1/);
  // Somebody else was quicker.
  await expect(
    handlers['telling.set']({ ...ORDER, base: view.revision, settings, secrets: {} }, signal),
  ).rejects.toMatchObject({ problem: { kind: 'telling-changed' } });
});
