import type { Clock, Log } from '../../ports.ts';
import { fail, ok, type Problem, type Result } from '../../protocol/index.ts';

export interface StandStillPorts {
  clock: Clock;
  log: Log;
  /** Whether the guest's processors run; null when its monitor does not answer. */
  running(): Promise<boolean | null>;
  stop(): Promise<Result<unknown>>;
  /** Resolves when the guest runs on, or is no more. */
  goOn(): Promise<void>;
  /** Whether its guest agent answers: asked while it runs. */
  answers(): Promise<boolean>;
  /** Its file systems come to rest, by its guest agent. `doubtful`: it did not answer within its limit, and may do it yet. */
  quiesce(): Promise<'frozen' | 'none' | 'doubtful'>;
  /** Resolves when they go on, as far as anybody answers. */
  thaw(): Promise<void>;
  /** Made durable before: whoever finds it so lets the guest go on, and thaws it. */
  journal(now: { frozen: boolean; stopped: boolean }): Promise<void>;
}

export interface Stood {
  /** Wall clock (ms) just before the guest stood still: all it had been told is done by then is in the point. */
  at: number;
  quiesced: boolean;
  gapMs: number;
}

/** A guest never stands still for longer than this, ms: what takes longer is given up. */
const MOST_MS = 2_000;

/** The moment a point is of: the guest's file systems at rest where they can be, its processors stopped. */
export class StandStill {
  readonly #ports: StandStillPorts;

  constructor(ports: StandStillPorts) {
    this.#ports = ports;
  }

  async whileStopped(work: () => Promise<Result<unknown>>): Promise<Result<Stood>> {
    const { clock, journal, running } = this.#ports;
    const runs = await running();
    if (runs === null) return fail(silent);
    // One that somebody paused stands still already, and stays so.
    if (!runs) {
      const at = clock.now();
      const done = await work();
      return done.ok ? ok({ at, quiesced: false, gapMs: 0 }) : done;
    }
    const answers = await this.#ports.answers();
    await journal({ frozen: answers, stopped: true });
    const began = performance.now();
    const rest = answers ? await this.#ports.quiesce() : 'none';
    const at = clock.now();
    const done = await this.#stopped(work);
    await this.#ports.goOn();
    if (rest !== 'none') await this.#ports.thaw();
    const gapMs = performance.now() - began;
    await journal({ frozen: false, stopped: false });
    return done.ok ? ok({ at, quiesced: rest === 'frozen', gapMs }) : done;
  }

  async #stopped(work: () => Promise<Result<unknown>>): Promise<Result<unknown>> {
    const stopped = await this.#ports.stop();
    if (!stopped.ok) return stopped;
    let timer: { cancel(): void } | null = null;
    const late = new Promise<Result<unknown>>((resolve) => {
      timer = this.#ports.clock.setTimeout(() => resolve(fail(tooLong)), MOST_MS);
    });
    const done = await Promise.race([work(), late]);
    (timer as { cancel(): void } | null)?.cancel();
    return done;
  }
}

const silent: Problem = {
  kind: 'monitor-silent',
  message: 'The machine does not answer its monitor, so no point can be made of it.',
  next: 'It is tried again by itself; see whether the machine is frozen.',
};
const tooLong: Problem = {
  kind: 'stood-still-too-long',
  message: 'The last changes could not be read in time; the machine was let go on without a point.',
  next: 'It is tried again by itself; see whether the disks of this host hang.',
};
