import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parsePermission } from '../lease/deadline-file.ts';
import {
  Bench,
  bootMs,
  buildPrograms,
  childrenOf,
  type Programs,
  protectedList,
  reasonAgainst,
  stateOf,
  threadsOf,
  until,
} from './guard.spec-kit.ts';

const A = '11111111-aaaa-4aaa-8aaa-111111111111';
const B = '22222222-bbbb-4bbb-8bbb-222222222222';
const reason = reasonAgainst();

describe.runIf(reason === null)('guard', () => {
  let programs: Programs;
  let bench: Bench;

  beforeAll(() => {
    programs = buildPrograms();
  });
  afterAll(() => {
    rmSync(programs.folder, { recursive: true });
  });
  beforeEach(() => {
    bench = new Bench(programs);
  });
  afterEach(async () => {
    const { stderr } = bench;
    await bench.close();
    expect(stderr).not.toMatch(/Sanitizer|runtime error/);
  });

  const stopped = (pid: number): Promise<boolean> => until(`${pid} stopped`, () => stateOf(pid) === 'T');
  const gone = (pid: number): Promise<boolean> => until(`${pid} gone`, () => stateOf(pid) === null);
  const said = (uuid: string, state: string): Promise<boolean> =>
    until(`${uuid} ${state}`, () => bench.status().machines.get(uuid)?.state === state);
  const runs = (pid: number): void => expect(stateOf(pid)).toMatch(/[RS]/);
  const live = (): string => `deadline ${bootMs() + 600_000}`;

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
      expect(bench.status().machines.get(A)).toEqual({
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
      expect(bench.status().told).toEqual([`${A} unreadable`]);
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

  describe('what cannot be read', () => {
    const DAMAGE: [string, (name: string) => void][] = [
      ['half a line', (name) => writeFileSync(name, 'understudy-permission 1 7 - dead')],
      ['nothing', (name) => writeFileSync(name, '')],
      ['another version', (name) => writeFileSync(name, 'understudy-permission 2 7 - ended\n')],
      ['a megabyte', (name) => writeFileSync(name, 'x'.repeat(1 << 20))],
      ['NUL bytes', (name) => writeFileSync(name, 'understudy-permission 1 7 - standing\n\0')],
      ['a folder', (name) => mkdirSync(name)],
      ['a pipe', (name) => expect(spawnSync('mkfifo', [name]).status).toBe(0)],
    ];
    test.each(DAMAGE)('%s: the last permission holds until its deadline', async (_, damage) => {
      bench.protect(A, B);
      bench.permit(A, live());
      bench.permit(B, 'standing');
      const [a, b] = [await bench.qemu(A), await bench.qemu(B)];
      await bench.startGuard();
      const deadline = bootMs() + 700;
      bench.permit(A, `deadline ${deadline}`);
      await until('taken in', () =>
        bench.status().machines.get(A)?.permission.endsWith(`deadline ${deadline}`),
      );
      for (const uuid of [A, B]) {
        rmSync(join(bench.folder, uuid));
        damage(join(bench.folder, uuid));
      }
      await until('told', () => bench.status().told.length === 2);
      await stopped(a);
      await said(A, 'stopped');
      expect(bench.status().processes.find(({ pid }) => pid === a)?.since).toBeGreaterThanOrEqual(deadline);
      runs(b);
    });

    test('with nothing read before it stops, and never kills', async () => {
      bench.protect(A);
      writeFileSync(join(bench.folder, A), 'rubbish\n');
      const pid = await bench.qemu(A);
      await bench.startGuard();
      await stopped(pid);
      await bench.rest();
      expect(stateOf(pid)).toBe('T');
    });

    test('a list: what was protected stays so, what was not stays free', async () => {
      bench.protect(A);
      bench.permit(A, live());
      const [a, b] = [await bench.qemu(A), await bench.qemu(B)];
      await bench.startGuard();
      bench.write('.protected', `understudy-protected 1\n${B}\n${A.slice(0, 20)}`);
      await until('told', () => bench.status().told.includes('- list-unreadable'));
      expect(bench.status().strength).toBe('weak');
      bench.permit(A, 'deadline 0');
      await stopped(a);
      runs(b);
      bench.protect(A);
      await until('no longer told', () => bench.status().told.length === 0);
    });
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
      expect([...bench.status().machines.keys()]).toEqual([B]);
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
    const result = spawnSync(programs.guard, ['--run', bench.runtime, '--preflight'], { encoding: 'utf8' });
    const facts: unknown = JSON.parse(result.stdout);
    expect(facts).toMatchObject({ tmpfs: true, bootClock: true, pidfd: true });
    expect(Object.keys(facts ?? {}).sort()).toEqual(
      ['bootClock', 'lockedMemory', 'oomScore', 'pidfd', 'ready', 'realTime', 'tmpfs'].sort(),
    );
    expect(result.status).toBe((facts as { ready: boolean }).ready ? 0 : 1);
    const onDisk = mkdtempSync(join(tmpdir(), 'guard-disk-'));
    const other = spawnSync(programs.guard, ['--run', onDisk, '--preflight'], { encoding: 'utf8' });
    rmSync(onDisk, { recursive: true });
    expect(JSON.parse(other.stdout)).toMatchObject({ ready: false, tmpfs: false });
    expect(other.status).toBe(1);
  });

  describe("its parser and the agent's", () => {
    /** How the guard reads each of the files. */
    const read = (texts: (string | Uint8Array)[], how = '--parse'): string[] => {
      const names = texts.map((text, n) => {
        const name = join(bench.runtime, `text-${n}`);
        writeFileSync(name, text);
        return name;
      });
      const result = spawnSync(programs.guard, [how, ...names], { encoding: 'utf8' });
      expect(result.stderr).toBe('');
      expect(result.status).toBe(0);
      return result.stdout.trimEnd().split('\n');
    };
    const agents = (text: string): string => {
      const p = parsePermission(text);
      if (p === null) return 'unreadable';
      const [ms, resumed] = [p.kind === 'deadline' ? p.ms : 0, p.kind === 'ended' ? 0 : (p.resumed ?? 0)];
      return `${p.epoch.n} ${p.epoch.by === '' ? '-' : p.epoch.by} ${p.kind} ${ms} ${resumed}`;
    };

    const word = fc.constantFrom(
      'understudy-permission',
      '1',
      '2',
      '0',
      '7',
      '-',
      'boreas',
      '-a',
      'a-',
      '.x',
      'deadline',
      'standing',
      'ended',
      'resumed',
      '123456789012345',
      '1234567890123456',
      '00012',
      '+1',
      ' ',
      '',
      'é',
      '\0',
      '\n',
      '\r',
      'x'.repeat(64),
      'x'.repeat(65),
    );
    const nearly = fc
      .tuple(
        fc.constantFrom('1', '7', '123456789012345'),
        fc.constantFrom('-', 'boreas', 'x'.repeat(64)),
        fc.array(word, { maxLength: 4 }),
        fc.constantFrom('\n', '', '\n\n'),
      )
      .map(([n, by, rest, end]) => `understudy-permission 1 ${n} ${by} ${rest.join(' ')}${end}`);
    const line = fc
      .tuple(
        fc.nat(),
        fc.constantFrom('-', 'h1', 'a.b_c-d'),
        fc.constantFrom('standing', 'ended', 'deadline 5', 'deadline 999999999999999'),
        fc.constantFrom('', ' resumed 12', ' resumed 123456789012345'),
      )
      .map(([n, by, kind, order]) => `understudy-permission 1 ${n} ${by} ${kind}${order}\n`);
    const words = fc.array(word, { maxLength: 10 }).map((all) => all.join(' '));
    const flipped = fc.tuple(line, fc.nat(), fc.constantFrom(...'0 -\n\0xé9')).map(([text, at, letter]) => {
      const index = at % text.length;
      return text.slice(0, index) + letter + text.slice(index + 1);
    });

    test('agree on every line', () => {
      fc.assert(
        fc.property(
          fc.array(fc.oneof(line, nearly, words, flipped), { minLength: 200, maxLength: 200 }),
          (texts) => {
            expect(read(texts)).toEqual(texts.map(agents));
          },
        ),
        { numRuns: 10 },
      );
    });

    test('a list is taken whole or not at all', () => {
      const uuid = fc.uuid();
      const list = fc.array(uuid, { maxLength: 6 }).map(protectedList);
      const damaged = fc
        .tuple(list, fc.nat(), fc.constantFrom(...'0gA-\n\0 é', ''))
        .map(([text, at, letter]) => {
          const index = at % text.length;
          return text.slice(0, index) + letter + text.slice(index + 1);
        });
      const expected = (text: string): string =>
        /^understudy-protected 1\n([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\n)*$/.test(
          text,
        )
          ? String(text.split('\n').length - 2)
          : 'unreadable';
      fc.assert(
        fc.property(fc.array(fc.oneof(list, damaged), { minLength: 100, maxLength: 100 }), (texts) => {
          expect(read(texts, '--parse-list')).toEqual(texts.map(expected));
        }),
        { numRuns: 10 },
      );
    });

    test('bytes of any kind are refused without harm', () => {
      fc.assert(
        fc.property(
          fc.array(fc.uint8Array({ maxLength: 400 }), { minLength: 200, maxLength: 200 }),
          (texts) => {
            expect(new Set(read(texts))).toEqual(new Set(['unreadable']));
          },
        ),
        { numRuns: 5 },
      );
    });
  });
});
