import type { Clock, Log } from '../../ports.ts';
import {
  type FollowStatus,
  fail,
  type MirrorStatus,
  type Problem,
  type Result,
} from '../../protocol/index.ts';
import { Progress } from '../mirror/progress.ts';
import type { FollowOrder } from '../replication.ts';
import type { CycleResult } from './cycle.ts';
import { againMs, alarmOf, periodMs, restMs, tooShort } from './schedule.ts';

export interface FollowerPorts {
  clock: Clock;
  log: Log;
  guestLives(): boolean;
  /** Makes one point; fails when `stopped` says so meanwhile. */
  cycle(
    progress: (doneBytes: number, totalBytes: number) => void,
    stopped: () => boolean,
  ): Promise<Result<CycleResult>>;
  /** Bytes written since that point, as QEMU knows them; null when nobody does. */
  behind(pointId: string): Promise<number | null>;
  changed(status: MirrorStatus): void;
  /** A point has become complete. */
  made(result: CycleResult, tookMs: number): void;
}

/** How often it is looked how much was written since the last point, ms: a question to the guest's monitor each time. */
const LOOK_MS = { async: 2_000, interval: 5_000 } as const;

/** One point after the other of one guest, and what is to be known of how far the copy is behind. */
export class PairFollower {
  readonly order: FollowOrder;
  readonly #ports: FollowerPorts;
  readonly #progress = new Progress();
  #status: MirrorStatus;
  #over = false;
  #failures = 0;
  #working: Promise<void> = Promise.resolve();
  #timer: { cancel(): void } | null = null;
  #meter: { cancel(): void } | null = null;

  constructor(order: FollowOrder, ports: FollowerPorts) {
    this.order = order;
    this.#ports = ports;
    const { last } = order;
    this.#status = {
      state: last === null ? 'copying' : 'following',
      doneBytes: 0,
      totalBytes: order.disks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      rateBps: 0,
      since: ports.clock.now(),
      problem: null,
      follow: {
        point: last,
        wholeUntil: last?.at ?? null,
        behindBytes: null,
        nextAt: null,
        tookMs: null,
        gapMs: null,
        alarm: null,
      },
    };
  }

  get status(): MirrorStatus {
    return this.#status;
  }

  get over(): boolean {
    return this.#over;
  }

  start(): void {
    this.#next(0);
    this.#look();
  }

  /** Resolves once nothing of it is at work any more. */
  async stop(): Promise<void> {
    this.#over = true;
    this.#timer?.cancel();
    this.#meter?.cancel();
    await this.#working;
  }

  #next(waitMs: number): void {
    if (this.#over) return;
    this.#follow({ nextAt: waitMs === 0 ? null : this.#ports.clock.now() + waitMs });
    this.#timer = this.#ports.clock.setTimeout(() => {
      this.#working = this.#once();
    }, waitMs);
  }

  async #once(): Promise<void> {
    const { clock, cycle, guestLives, made } = this.#ports;
    if (this.#over || !guestLives()) return;
    const began = clock.bootMs();
    this.#follow({ nextAt: null });
    const ended = await cycle(
      (done, total) => this.#copied(done, total),
      () => this.#over || !guestLives(),
    ).catch((error) => fail(unexpected(error)));
    if (this.#over) return;
    const tookMs = clock.bootMs() - began;
    if (ended.ok) {
      this.#ports.log('debug', `${this.order.pairId}: a point: ${ended.value.stages.join(', ')}`);
      made(ended.value, tookMs);
      this.#complete(ended.value, tookMs);
      return this.#next(restMs(this.order.mode, tookMs));
    }
    this.#failures += 1;
    this.#ports.log('info', `${this.order.pairId}: no point: ${ended.problem.message}`);
    this.#change({ problem: ended.problem });
    this.#next(againMs(this.order.mode, this.#failures));
  }

  #complete({ point, gapMs }: CycleResult, tookMs: number): void {
    const { mode } = this.order;
    this.#failures = 0;
    const state = this.#status.state === 'following' ? {} : { since: this.#ports.clock.now() };
    this.#change({
      ...state,
      state: 'following',
      rateBps: 0,
      problem: tooShort(mode, tookMs) ? intervalTooShort(periodMs(mode), tookMs) : null,
      follow: {
        ...this.#followed,
        point,
        wholeUntil: point.at,
        behindBytes: 0,
        tookMs: Math.round(tookMs),
        gapMs: Math.round(gapMs),
        alarm: null,
      },
    });
  }

  /** What is told of freshness is never better than it is: looked up before, dated before. */
  #look(): void {
    if (this.#over) return;
    this.#meter = this.#ports.clock.setTimeout(() => {
      void this.#measure()
        .catch((error) => this.#ports.log('debug', `${this.order.pairId}: ${String(error)}`))
        .finally(() => this.#look());
    }, LOOK_MS[this.order.mode.kind]);
  }

  async #measure(): Promise<void> {
    const { point } = this.#followed;
    if (this.#over || point === null) return;
    const before = this.#ports.clock.now();
    const behindBytes = this.#ports.guestLives() ? await this.#ports.behind(point.id) : null;
    if (this.#over || this.#followed.point?.id !== point.id) return;
    const idle = behindBytes === 0 ? { wholeUntil: before } : {};
    const wholeUntil = idle.wholeUntil ?? this.#followed.wholeUntil;
    this.#follow({
      behindBytes,
      ...idle,
      alarm: alarmOf(this.order.mode, wholeUntil, this.#ports.clock.now(), this.#followed.tookMs ?? 0),
    });
  }

  #copied(doneBytes: number, totalBytes: number): void {
    this.#progress.add(doneBytes, totalBytes, this.#ports.clock.bootMs());
    if (this.#status.state !== 'copying') return;
    const { rateBps } = this.#progress;
    this.#change({ doneBytes, totalBytes, rateBps });
  }

  get #followed(): FollowStatus {
    return this.#status.follow ?? NOTHING;
  }

  #follow(change: Partial<FollowStatus>): void {
    const before = this.#followed;
    const follow = { ...before, ...change };
    if (JSON.stringify(follow) !== JSON.stringify(before)) this.#change({ follow });
  }

  #change(change: Partial<MirrorStatus>): void {
    this.#status = { ...this.#status, ...change };
    this.#ports.changed(this.#status);
  }
}

const NOTHING: FollowStatus = {
  point: null,
  wholeUntil: null,
  behindBytes: null,
  nextAt: null,
  tookMs: null,
  gapMs: null,
  alarm: null,
};

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;

const intervalTooShort = (periodMs: number, tookMs: number): Problem => ({
  kind: 'interval-too-short',
  message: `A point took ${seconds(tookMs)} to make, longer than the interval of ${seconds(periodMs)}: they follow each other without a pause.`,
  next: 'Choose a longer interval, or a faster network between the two hosts.',
});

/** A bug, or a QEMU that answers what nobody expects: the point fails, and nothing else does. */
const unexpected = (error: unknown): Problem => ({
  kind: 'point-failed',
  message: `Making a point failed unexpectedly (${error instanceof Error ? error.message : String(error)}).`,
  next: 'It is tried again by itself; if it stays so, tell us what the log says.',
});
