import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fail, type MirrorStatus, ok, type Problem, type Result } from '../../protocol/index.ts';
import type { Attended } from '../replication.ts';
import { Attenders } from './attenders.ts';
import { freshMs } from './pair-attender.ts';

const PAIR = 'pair-1';
const clock = {
  now: () => Date.now(),
  bootMs: () => performance.now(),
  setTimeout(run: () => void, ms: number) {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};
const good: Result<Attended> = ok({ state: 'in-sync', behindS: null, behindBytes: null, line: 'fine' });
const behind: Result<Attended> = ok({ state: 'behind', behindS: 3, behindBytes: null, line: 'late' });
const problem = (kind: string): Result<Attended> => fail({ kind, message: kind, next: '' } as Problem);

let answer: Result<Attended>;
let lives: boolean;
let looks: number;
let attenders: Attenders;
const status = (): MirrorStatus | null => attenders.status(PAIR);

beforeEach(() => {
  vi.useFakeTimers();
  answer = good;
  lives = true;
  looks = 0;
  attenders = new Attenders({ clock, guestLives: () => lives });
});
afterEach(async () => {
  await attenders.stop();
  vi.useRealTimers();
});

const attend = (more: { mayBeWhole?: boolean; settles?: boolean } = {}) =>
  attenders.attend({
    pairId: PAIR,
    vmUuid: 'vm',
    mayBeWhole: true,
    settles: true,
    everyMs: 2_000,
    async look() {
      looks += 1;
      return answer;
    },
    ...more,
  });
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('a copy that is looked after', () => {
  it('is in sync from the first answer that says so, and never one moment before', async () => {
    await attend();
    expect(status()?.state).toBe('connecting');
    await pass(0);
    expect(status()).toMatchObject({ state: 'in-sync', problem: null, attended: { line: 'fine' } });
  });

  it('is no more as soon as an answer says otherwise', async () => {
    await attend();
    await pass(0);
    answer = problem('external-broken');
    await pass(2_000);
    expect(status()).toMatchObject({ state: 'broken', problem: { kind: 'external-broken' } });
    answer = behind;
    await pass(2_000);
    expect(status()).toMatchObject({ state: 'copying', problem: null, attended: { behindS: 3 } });
    answer = good;
    await pass(2_000);
    expect(status()?.state).toBe('in-sync');
  });

  it('stays what it was while nobody answers, for as long as the last answer is fresh', async () => {
    await attend();
    await pass(0);
    answer = problem('peer-unreachable');
    await pass(freshMs(2_000) - 100);
    expect(status()).toMatchObject({ state: 'in-sync', problem: { kind: 'peer-unreachable' } });
    await pass(200);
    expect(status()).toMatchObject({ state: 'broken', problem: { kind: 'peer-unreachable' } });
  });

  it('is not counted on when a look never comes to an end', async () => {
    await attenders.attend({
      pairId: PAIR,
      vmUuid: 'vm',
      mayBeWhole: true,
      settles: true,
      everyMs: 2_000,
      look: () => (looks++ === 0 ? Promise.resolve(good) : new Promise(() => undefined)),
    });
    await pass(0);
    await pass(freshMs(2_000) + 1);
    expect(status()).toMatchObject({ state: 'broken', problem: { kind: 'state-unknown' } });
  });

  it('is not counted on after a look that went wrong, and looked at again', async () => {
    let wrong = false;
    await attenders.attend({
      pairId: PAIR,
      vmUuid: 'vm',
      mayBeWhole: true,
      settles: true,
      everyMs: 2_000,
      async look() {
        if (wrong) throw new Error('a bug');
        return good;
      },
    });
    await pass(0);
    wrong = true;
    await pass(2_000);
    expect(status()).toMatchObject({
      state: 'broken',
      problem: { message: expect.stringContaining('a bug') },
    });
    wrong = false;
    await pass(2_000);
    expect(status()?.state).toBe('in-sync');
  });

  it('of an asynchronous replication is never in sync, whatever that says', async () => {
    await attend({ mayBeWhole: false });
    await pass(0);
    expect(status()?.state).toBe('following');
    lives = false;
    await attenders.end(PAIR);
    expect(attenders.endedInSync(PAIR)).toBe(false);
  });

  it('is asked once more after its machine has stopped, until it has everything', async () => {
    await attend();
    await pass(0);
    lives = false;
    answer = behind;
    const ended = attenders.end(PAIR);
    await pass(1_000);
    expect(attenders.endedInSync(PAIR)).toBe(false);
    answer = good;
    await pass(1_000);
    await ended;
    expect(attenders.endedInSync(PAIR)).toBe(true);
    expect(status()).toBeNull();
  });

  it('that does not come to have everything after that has ended without', async () => {
    await attend();
    await pass(0);
    lives = false;
    answer = behind;
    const ended = attenders.end(PAIR);
    await pass(11_000);
    await ended;
    expect(attenders.endedInSync(PAIR)).toBe(false);
  });

  it('is not asked again when its machine goes on, and ends once and again', async () => {
    await attend();
    await pass(0);
    const asked = looks;
    await attenders.end(PAIR);
    await attenders.end(PAIR);
    expect(looks).toBe(asked);
    expect(attenders.endedInSync(PAIR)).toBe(false);
    await pass(10_000);
    expect(looks).toBe(asked);
  });

  it('is begun of a running machine only', async () => {
    lives = false;
    expect(await attend()).toMatchObject({ ok: false, problem: { kind: 'guest-stopped' } });
  });
});
