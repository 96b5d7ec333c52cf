import type { Clock, Log } from '../../ports.ts';
import { fail, ok, type Problem, type Result } from '../../protocol/index.ts';
import type { Copiers } from '../copier/helper.ts';
import type { GroupStatus } from '../forwarder/control-protocol.ts';
import type { TlsFiles } from '../forwarder/remote.ts';
import type { CatchingUp, CatchUpFigures, MirrorOrder } from '../replication.ts';
import type { Blocks } from './block-layer.ts';
import { type DeviceDisk, deviceDisks, openStream, takeApart } from './build.ts';
import { CatchUp } from './catch-up.ts';
import type { Changes } from './change-layer.ts';
import type { Forwarder } from './forwarder-client.ts';
import { lastStep } from './last-step.ts';

/** What bringing a replica up to date needs besides what a mirror needs. */
export interface CatchUpTools {
  changes: Changes;
  copiers: Copiers;
  tls: TlsFiles;
  /** Directory for digests of this side's disks. */
  digestDir: string;
}

export interface BringUpPorts extends CatchUpTools {
  blocks: Blocks;
  forwarder: Forwarder;
  clock: Clock;
  log: Log;
  /** How long the standby may stay silent during the last step, ms: the guest stands still meanwhile. */
  deadlineMs: number;
  guestLives(): boolean;
  /** Told where QEMU will look for the forwarder, before it does. */
  willUse(disks: DeviceDisk[]): Promise<void>;
  /** Makes durable that the guest is about to be stopped, or goes on. */
  pausing(now: boolean): Promise<void>;
  progress(doneBytes: number, totalBytes: number): void;
}

const AGAIN_MS = 200;

/** A bug, or a QEMU that answers what nobody expects: the resync fails, and nothing else does. */
const unexpected = (error: unknown): Problem => ({
  kind: 'catch-up-failed',
  message: `Bringing the copy up to date failed unexpectedly (${error instanceof Error ? error.message : String(error)}).`,
  next: 'It is tried again by itself; if it stays so, tell us what the log says.',
});

/** From a replica that is behind to a mirror that stands: the bulk while the guest runs, then the last step. */
export class BringUp {
  readonly #order: MirrorOrder;
  readonly #how: Exclude<CatchingUp, { way: 'full' }>;
  readonly #ports: BringUpPorts;
  #disks: DeviceDisk[] = [];
  #catchUp: CatchUp | null = null;
  #bulk: Promise<Result<void>> = Promise.resolve(ok(undefined));

  constructor(order: MirrorOrder, how: Exclude<CatchingUp, { way: 'full' }>, ports: BringUpPorts) {
    this.#order = order;
    this.#how = how;
    this.#ports = ports;
  }

  /** Clears what an earlier attempt left, and begins. @returns the bulk's own end */
  async start(): Promise<Result<{ bulk: Promise<Result<void>> }>> {
    const { blocks } = this.#ports;
    const cleared = await takeApart(this.#order, blocks, 1);
    if (!cleared.ok) return cleared;
    const directory = await blocks.socketDirectory();
    if (!directory.ok) return directory;
    const disks = await deviceDisks(this.#order, blocks);
    if (!disks.ok) return disks;
    this.#disks = disks.value;
    await this.#ports.willUse(disks.value);
    const sizes = new Map(this.#order.disks.map(({ target, sizeBytes }) => [target, sizeBytes]));
    const devices = disks.value.map(({ target, device }) => ({
      target,
      device,
      sizeBytes: sizes.get(target) ?? 0,
    }));
    this.#catchUp = new CatchUp(this.#order, this.#how, devices, directory.value, this.#ports);
    this.#bulk = this.#catchUp.run().catch((error) => fail(unexpected(error)));
    return ok({ bulk: this.#bulk });
  }

  /** @returns the stream, and what it all took, once a mirror stands on every disk */
  async finish(): Promise<Result<{ group: GroupStatus | null; figures: CatchUpFigures }>> {
    const catchUp = this.#catchUp;
    if (!catchUp) throw new Error('finished before it was started');
    try {
      return await this.#finish(catchUp);
    } finally {
      await catchUp.close();
    }
  }

  async #finish(catchUp: CatchUp): Promise<Result<{ group: GroupStatus | null; figures: CatchUpFigures }>> {
    const { forwarder, deadlineMs, blocks, changes } = this.#ports;
    const order = { ...this.#order, remote: catchUp.remote };
    const stream = await openStream(order, this.#disks, forwarder, deadlineMs);
    if (!stream.ok) return stream;
    const done = await lastStep(catchUp, this.#disks, {
      blocks,
      changes,
      aboutToPause: () => this.#ports.pausing(true),
      goOn: () => letGoOn(this.#ports),
      wentOn: () => this.#ports.pausing(false),
      // Finer than the host's own clock, which counts hundredths of a second.
      now: () => performance.now(),
    });
    if (!done.ok) return done;
    const { pauseMs, bytes } = done.value;
    const { dirtyBytes, sentBytes, ...others } = catchUp.figures;
    const figures: CatchUpFigures = {
      ...others,
      way: this.#how.way,
      dirtyBytes: dirtyBytes + bytes,
      sentBytes: sentBytes + bytes,
      pauseMs: Math.round(pauseMs),
    };
    return ok({ group: stream.value, figures });
  }

  /** Breaks it off; returns once nothing of the bulk is at work any more. */
  async stop(): Promise<void> {
    this.#catchUp?.stop();
    await this.#bulk;
    await this.#catchUp?.close();
  }
}

/** The guest that was stopped for the last step runs on; tried until its monitor takes it, or there is no guest any more. */
export async function letGoOn(
  ports: Pick<BringUpPorts, 'changes' | 'clock' | 'guestLives' | 'log'>,
): Promise<void> {
  while (ports.guestLives()) {
    const continued = await ports.changes.continueGuest();
    if (continued.ok) break;
    ports.log('warn', `the guest does not go on yet: ${continued.problem.message}`);
    await new Promise<void>((done) => void ports.clock.setTimeout(done, AGAIN_MS));
  }
}
