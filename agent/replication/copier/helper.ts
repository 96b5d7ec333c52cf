import { type ChildProcess, spawn } from 'node:child_process';
import { setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import * as v from 'valibot';
import type { Log } from '../../ports.ts';
import { fail, ok, type Problem, type Result } from '../../protocol/index.ts';
import type { CopyPace } from '../pace.ts';
import { type Done, type Job, type RateLine, Told } from './jobs.ts';

/** Priority of the process: guests and replication go first (nice(1)). */
const NICE = 10;
const HEAP_MIB = 64;

/** One process; its jobs are carried out one after the other. */
export interface Copier {
  /** @param read told by a job that holds what it reads (`CopyJob.holding`), once it has all of it */
  run(
    job: Job,
    progress: (doneBytes: number, totalBytes: number) => void,
    read?: () => void,
  ): Promise<Result<Done>>;
  /** From here on somebody waits for it: as much of the processors as anybody, and as fast as it goes. */
  hurry(): void;
  /** Ends it; a running job then fails. */
  stop(): void;
}

/** Injected: `agent.cjs copier` on a host, the same from its source in tests. */
export interface Copiers {
  start(): Copier;
}

/** @param script what has the `copier` command */
export function copierProcesses(script: string, log: Log, pace: CopyPace | null = null): Copiers {
  const heap = [`--max-old-space-size=${HEAP_MIB}`, '--v8-pool-size=1'];
  return {
    start() {
      const child = spawn(process.execPath, [...heap, script, 'copier'], { stdio: ['pipe', 'pipe', 'pipe'] });
      prioritize(child, NICE, log);
      return new CopierProcess(child, log, pace);
    },
  };
}

class CopierProcess implements Copier {
  readonly #child: ChildProcess;
  readonly #log: Log;
  readonly #pace: CopyPace | null;
  #hurries = false;
  /** Ends its share in the host's limit. */
  #leavePace: () => void = () => undefined;
  #words = '';
  #over = false;
  #line: (line: string) => void = () => undefined;
  #end: () => void = () => undefined;

  constructor(child: ChildProcess, log: Log, pace: CopyPace | null) {
    this.#child = child;
    this.#pace = pace;
    this.#log = log;
    child.stdin?.on('error', () => undefined);
    child.stderr?.on('data', (text) => {
      this.#words = (this.#words + String(text)).slice(0, 500);
    });
    child.on('error', (error) => {
      this.#words = error.message;
    });
    child.on('close', () => {
      this.#over = true;
      this.#leavePace();
      this.#end();
    });
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.#line(line));
  }

  run(
    job: Job,
    progress: (doneBytes: number, totalBytes: number) => void,
    read: () => void = () => undefined,
  ): Promise<Result<Done>> {
    this.#leavePace();
    return new Promise<Result<Done>>((resolve) => {
      this.#end = () => resolve(fail(ended(this.#words.trim())));
      if (this.#over) return this.#end();
      this.#line = (line) => {
        const told = v.safeParse(Told, parsed(line));
        if (!told.success) return;
        if ('done' in told.output) resolve(ok(told.output.done));
        else if ('problem' in told.output) resolve(fail(told.output.problem));
        else if ('read' in told.output) read();
        else progress(told.output.progress.doneBytes, told.output.progress.totalBytes);
      };
      if (!this.#over) this.#paced(job);
      this.#child.stdin?.write(`${JSON.stringify(job)}\n`);
    }).finally(() => this.#leavePace());
  }

  /** Its share of the host's limit, and every change of it; none of what the guest stands still for. */
  #paced(job: Job): void {
    const free = !this.#pace || this.#hurries || (job.c === 'copy' && job.holding === true);
    const leave = free ? null : this.#pace?.join((rate) => this.#tellRate(rate));
    if (!leave) {
      this.#tellRate(null);
      return;
    }
    this.#leavePace = () => {
      this.#leavePace = () => undefined;
      leave();
    };
  }

  #tellRate(rate: number | null): void {
    const line: RateLine = { rate };
    this.#child.stdin?.write(`${JSON.stringify(line)}\n`);
  }

  hurry(): void {
    this.#hurries = true;
    this.#leavePace();
    this.#tellRate(null);
    prioritize(this.#child, 0, this.#log);
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}

function prioritize({ pid }: ChildProcess, nice: number, log: Log): void {
  try {
    if (pid !== undefined) setPriority(pid, nice);
  } catch (error) {
    log('debug', `copier: ${String(error)}`);
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

const ended = (words: string): Problem => ({
  kind: 'copier-ended',
  message: `The process that compares and copies the disks ended${words === '' ? '' : ` (${words})`}.`,
  next: 'It is tried again by itself; the log of the agent says more (journalctl -u understudy-agent).',
});
