import type { Clock } from '../../ports.ts';
import type { MirrorStatus, Problem } from '../../protocol/index.ts';
import type { Job } from './block-layer.ts';
import { Progress } from './progress.ts';

/** A mirror's status as others see it: tells every change, and how far the copy is. */
export class StatusKeeper {
  readonly #clock: Clock;
  readonly #tell: (status: MirrorStatus) => void;
  readonly #progress = new Progress();
  #status: MirrorStatus;

  constructor(totalBytes: number, clock: Clock, tell: (status: MirrorStatus) => void) {
    this.#clock = clock;
    this.#tell = tell;
    const since = clock.now();
    this.#status = { state: 'connecting', doneBytes: 0, totalBytes, rateBps: 0, since, problem: null };
  }

  get status(): MirrorStatus {
    return this.#status;
  }

  get state(): MirrorStatus['state'] {
    return this.#status.state;
  }

  set(state: MirrorStatus['state'], problem: Problem | null = null): void {
    const since = state === this.state ? this.#status.since : this.#clock.now();
    this.#change({ ...this.#status, ...this.#figures(), state, since, problem });
  }

  count(jobs: Job[]): void {
    const sum = (pick: (job: Job) => number) => jobs.reduce((total, job) => total + pick(job), 0);
    this.#progress.add(
      sum((job) => job.offset),
      sum((job) => job.len),
      this.#clock.bootMs(),
    );
    if (this.state === 'copying') this.#change({ ...this.#status, ...this.#figures() });
  }

  /** Progress of a copy that is no job of QEMU's. */
  counted(doneBytes: number, totalBytes: number): void {
    this.#progress.add(doneBytes, totalBytes, this.#clock.bootMs());
    if (this.state === 'copying') this.#change({ ...this.#status, ...this.#figures() });
  }

  #figures(): Pick<MirrorStatus, 'doneBytes' | 'totalBytes' | 'rateBps'> {
    const { doneBytes, totalBytes, rateBps } = this.#progress;
    return {
      doneBytes,
      totalBytes: totalBytes || this.#status.totalBytes,
      rateBps: this.state === 'copying' ? rateBps : 0,
    };
  }

  #change(status: MirrorStatus): void {
    this.#status = status;
    this.#tell(status);
  }
}
