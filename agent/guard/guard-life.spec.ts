import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  A,
  B,
  type Bench,
  bootMs,
  childrenOf,
  live,
  protectedList,
  reasonAgainst,
  setUpGuard,
  stateOf,
  until,
} from './guard.spec-kit.ts';

describe.runIf(reasonAgainst() === null)('guard: its own life', () => {
  const set = setUpGuard();
  const { gone, runs, said, stopped } = set;
  let bench: Bench;
  beforeEach(() => {
    bench = set.bench();
  });

  describe('its own life', () => {
    test('killed and started again it changes nothing, and knows what it had stopped', async () => {
      bench.protect(A, B);
      bench.permit(A, 'deadline 0');
      bench.permit(B, live());
      const [a, b] = [await bench.qemu(A), await bench.qemu(B)];
      await bench.startGuard();
      await said(A, 'stopped');
      const since = bench.status().processes.find(({ pid }) => pid === a)?.since ?? 0;
      await bench.endGuard('SIGKILL');
      bench.permit(A, live());
      await bench.startGuard();
      await bench.rest();
      expect(stateOf(a)).toBe('T');
      runs(b);
      expect(bench.status().processes.find(({ pid }) => pid === a)).toMatchObject({
        state: 'stopped',
        since,
      });
      bench.permit(A, `${live()} resumed ${since + 1}`);
      await said(A, 'runs');
      runs(a);
    });

    test('a process found stopped without permission counts as stopped by it, whoever remembers', async () => {
      bench.protect(A);
      bench.permit(A, 'deadline 0');
      const pid = await bench.qemu(A);
      process.kill(pid, 'SIGSTOP');
      await stopped(pid);
      await bench.startGuard();
      expect(bench.status().machines.get(A)?.state).toBe('stopped');
      process.kill(pid, 'SIGCONT');
      await gone(pid);
    });

    /** A machine that ran under a guard which has been killed. */
    async function killedGuardOf(uuid: string): Promise<number> {
      bench.protect(uuid);
      bench.permit(uuid, live());
      const pid = await bench.qemu(uuid);
      await bench.startGuard();
      await said(uuid, 'runs');
      await bench.endGuard('SIGKILL');
      return pid;
    }

    test('a stop that was made and not told any more is its own, and ends by an order', async () => {
      const pid = await killedGuardOf(A);
      bench.permit(A, 'deadline 0');
      process.kill(pid, 'SIGSTOP');
      await stopped(pid);
      await bench.startGuard();
      await said(A, 'stopped');
      bench.permit(A, `standing resumed ${bootMs() + 20}`);
      await said(A, 'runs');
      runs(pid);
    });

    test('a stop that was told and made, but not seen any more, is continued by an order that came meanwhile', async () => {
      const pid = await killedGuardOf(A);
      const entry = new RegExp(`^(\\.process ${A} .*) runs [0-9]+$`, 'm');
      bench.rewriteStatus((text) => text.replace(entry, `$1 stopping ${bootMs()}`));
      process.kill(pid, 'SIGSTOP');
      await stopped(pid);
      bench.permit(A, `standing resumed ${bootMs() + 20}`);
      await bench.startGuard();
      await said(A, 'runs');
      runs(pid);
    });

    test('SIGTERM touches nothing, and it stays until the last protected QEMU has ended', async () => {
      bench.protect(A);
      bench.permit(A, live());
      const [a, b] = [await bench.qemu(A), await bench.qemu(B)];
      await bench.startGuard();
      bench.guard?.kill('SIGTERM');
      await bench.rest();
      runs(a);
      bench.permit(A, 'deadline 0');
      await stopped(a);
      const { guard } = bench;
      process.kill(a, 'SIGKILL');
      await until('the guard has left', () => guard?.exitCode === 0);
      bench.guard = null;
      runs(b);
    });

    test('SIGINT ends it at once and leaves everything as it is', async () => {
      bench.protect(A, B);
      bench.permit(A, live());
      bench.permit(B, 'deadline 0');
      const [a, b] = [await bench.qemu(A), await bench.qemu(B)];
      await bench.startGuard();
      await stopped(b);
      expect(await bench.endGuard('SIGINT')).toEqual({ code: 0, signal: null });
      runs(a);
      expect(stateOf(b)).toBe('T');
    });

    test('before the agent has written a list after a boot, the durable one counts', async () => {
      mkdirSync(join(bench.state, 'guard'));
      writeFileSync(join(bench.state, 'guard/protected'), protectedList([A]));
      const [a, b] = [await bench.qemu(A), await bench.qemu(B)];
      await bench.startGuard();
      await gone(a);
      bench.permit(B, 'ended');
      bench.protect(B);
      await gone(b);
      // The signal comes before the round's word of it.
      await until('the new list', () => [...bench.status().machines.keys()].join() === B);
    });

    test('a status file full of rubbish is no reason not to start', async () => {
      bench.protect(A);
      bench.permit(A, 'deadline 0');
      const pid = await bench.qemu(A);
      const rubbish = [
        `.process ${A} ${pid} 99999999999999999999999 stopped -1`,
        '.process',
        '\0\0',
        'x'.repeat(200_000),
      ];
      writeFileSync(join(bench.runtime, 'guard.alive'), rubbish.join('\n'));
      await bench.startGuard();
      await said(A, 'stopped');
    });

    test('keeps its status fresh though nothing happens', async () => {
      await bench.startGuard();
      const first = bench.status();
      expect(first.text).toMatch(
        /^understudy-guard 1 \d+ (armed|weak)\n(\.process .*\n)*\.latest \d+ \d+\n\.granted .*\n\.watchdog none\n$/,
      );
      await until('a newer one', () => bench.status().ms >= first.ms + 500);
    });
  });

  describe('a hardware watchdog (a fake one: a file)', () => {
    const device = (): string => join(bench.runtime, 'fake-watchdog');
    const written = (): string => readFileSync(device(), 'latin1');
    beforeEach(() => writeFileSync(device(), ''));

    test('is fed while all is well, and closed with the magic character when nothing is armed', async () => {
      bench.protect(A);
      bench.permit(A, 'standing');
      await bench.qemu(A);
      await bench.startGuard('--watchdog', device());
      await until('fed twice', () => written().length >= 2);
      expect(bench.status().watchdog).toBe('fed');
      await bench.endGuard('SIGINT');
      expect(written()).toMatch(/^\0+V$/);
    });

    test('is not told of an orderly end while a machine is armed', async () => {
      bench.protect(A);
      bench.permit(A, 'deadline 0');
      await bench.startGuard('--watchdog', device());
      await until('fed', () => written().length > 0);
      await bench.endGuard('SIGINT');
      expect(written()).toMatch(/^\0+$/);
    });

    test('starves while a process runs that no signal stops', async () => {
      bench.protect(A);
      bench.permit(A, live());
      const pid = await bench.qemu(A, '--stuck');
      await until('stuck', () => stateOf(pid) === 'D');
      const [child = 0] = childrenOf(pid);
      bench.watch(child);
      await bench.startGuard('--watchdog', device());
      await until('fed', () => written().length > 0);
      bench.permit(A, 'deadline 0');
      await until('starved', () => bench.status().watchdog === 'starved');
      const { length } = written();
      await bench.rest();
      await bench.rest();
      expect(written()).toHaveLength(length);
      process.kill(child, 'SIGKILL');
      await until('fed again', () => bench.status().watchdog === 'fed' && written().length > length);
      expect(stateOf(pid)).toBe('T');
    });
  });

  test('preflight says in one line what the host grants', () => {
    const result = spawnSync(set.programs().guard, ['--run', bench.runtime, '--preflight'], {
      encoding: 'utf8',
    });
    const facts: unknown = JSON.parse(result.stdout);
    expect(facts).toMatchObject({ tmpfs: true, bootClock: true, pidfd: true });
    expect(Object.keys(facts ?? {}).sort()).toEqual(
      ['bootClock', 'lockedMemory', 'oomScore', 'pidfd', 'ready', 'realTime', 'tmpfs'].sort(),
    );
    expect(result.status).toBe((facts as { ready: boolean }).ready ? 0 : 1);
    const onDisk = mkdtempSync(join(tmpdir(), 'guard-disk-'));
    const other = spawnSync(set.programs().guard, ['--run', onDisk, '--preflight'], { encoding: 'utf8' });
    rmSync(onDisk, { recursive: true });
    expect(JSON.parse(other.stdout)).toMatchObject({ ready: false, tmpfs: false });
    expect(other.status).toBe(1);
  });
});
