import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { waitFor } from '../lab/run.ts';
import type { Lab } from '../lab/running-lab.ts';
import type { Change, Finding, Late, Overlap } from './watch.ts';

const PROGRAM = join(import.meta.dirname, 'observer-process.ts');

/**
 * How long after a thaw, or after its permission ran out, a guest may be seen running: the guard's 100 ms, and what
 * this machine's scheduler adds (test/lab/guard.test.ts measures both).
 */
export const BOUND_MS = 250;

type Told = Finding | { t: 'alive'; at: number; worstGapMs: number };

/** The independent observer: a process of its own that looks at all hosts from outside (observer-process.ts). */
export class Observer {
  readonly changes: Change[] = [];
  readonly overlaps: Overlap[] = [];
  readonly late: Late[] = [];
  /** Longest time between two looks. */
  worstGapMs = 0;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #alive = 0;

  /** `trace`: file to which everything it tells is appended. */
  private constructor(child: ChildProcess, trace: string) {
    this.#child = child;
    this.#ended = new Promise((resolve) => child.on('close', () => resolve()));
    if (child.stdout)
      createInterface({ input: child.stdout }).on('line', (line) => {
        appendFileSync(trace, `${line}\n`);
        this.#take(JSON.parse(line) as Told);
      });
  }

  /** Resolves once it looks. */
  static async start(lab: Lab, uuids: string[]): Promise<Observer> {
    const args = [PROGRAM, lab.places.lab, String(BOUND_MS), ...uuids];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const observer = new Observer(child, join(lab.places.state, 'observed.jsonl'));
    await waitFor('the observer to look', 20_000, () => observer.#alive > 0, 20);
    return observer;
  }

  /** The tester lets a guest go on that it had stopped: its first moments are like those after a thaw. */
  continued(host: string): void {
    this.#child.stdin?.write(`${JSON.stringify({ continued: host, at: Date.now() })}\n`);
  }

  /** Overlaps that no thaw explains. */
  get violations(): Overlap[] {
    return this.overlaps.filter(({ thawed }) => thawed === null);
  }

  /** Worst overlap after a thaw, at most. */
  get thawOverlapMs(): number {
    const excused = this.overlaps.filter(({ thawed }) => thawed !== null);
    return Math.round(Math.max(0, ...excused.map(({ after, before }) => before - after)));
  }

  /** A process of a guest began, on whatever host, at or after `since`. */
  starts(uuid: string, since = 0): Change[] {
    return this.changes.filter(
      (change) => change.uuid === uuid && change.from === 'none' && change.at >= since,
    );
  }

  async stop(): Promise<void> {
    this.#child.stdin?.end();
    await this.#ended;
  }

  #take(told: Told): void {
    if (told.t === 'change') this.changes.push(told);
    if (told.t === 'overlap') this.overlaps.push(told);
    if (told.t === 'late') this.late.push(told);
    if (told.t !== 'alive') return;
    this.#alive = told.at;
    this.worstGapMs = told.worstGapMs;
  }
}
