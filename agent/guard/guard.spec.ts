import { beforeEach, describe, expect, test } from 'vitest';
import {
  A,
  B,
  type Bench,
  bootMs,
  live,
  reasonAgainst,
  setUpGuard,
  stateOf,
  threadsOf,
  until,
} from './guard.spec-kit.ts';

describe.runIf(reasonAgainst() === null)('guard: permissions', () => {
  const set = setUpGuard();
  const { gone, runs, said, stopped } = set;
  let bench: Bench;
  beforeEach(() => {
    bench = set.bench();
  });

  describe('a deadline', () => {
    test('that passes stops the process, at once and not before; age alone kills nothing', async () => {
      const deadline = bootMs() + 400;
      bench.protect(A);
      bench.permit(A, `deadline ${deadline}`);
      const pid = await bench.qemu(A);
      await bench.startGuard();
      await stopped(pid);
      await said(A, 'stopped');
      const [entry] = bench.status().processes;
      expect(entry).toMatchObject({ uuid: A, pid, state: 'stopped' });
      expect(entry?.since).toBeGreaterThanOrEqual(deadline);
      await bench.rest();
      expect(stateOf(pid)).toBe('T');
      expect(bench.status().machines.get(A)).toMatchObject({
        permission: `7 - deadline ${deadline}`,
        state: 'stopped',
      });
    });

    test('that is renewed in time stops nothing', async () => {
      bench.protect(A);
      bench.permit(A, live());
      const pid = await bench.qemu(A);
      await bench.startGuard();
      for (let n = 0; n < 5; n++) {
        bench.permit(A, `deadline ${bootMs() + 60_000 + n}`);
        const { ms } = bench.status();
        await until('a round', () => bench.status().ms > ms);
        runs(pid);
      }
      expect(bench.status().machines.get(A)?.state).toBe('runs');
    });

    test('zero means at once', async () => {
      bench.protect(A);
      bench.permit(A, live());
      const pid = await bench.qemu(A);
      await bench.startGuard();
      bench.permit(A, 'deadline 0');
      await stopped(pid);
    });

    test('more than an hour ahead is a mistake, not a permission', async () => {
      bench.protect(A);
      bench.permit(A, `deadline ${Date.now()}`);
      const pid = await bench.qemu(A);
      await bench.startGuard();
      await stopped(pid);
      await until('it is told', () => bench.status().told.join() === `${A} unreadable`);
    });
  });

  describe('a stopped process', () => {
    let pid: number;
    beforeEach(async () => {
      bench.protect(A);
      bench.permit(A, 'deadline 0');
      pid = await bench.qemu(A, '--threads', '3');
      await bench.startGuard();
      await said(A, 'stopped');
    });

    test('is stopped in every thread', () => {
      expect(threadsOf(pid)).toHaveLength(4);
      for (const thread of threadsOf(pid)) expect(stateOf(pid, thread)).toBe('T');
    });

    test('is not woken by a live permission, nor by an order from before its stop', async () => {
      const since = bench.status().processes[0]?.since ?? 0;
      bench.permit(A, live());
      await bench.rest();
      expect(stateOf(pid)).toBe('T');
      bench.permit(A, `${live()} resumed ${since}`);
      await bench.rest();
      expect(stateOf(pid)).toBe('T');
      bench.permit(A, `standing resumed ${since}`);
      await bench.rest();
      expect(stateOf(pid)).toBe('T');
    });

    test('goes on by an order from after its stop, and that order excuses no later stop', async () => {
      const since = bench.status().processes[0]?.since ?? 0;
      bench.permit(A, `standing resumed ${since + 1}`);
      await said(A, 'runs');
      runs(pid);
      bench.permit(A, `deadline 0 resumed ${since + 1}`);
      await said(A, 'stopped');
      bench.permit(A, `${live()} resumed ${since + 1}`);
      await bench.rest();
      expect(stateOf(pid)).toBe('T');
    });

    test('an order to continue without a live permission wakes nothing', async () => {
      bench.permit(A, 'deadline 0 resumed 999999999999999');
      await bench.rest();
      expect(stateOf(pid)).toBe('T');
    });

    test('found running without permission is killed', async () => {
      process.kill(pid, 'SIGCONT');
      await gone(pid);
      await said(A, 'killed');
    });

    test('woken by somebody else under a live permission is stopped again, not killed', async () => {
      bench.permit(A, live());
      await bench.rest();
      process.kill(pid, 'SIGCONT');
      await stopped(pid);
      await bench.rest();
      expect(stateOf(pid)).toBe('T');
    });

    test('is killed when its epoch has ended', async () => {
      bench.permit(A, 'ended', '8 boreas');
      await gone(pid);
      await said(A, 'killed');
      expect(bench.status().machines.get(A)?.permission).toBe('8 boreas ended');
    });

    test('survives a rise of the epoch alone: after a take-back it runs on', async () => {
      bench.permit(A, `${live()} resumed ${bootMs() + 20}`, '9 -');
      await said(A, 'runs');
      runs(pid);
    });
  });

  describe('permission', () => {
    test('standing lets run; ended kills what runs', async () => {
      bench.protect(A);
      bench.permit(A, 'standing');
      const pid = await bench.qemu(A);
      await bench.startGuard();
      await bench.rest();
      runs(pid);
      bench.permit(A, 'ended');
      await gone(pid);
    });

    test('no file: stopped, then killed', async () => {
      bench.protect(A);
      await bench.startGuard();
      const pid = await bench.qemu(A);
      await gone(pid);
      await said(A, 'killed');
      expect(bench.status().machines.get(A)?.permission).toBe('0 - none');
    });

    test('a file taken away ends the permission', async () => {
      bench.protect(A);
      bench.permit(A, 'standing');
      const pid = await bench.qemu(A);
      await bench.startGuard();
      bench.withdraw(A);
      await gone(pid);
    });

    test('of a lower epoch than was read before counts as run out', async () => {
      bench.protect(A);
      bench.permit(A, 'standing', '8 -');
      const pid = await bench.qemu(A);
      await bench.startGuard();
      bench.permit(A, 'ended', '7 boreas');
      await said(A, 'stopped');
      expect(stateOf(pid)).toBe('T');
      expect(bench.status().told).toEqual([`${A} older-epoch`]);
    });

    test('of the same number forced by a host is higher than the unforced one', async () => {
      bench.protect(A, B);
      bench.permit(A, 'standing', '8 boreas');
      bench.permit(B, 'standing', '8 -');
      const [a, b] = [await bench.qemu(A), await bench.qemu(B)];
      await bench.startGuard();
      bench.permit(A, 'standing', '8 -');
      bench.permit(B, 'standing', '8 boreas');
      await stopped(a);
      await bench.rest();
      runs(b);
    });
  });
});
