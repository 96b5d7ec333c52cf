import { type ChildProcess, spawn } from 'node:child_process';
import { setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import * as v from 'valibot';
import type { Log } from '../../ports.ts';
import { fail, ok, type Problem, type Result } from '../../protocol/index.ts';
import { type Done, type Job, Told } from './jobs.ts';

/** Priority of the process: guests and replication go first (nice(1)). */
const NICE = 10;
const HEAP_MIB = 64;

/** One process; its jobs are carried out one after the other. */
export interface Copier {
  run(job: Job, progress: (doneBytes: number, totalBytes: number) => void): Promise<Result<Done>>;
  /** From here on somebody waits for it: as much of the processors as anybody. */
  hurry(): void;
  /** Ends it; a running job then fails. */
  stop(): void;
}

/** Injected: `agent.cjs copier` on a host, the same from its source in tests. */
export interface Copiers {
  start(): Copier;
}

/** @param script what has the `copier` command */
export function copierProcesses(script: string, log: Log): Copiers {
  const heap = [`--max-old-space-size=${HEAP_MIB}`, '--v8-pool-size=1'];
  return {
    start() {
      const child = spawn(process.execPath, [...heap, script, 'copier'], { stdio: ['pipe', 'pipe', 'pipe'] });
      prioritize(child, NICE, log);
      return new CopierProcess(child, log);
    },
  };
}

class CopierProcess implements Copier {
  readonly #child: ChildProcess;
  readonly #log: Log;
  #words = '';
  #over = false;
  #line: (line: string) => void = () => undefined;
  #end: () => void = () => undefined;

  constructor(child: ChildProcess, log: Log) {
    this.#child = child;
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
      this.#end();
    });
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.#line(line));
  }

  run(job: Job, progress: (doneBytes: number, totalBytes: number) => void): Promise<Result<Done>> {
    return new Promise((resolve) => {
      this.#end = () => resolve(fail(ended(this.#words.trim())));
      if (this.#over) return this.#end();
      this.#line = (line) => {
        const told = v.safeParse(Told, parsed(line));
        if (!told.success) return;
        if ('done' in told.output) resolve(ok(told.output.done));
        else if ('problem' in told.output) resolve(fail(told.output.problem));
        else progress(told.output.progress.doneBytes, told.output.progress.totalBytes);
      };
      this.#child.stdin?.write(`${JSON.stringify(job)}\n`);
    });
  }

  hurry(): void {
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
