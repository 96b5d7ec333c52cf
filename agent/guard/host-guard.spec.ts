import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../ports.ts';
import type { Guard } from './guard.ts';
import { createHostGuard } from './host-guard.ts';
import { protectedList } from './lists.ts';

const A = '7e570000-0000-4000-8000-000000000061';
const B = '7e570000-0000-4000-8000-000000000062';
const epoch = { n: 7, by: '' };

let folder: string;
let guard: Guard;
let now: number;
let due: { at: number; run: () => void }[];
let logged: string[];
const told: (string | null)[] = [];

const clock: Clock = {
  now: () => 0,
  bootMs: () => now,
  setTimeout: (run, ms) => {
    const timer = { at: now + ms, run };
    due.push(timer);
    return {
      cancel: () => {
        due = due.filter((each) => each !== timer);
      },
    };
  },
};

function pass(ms: number): void {
  const end = now + ms;
  for (;;) {
    const next = due.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
    if (next === undefined) break;
    due = due.filter((each) => each !== next);
    now = Math.max(now, next.at);
    next.run();
  }
  now = end;
}

const run = (...path: string[]): string => join(folder, 'run', ...path);
const durable = (): string => join(folder, 'state', 'guard', 'protected');
const text = (path: string): string => readFileSync(path, 'utf8');
const names = (): string[] => readdirSync(run('guard')).sort();

/** As the guard would, now. */
function say(strength: string, ...lines: string[]): void {
  const granted = strength === 'armed' ? ['.granted rt locked tmpfs oom room'] : [];
  const all = [`understudy-guard 1 ${now} ${strength}`, ...lines, ...granted, '.watchdog none'];
  writeFileSync(run('.guard.alive.tmp'), `${all.join('\n')}\n`);
  renameSync(run('.guard.alive.tmp'), run('guard.alive'));
}

function another(): Guard {
  return createHostGuard({
    sameLookMs: 0,
    runDir: run(),
    stateDir: join(folder, 'state'),
    clock,
    log: (_level, line) => void logged.push(line),
  });
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'host-guard-'));
  [now, due, logged] = [1_000_000, [], []];
  guard = another();
  await guard.start();
  told.length = 0;
  guard.subscribe((uuid) => void told.push(uuid));
});

afterEach(() => {
  guard.stop();
  rmSync(folder, { recursive: true });
});

describe('what the agent writes', () => {
  it('is in place when permit returns, the latest last', () => {
    guard.permit(A, { kind: 'deadline', epoch, ms: 5.9 });
    guard.permit(A, { kind: 'standing', epoch, resumed: 4 });
    expect(text(run('guard', A))).toBe('understudy-permission 1 7 - standing resumed 4\n');
    expect(names()).toEqual(['.protected', A]);
  });

  it('goes where the folder was taken away, too; what cannot be written is told', () => {
    rmSync(run('guard'), { recursive: true });
    guard.permit(A, { kind: 'ended', epoch });
    expect(text(run('guard', A))).toBe('understudy-permission 1 7 - ended\n');
    say('armed');
    expect(guard.view.state).toBe('armed');
    rmSync(run('guard'), { recursive: true });
    writeFileSync(run('guard'), '');
    guard.permit(A, { kind: 'ended', epoch });
    expect(guard.view).toMatchObject({ state: 'weak', why: expect.stringContaining('/run') });
    expect(logged.join()).toContain(A);
    rmSync(run('guard'));
    guard.permit(A, { kind: 'ended', epoch });
    expect(guard.view.state).toBe('armed');
  });

  it('protects durably, then on tmpfs, and knows it when it starts anew', async () => {
    await Promise.all([guard.protect(A), guard.protect(B), guard.protect(A)]);
    expect(text(durable())).toBe(protectedList([A, B]));
    expect(text(run('guard', '.protected'))).toBe(protectedList([A, B]));
    rmSync(run('guard'), { recursive: true });
    const next = another();
    await next.start();
    next.stop();
    expect(text(run('guard', '.protected'))).toBe(protectedList([A, B]));
    expect(next.protects()).toEqual([A, B]);
  });

  it.each([
    ['gone', () => rmSync(durable())],
    ['damaged', () => writeFileSync(durable(), 'understudy-protected 1\n7e57')],
  ])('lets nothing go because the durable list is %s', async (_how, damage) => {
    await guard.protect(A);
    damage();
    const next = another();
    await next.start();
    next.stop();
    expect(next.protects()).toEqual([A]);
    expect(text(durable())).toBe(protectedList([A]));
  });

  it('says that it no longer knows what is protected', async () => {
    await guard.protect(A);
    writeFileSync(durable(), 'x');
    rmSync(run('guard'), { recursive: true });
    const next = another();
    await next.start();
    say('armed');
    expect(next.view).toMatchObject({ state: 'weak', why: expect.stringContaining('cannot be read') });
    await next.protect(A);
    expect(next.view.state).toBe('armed');
    next.stop();
  });

  it('lets go: lists first, and the permission when the guard has read them', async () => {
    guard.permit(A, { kind: 'standing', epoch });
    await guard.protect(A);
    say('armed', `${A} 7 - standing runs`);
    let done = false;
    const letGo = guard.letGo(A).then(() => {
      done = true;
    });
    const settle = () => new Promise((resolve) => setTimeout(resolve, 50));
    await settle();
    expect(text(durable())).toBe(protectedList([]));
    expect(text(run('guard', '.protected'))).toBe(protectedList([]));
    expect([done, names()]).toEqual([false, ['.protected', A]]);
    say('armed');
    pass(20);
    await letGo;
    expect(names()).toEqual(['.protected']);
    expect(guard.protects()).toEqual([]);
  });

  it('lets go without a guard', async () => {
    guard.permit(A, { kind: 'standing', epoch });
    await guard.protect(A);
    await guard.letGo(A);
    expect(names()).toEqual(['.protected']);
  });

  it('a list that cannot be made durable is not made at all', async () => {
    mkdirSync(`${durable()}.new`, { recursive: true });
    await expect(guard.protect(A)).rejects.toThrow();
    expect(text(run('guard', '.protected'))).toBe(protectedList([]));
    expect(guard.protects()).toEqual([]);
  });

  it('lets the hook start a machine for a minute', () => {
    guard.allowStart(A);
    expect(text(run('guard', `.start-${A}`))).toBe('1060000\n');
    guard.endStart(A);
    expect(names()).toEqual(['.protected']);
  });
});

