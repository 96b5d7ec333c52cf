import { beforeEach, describe, expect, test } from 'vitest';
import {
  A,
  B,
  type Bench,
  bootMs,
  childrenOf,
  live,
  reasonAgainst,
  setUpGuard,
  stateOf,
  threadsOf,
  until,
} from './guard.spec-kit.ts';

describe.runIf(reasonAgainst() === null)('guard: which processes', () => {
  const set = setUpGuard();
  const { gone, runs, said, stopped } = set;
  let bench: Bench;
  beforeEach(() => {
    bench = set.bench();
  });

  describe('which processes', () => {
    test('nothing unprotected is touched, whatever its name or arguments', async () => {
      bench.protect(A);
      bench.permit(A, 'ended');
      const free = [
        await bench.qemu(B),
        await bench.qemu(null),
        await bench.qemu(null, '-name', A),
        await bench.qemu(`${A}0`),
        await bench.other(A),
      ];
      await bench.startGuard();
      const pid = await bench.qemu(A);
      await gone(pid);
      await bench.rest();
      for (const each of free) runs(each);
    });

    test('a machine let go of is left as it is', async () => {
      bench.protect(A, B);
      bench.permit(A, live());
      bench.permit(B, 'deadline 0');
      const [a, b] = [await bench.qemu(A), await bench.qemu(B)];
      await bench.startGuard();
      await stopped(b);
      bench.protect();
      await until('let go', () => bench.status().machines.size === 0);
      bench.withdraw(A);
      bench.withdraw(B);
      await bench.rest();
      runs(a);
      expect(stateOf(b)).toBe('T');
      process.kill(b, 'SIGCONT');
      await bench.rest();
      runs(b);
    });

    test('a new QEMU of the same machine is found, upper case or not', async () => {
      bench.protect(A);
      bench.permit(A, live());
      await bench.startGuard();
      const first = await bench.qemu(A);
      await said(A, 'runs');
      process.kill(first, 'SIGKILL');
      await said(A, 'absent');
      bench.permit(A, 'deadline 0');
      const second = await bench.qemu(A.toUpperCase());
      await stopped(second);
    });

    test('one that became QEMU long after it was started is found', async () => {
      bench.protect(A);
      await bench.startGuard();
      const pid = await bench.becoming(A);
      const { ms } = bench.status();
      await until('it is an old acquaintance', () => bench.status().ms > ms + 6_000);
      runs(pid);
      process.kill(pid, 'SIGUSR1');
      await gone(pid);
      await said(A, 'killed');
    });

    test('of several with the same UUID each one is stopped', async () => {
      bench.protect(A);
      bench.permit(A, live());
      const parent = await bench.qemu(A, '--twice');
      const [child = 0] = await until('a child', () => {
        const found = childrenOf(parent);
        return found.length > 0 && found;
      });
      const another = await bench.qemu(A);
      await bench.startGuard();
      await said(A, 'runs');
      bench.permit(A, 'deadline 0');
      for (const pid of [parent, child, another]) await stopped(pid);
    });

    test('one whose first thread waits for a dead disk is stopped in the threads behind it', async () => {
      bench.protect(A);
      bench.permit(A, live());
      const pid = await bench.qemu(A, '--threads', '3', '--stuck');
      await until('stuck', () => stateOf(pid) === 'D');
      for (const child of childrenOf(pid)) bench.watch(child);
      await bench.startGuard();
      await said(A, 'runs');
      bench.permit(A, 'deadline 0');
      await said(A, 'stopped');
      const behind = threadsOf(pid).filter((thread) => thread !== pid);
      for (const thread of behind) expect(stateOf(pid, thread)).toBe('T');
      expect(stateOf(pid)).toBe('D');
      bench.permit(A, `standing resumed ${bootMs() + 20}`);
      await until('all run again', () => behind.every((thread) => stateOf(pid, thread) !== 'T'));
    });

    test('what somebody else has stopped is not continued, before and after a restart of the guard', async () => {
      bench.protect(A);
      bench.permit(A, live());
      const pid = await bench.qemu(A);
      process.kill(pid, 'SIGSTOP');
      await stopped(pid);
      await bench.startGuard();
      bench.permit(A, `standing resumed ${bootMs() + 20}`);
      await bench.rest();
      expect(stateOf(pid)).toBe('T');
      expect(bench.status().processes[0]?.state).toBe('other');
      await bench.endGuard('SIGKILL');
      await bench.startGuard();
      await bench.rest();
      expect(stateOf(pid)).toBe('T');
    });

    test('64 machines are all stopped when their deadlines pass', async () => {
      const uuids = Array.from({ length: 64 }, (_, n) => A.slice(0, 34) + String(n + 10));
      bench.protect(...uuids);
      for (const uuid of uuids) bench.permit(uuid, 'standing');
      const pids = await Promise.all(uuids.map((uuid) => bench.qemu(uuid)));
      await bench.startGuard();
      await until('all found', () => bench.status().processes.length === 64);
      const deadline = bootMs() + 500;
      for (const uuid of uuids) bench.permit(uuid, `deadline ${deadline}`);
      for (const pid of pids) await stopped(pid);
      await until('all told', () => bench.status().processes.every(({ state }) => state === 'stopped'));
      for (const { since } of bench.status().processes) expect(since).toBeGreaterThanOrEqual(deadline);
      expect(bench.status().told).toEqual([]);
    });

    test('more machines than it has room for are told', async () => {
      bench.protect(...Array.from({ length: 129 }, (_, n) => A.slice(0, 33) + String(n + 100)));
      await bench.startGuard();
      expect(bench.status()).toMatchObject({ strength: 'weak', told: ['- too-many'] });
      expect(bench.status().machines.size).toBe(128);
    });
  });
});
