import type { Clock } from '../../ports.ts';
import { fail, type MirrorStatus, type Problem, type Result } from '../../protocol/index.ts';
import type { Attended, AttendOrder } from '../replication.ts';

/** How many looks may stay without an answer before the copy is not counted on any more. */
const SILENT_LOOKS = 3;
/** Not sooner than this all the same, ms: one slow answer is no news. */
const LEAST_FRESH_MS = 5_000;
/** How long the last look at a stopped machine's copy goes on until the copy has everything, ms. */
const SETTLE_MS = 10_000;
/** Nobody has answered; whatever else goes wrong is an answer. */
const SILENCE = ['peer-unreachable', 'link-closed', 'deadline', 'cancelled', 'command-late'];

/** How old an answer may be before it says nothing any more, ms. */
export const freshMs = (everyMs: number): number => Math.max(LEAST_FRESH_MS, SILENT_LOOKS * everyMs);

/** The copy of one machine that somebody else keeps: looked at on a timetable, and never called better than it was seen. */
export class PairAttender {
  readonly order: AttendOrder;
  readonly #clock: Clock;
  readonly #changed: (status: MirrorStatus) => void;
  #status: MirrorStatus;
  #over = false;
  #timer: { cancel(): void } | null = null;
  #stale: { cancel(): void } | null = null;
  #looking: Promise<Result<Attended>> | null = null;

  constructor(order: AttendOrder, clock: Clock, changed: (status: MirrorStatus) => void) {
    this.order = order;
    this.#clock = clock;
    this.#changed = changed;
    this.#status = {
      state: 'connecting',
      doneBytes: 0,
      totalBytes: 0,
      rateBps: 0,
      since: clock.now(),
      problem: null,
      attended: { at: null, wholeAt: null, behindS: null, behindBytes: null, line: '' },
    };
  }

  get status(): MirrorStatus {
    return this.#status;
  }

  start(): void {
    void this.#next();
  }

  stop(): void {
    this.#over = true;
    this.#timer?.cancel();
    this.#stale?.cancel();
  }

  /** After the machine has stopped: whether the copy has everything, asked until it does, for a moment. */
  async lastLook(): Promise<boolean> {
    this.#timer?.cancel();
    if (!this.order.mayBeWhole || this.#status.state === 'broken') return false;
    if (!this.order.settles) return this.#status.state === 'in-sync';
    const until = this.#clock.bootMs() + SETTLE_MS;
    // One that is under way may have been answered before the machine's last write.
    await this.#looking;
    while (!this.#over) {
      const seen = await this.#look();
      this.#see(seen);
      if (seen.ok && seen.value.state === 'in-sync') return true;
      const left = until - this.#clock.bootMs();
      if (!seen.ok || left <= 0) return false;
      await new Promise<void>((done) => void this.#clock.setTimeout(done, Math.min(left, 500)));
    }
    return false;
  }

  async #next(): Promise<void> {
    if (this.#over) return;
    const seen = await this.#look();
    if (this.#over) return;
    this.#see(seen);
    this.#timer = this.#clock.setTimeout(() => void this.#next(), this.order.everyMs);
  }

  #look(): Promise<Result<Attended>> {
    const looking = this.order
      .look(() => this.#over)
      // A fault of ours is none of the copy's, and no reason to count on it.
      .catch((error): Result<Attended> => fail(lookFailed(error)))
      .finally(() => {
        if (this.#looking === looking) this.#looking = null;
      });
    this.#looking = looking;
    return looking;
  }

  #see(seen: Result<Attended>): void {
    if (this.#over) return;
    if (seen.ok) this.#answered(seen.value);
    else if (!SILENCE.includes(seen.problem.kind)) this.#failed(seen.problem);
    // What was seen before holds for as long as it is fresh.
    else if (this.#stale === null) this.#failed(seen.problem);
    else this.#tell({ ...this.#status, problem: seen.problem });
  }

  #answered({ state, behindS, behindBytes, line }: Attended): void {
    this.#stale?.cancel();
    this.#stale = this.#clock.setTimeout(() => {
      this.#stale = null;
      this.#failed(this.#status.problem ?? notAsked);
    }, freshMs(this.order.everyMs));
    const now = this.#clock.now();
    const whole = state === 'in-sync';
    const wholeAt = whole ? now : (this.#status.attended?.wholeAt ?? null);
    const attended = { at: now, wholeAt, behindS, behindBytes, line };
    const named = this.order.mayBeWhole ? (whole ? 'in-sync' : 'copying') : 'following';
    this.#tell({ ...this.#status, state: named, problem: null, attended });
  }

  #failed(problem: Problem): void {
    this.#stale?.cancel();
    this.#stale = null;
    this.#tell({ ...this.#status, state: 'broken', problem });
  }

  #tell(status: MirrorStatus): void {
    const since = status.state === this.#status.state ? this.#status.since : this.#clock.now();
    this.#status = { ...status, since };
    this.#changed(this.#status);
  }
}

const notAsked: Problem = {
  kind: 'state-unknown',
  message: 'It is not known how the copy is: it was not looked at for too long.',
  next: 'It is asked again by itself; look whether both hosts answer.',
};

const lookFailed = (error: unknown): Problem => ({
  kind: 'state-unknown',
  message: `It could not be found out how the copy is (${String(error)}).`,
  next: 'It is asked again by itself.',
});
