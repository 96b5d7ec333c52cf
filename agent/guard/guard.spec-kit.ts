import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
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
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { protectedList } from './lists.ts';
import { type GuardStatus, parseStatus } from './status.ts';

export { protectedList } from './lists.ts';

/** Of this file of specs alone: the guard of another one that runs beside it must not find its processes. */
const OWN = randomUUID().slice(0, 8);
export const A = `${OWN}-aaaa-4aaa-8aaa-111111111111`;
export const B = `${OWN}-bbbb-4bbb-8bbb-222222222222`;
const HERE = fileURLToPath(new URL('.', import.meta.url));
/** tmpfs, as /run is on a host. */
const TMPFS = '/dev/shm';
const WARNINGS = ['-std=c11', '-Wall', '-Wextra', '-Werror'];

/** Why the guard cannot be tried on this machine; null when it can. */
export function reasonAgainst(): string | null {
  if (process.platform !== 'linux') return 'the guard is for Linux hosts';
  if (!existsSync(TMPFS)) return `no ${TMPFS}`;
  return spawnSync('gcc', ['--version']).status === 0 ? null : 'no gcc';
}

export interface Programs {
  folder: string;
  /** Built with the address and undefined-behaviour sanitizers. */
  guard: string;
  /** qemu-stand-in.c under a name of QEMU's. */
  qemu: string;
  /** The same program under a name that is not QEMU's. */
  other: string;
}