describe('what the guard says', () => {
  it('is missing, armed, or weak with what is missing', () => {
    expect(guard.view).toMatchObject({ state: 'missing', why: expect.stringContaining('does not run') });
    say('armed');
    expect(guard.view).toEqual({ state: 'armed', why: null });
    say('weak', '.granted - locked tmpfs oom -', '.told - list-unreadable');
    expect(guard.view).toEqual({
      state: 'weak',
      why: 'The guard is not sure to act in time: it may not run at real-time priority, there are more machines or processes than it can look after and its list of protected machines cannot be read.',
    });
    now += 2_001;
    expect(guard.view.state).toBe('missing');
  });

  it('is on for a deadline of that epoch, by a guard that is armed, not older than a second', () => {
    say('armed', `${A} 7 - deadline 9 runs`, `${B} 7 - standing runs`);
    expect([guard.on(A, 7), guard.on(A, 8), guard.on(B, 7)]).toEqual([true, false, false]);
    now += 1_001;
    expect(guard.on(A, 7)).toBe(false);
    say('weak', `${A} 7 - deadline 9 runs`);
    expect(guard.on(A, 7)).toBe(false);
  });

  it('tells who has been stopped by it, and not by others', () => {
    say('armed', `.process ${A} 11 99 stopped 5`, `.process ${B} 12 99 other 5`);
    expect([guard.stopped(A), guard.stopped(B)]).toEqual([true, false]);
    now += 60_000;
    expect(guard.stopped(A)).toBe(true);
  });

  it('is told when it changes, but not at every renewal', async () => {
    await guard.protect(A);
    say('armed', `${A} 7 - deadline 9 runs`);
    pass(200);
    expect(told.splice(0)).toEqual([A, null]);
    say('armed', `${A} 7 - deadline 400 runs`);
    pass(200);
    expect(told).toEqual([]);
    say('armed', `${A} 7 - deadline 400 stopped`);
    pass(200);
    expect(told.splice(0)).toEqual([A]);
    pass(1_000);
    expect(told.splice(0)).toEqual([A]);
    pass(2_000);
    expect(told).toEqual([null]);
  });

  it('is looked at seldom while nothing is protected, and never after the end', async () => {
    say('armed');
    pass(4_000);
    say('armed');
    expect(told).toEqual([]);
    pass(1_000);
    expect(told).toEqual([null]);
    guard.stop();
    expect(due).toEqual([]);
  });
});