export function buildPrograms(): Programs {
  const folder = mkdtempSync(join(tmpdir(), 'guard-programs-'));
  const programs = {
    folder,
    guard: join(folder, 'guard'),
    qemu: join(folder, 'qemu-system-x86_64'),
    other: join(folder, 'not-qemu'),
  };
  const sanitizers = ['-g', '-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  compile([...sanitizers, '-o', programs.guard, join(HERE, 'guard.c')]);
  compile(['-O1', '-static', '-pthread', '-o', programs.qemu, join(HERE, 'testing/qemu-stand-in.c')]);
  copyFileSync(programs.qemu, programs.other);
  return programs;
}

export function compile(args: string[]): void {
  const { status, stderr } = spawnSync('gcc', [...WARNINGS, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`gcc: ${stderr}`);
}

/** CLOCK_BOOTTIME in ms, at most 10 ms behind (proc(5)). */
export const bootMs = (): number =>
  Math.floor(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000);

/** Waits for a state, however slow the machine is; never for time. */
export async function until<T>(what: string, look: () => T | null | undefined | false): Promise<T> {
  const end = Date.now() + 15_000;
  for (;;) {
    const found = look();
    if (found !== null && found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`waited 15 s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** State letter of a process or thread (proc_pid_stat(5)); null when it is gone or a zombie. */
export function stateOf(pid: number, thread = pid): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
    const letter = stat.slice(stat.lastIndexOf(')') + 2)[0] ?? 'Z';
    return letter === 'Z' || letter === 'X' ? null : letter;
  } catch {
    return null;
  }
}

export const threadsOf = (pid: number): number[] => readdirSync(`/proc/${pid}/task`).map(Number);

export type Status = GuardStatus;

/** Of what a guard has written; it never leaves a part of a status. */
export function readStatus(text: string): Status {
  const status = parseStatus(text);
  if (status === null) throw new Error(`this is no status of a guard: ${text.slice(0, 200)}`);
  // The machine may have QEMUs of its own: they are nobody's business here either.
  status.processes = status.processes.filter(({ uuid }) => status.machines.has(uuid));
  return status;
}

/** A host's folders on tmpfs, a guard over them, and processes that stand in for QEMU. */
export class Bench {
  readonly runtime = mkdtempSync(join(TMPFS, 'guard-run-'));
  readonly state = mkdtempSync(join(TMPFS, 'guard-state-'));
  readonly folder = join(this.runtime, 'guard');
  readonly #programs: Programs;
  readonly #children: ChildProcess[] = [];
  guard: ChildProcess | null = null;
  /** What the sanitizers, or the guard, wrote. */
  stderr = '';

  constructor(programs: Programs) {
    this.#programs = programs;
    mkdirSync(this.folder, { mode: 0o700 });
  }

  write(name: string, text: string): void {
    const beside = join(this.folder, `.${name}.tmp`);
    writeFileSync(beside, text);
    renameSync(beside, join(this.folder, name));
  }

  protect(...uuids: string[]): void {
    this.write('.protected', protectedList(uuids));
  }

  permit(uuid: string, rest: string, epoch = '7 -'): void {
    this.write(uuid, `understudy-permission 1 ${epoch} ${rest}\n`);
  }

  withdraw(uuid: string): void {
    rmSync(join(this.folder, uuid));
  }

  /** Starts the guard and waits for its first round. */
  async startGuard(...args: string[]): Promise<void> {
    const before = this.rounds();
    const argv = ['--run', this.runtime, '--state', this.state, ...args];
    const guard = spawn(this.#programs.guard, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
    guard.stderr.on('data', (data) => {
      this.stderr += String(data);
    });
    this.guard = guard;
    await until('the first round', () => this.rounds() > before);
  }

  /** Ends the guard with a signal; returns how it ended. */
  async endGuard(signal: NodeJS.Signals): Promise<{ code: number | null; signal: string | null }> {
    const guard = this.guard;
    if (guard === null) throw new Error('no guard runs');
    guard.kill(signal);
    await until('the guard has ended', () => guard.exitCode !== null || guard.signalCode !== null);
    this.guard = null;
    return { code: guard.exitCode, signal: guard.signalCode };
  }

  rounds(): number {
    const alive = join(this.runtime, 'guard.alive');
    return existsSync(alive) ? (parseStatus(readFileSync(alive, 'utf8'))?.ms ?? 0) : 0;
  }

  status(): Status {
    return readStatus(readFileSync(join(this.runtime, 'guard.alive'), 'utf8'));
  }

  /** As a guard that was killed at another moment would have left it. */
  rewriteStatus(change: (text: string) => string): void {
    const alive = join(this.runtime, 'guard.alive');
    writeFileSync(alive, change(readFileSync(alive, 'utf8')));
  }

  /** Waits until the guard has looked at everything at least twice more. */
  async rest(): Promise<void> {
    const { ms } = this.status();
    await until('two more status files', () => this.status().ms > ms + 600);
  }

  async qemu(uuid: string | null, ...args: string[]): Promise<number> {
    const argv = ['-name', 'guest=vm', ...(uuid === null ? [] : ['-uuid', uuid]), '-S', ...args];
    return this.start(this.#programs.qemu, argv);
  }

  async other(uuid: string): Promise<number> {
    return this.start(this.#programs.other, ['qemu-system-x86_64', '-uuid', uuid]);
  }

  /** A process that is no QEMU and becomes one when it gets SIGUSR1. */
  async becoming(uuid: string): Promise<number> {
    return this.start(this.#programs.other, ['-uuid', uuid, '--become', this.#programs.qemu]);
  }

  private async start(program: string, argv: string[]): Promise<number> {
    const child = spawn(program, argv, { stdio: 'ignore' });
    this.#children.push(child);
    const pid = await until('a process', () => child.pid);
    await until('its program', () => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(program));
    return pid;
  }

  watch(pid: number): void {
    this.#extra.push(pid);
  }
  readonly #extra: number[] = [];

  async close(): Promise<void> {
    for (const pid of this.#extra) killQuietly(pid);
    for (const child of this.#children) child.kill('SIGKILL');
    if (this.guard !== null) await this.endGuard('SIGINT');
    rmSync(this.runtime, { recursive: true });
    rmSync(this.state, { recursive: true });
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

/** Children of a process, by /proc/<pid>/task/<pid>/children. */
export const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);

/** A deadline far away, but within what the guard believes. */
export const live = (): string => `deadline ${bootMs() + 600_000}`;

/** For a file of specs: programs once, a bench for each test, and words for what is waited for. */
export function setUpGuard() {
  let programs: Programs;
  let bench: Bench;
  beforeAll(() => {
    programs = buildPrograms();
  });
  afterAll(() => rmSync(programs.folder, { recursive: true }));
  beforeEach(() => {
    bench = new Bench(programs);
  });
  afterEach(async () => {
    await bench.close();
    expect(bench.stderr).not.toMatch(/Sanitizer|runtime error/);
  });
  return {
    programs: () => programs,
    bench: () => bench,
    stopped: (pid: number) => until(`${pid} stopped`, () => stateOf(pid) === 'T'),
    gone: (pid: number) => until(`${pid} gone`, () => stateOf(pid) === null),
    said: (uuid: string, state: string) =>
      until(`${uuid} ${state}`, () => bench.status().machines.get(uuid)?.state === state),
    runs: (pid: number): void => expect(stateOf(pid)).toMatch(/[RS]/),
  };
}
