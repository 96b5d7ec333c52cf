import type { SimulatedHost } from '../../hypervisor/simulated/host.ts';
import type { Member, SimulatedGuest, SimulatedImage, WriteTap } from '../../hypervisor/simulated/types.ts';
import type { MirrorStatus, Problem } from '../../protocol/index.ts';
import { jobGone } from '../mirror/problems.ts';
import type { CopyPace } from '../pace.ts';
import type { CatchUpFigures, MirrorOrder, Verified } from '../replication.ts';
import { diskFull } from './target.ts';

/** How often a copy's progress moves, milliseconds. */
const STEP_MS = 200;
/** Told at most this often while copying, milliseconds. */
const TELL_MS = 1_000;
/** What one simulated write changes, bytes. */
export const WRITE_BYTES = 64 * 1024;
/** How long the guest stands still for the last changes, ms. */
const PAUSE_MS = 40;

/**
 * One guest's mirror: what QEMU's block job and the forwarder are on a real host. It belongs to the
 * host, outlives its agent, and ends with the guest or the power.
 */
export class SimulatedMirror implements WriteTap {
  readonly order: MirrorOrder;
  /** True when it ended in order with every acknowledged write on the replica. */
  endedInSync = false;
  status: MirrorStatus;
  private readonly source: SimulatedHost;
  private readonly target: Member;
  private readonly guest: SimulatedGuest;
  private readonly tell: (status: MirrorStatus) => void;
  private readonly unwatch: () => void;
  private over = false;
  /** Its job is gone: it waits for its release. */
  private cut = false;
  private noticing = false;
  /** Nothing travels yet: the standby is still reading its side. */
  private comparing = false;
  private copyBytes: number;
  figures: CatchUpFigures | null = null;
  private toldAt = 0;
  private readonly pace: CopyPace | null;
  /** What its host's limit leaves it, bytes/s. */
  private most = Number.POSITIVE_INFINITY;
  private patienceMs: number | null;

  constructor(
    order: MirrorOrder,
    ends: { source: SimulatedHost; target: Member; guest: SimulatedGuest; pace: CopyPace | null },
    tell: (status: MirrorStatus) => void,
  ) {
    this.order = order;
    this.source = ends.source;
    this.target = ends.target;
    this.guest = ends.guest;
    this.pace = ends.pace;
    this.tell = tell;
    this.patienceMs = order.patienceMs ?? null;
    this.copyBytes = this.wanted();
    this.status = {
      state: 'connecting',
      doneBytes: 0,
      totalBytes: this.copyBytes,
      rateBps: 0,
      since: this.now(),
      problem: null,
    };
    this.unwatch = this.source.world.onChange(() => this.look());
    this.guest.tap = this;
  }

  /** The next write would wait. True the instant the link is gone, noticed or not: no answer, no acknowledgement. */
  get held(): boolean {
    return !this.over && (this.status.state === 'held' || !this.linked());
  }

  pass(version: number): void {
    for (const image of this.replica()) image.version = version;
  }

  cancelled(): void {
    if (this.over) return;
    this.cut = true;
    this.change('held', jobGone);
  }

  guestEnded(orderly: boolean): void {
    this.endedInSync = orderly && this.status.state === 'in-sync';
    this.finish();
    this.change('off');
  }

  async copy(): Promise<void> {
    const { how } = this.order;
    if (how?.way === 'compare') {
      this.comparing = true;
      const compared = await how.compared();
      this.comparing = false;
      if (!compared.ok) return this.release(compared.problem);
      if (!this.source.powered) return this.finish();
    }
    if (this.status.state === 'connecting') this.change('copying');
    const leave = this.pace?.join((rate) => {
      this.most = rate ?? Number.POSITIVE_INFINITY;
    });
    await this.send();
    leave?.();
    if (!this.over) this.completed();
  }

  private get copyBps(): number {
    return Math.min(this.source.world.pace.copyBps, this.most);
  }

  private async send(): Promise<void> {
    while (!this.over && this.status.doneBytes < this.copyBytes) {
      if (!(await this.source.after(STEP_MS))) return this.finish();
      if (this.over || this.status.state !== 'copying') continue;
      this.advance();
    }
  }

  /** What a comparison of both sides would find now. */
  compared(): Verified {
    const own = this.own();
    const places = this.replica().flatMap(({ damagedBytes = 0 }, index) => {
      const target = this.order.disks[index]?.target ?? '';
      return damagedBytes > 0 ? [{ target, offset: 0, length: damagedBytes }] : [];
    });
    return {
      totalBytes: own.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      readBytes: own.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0),
      writtenBytes: 0,
      differing: { bytes: places.reduce((sum, { length }) => sum + length, 0), places },
    };
  }

  setPatience(ms: number | null): void {
    this.patienceMs = ms;
    this.look();
  }

  /** Too slow for what the pair may wait: it is held until whoever keeps the record lets the guest go on. */
  private tooSlow(): boolean {
    return this.patienceMs !== null && this.target.answerMs > this.patienceMs;
  }

  /** Lets the guest go on alone. */
  release(problem: Problem): void {
    if (this.over) return;
    this.finish();
    this.change('broken', problem);
  }

  /** Drained and closed in order. */
  end(): void {
    if (this.over) return;
    this.endedInSync = this.status.state === 'in-sync' && !this.held;
    this.finish();
    this.change('off');
  }

  /** Bytes that travel: all, or what was written on one side only. */
  private wanted(): number {
    const all = this.own().reduce((sum, image) => sum + image.allocatedBytes, 0);
    const { how } = this.order;
    if (!how || how.way === 'full') return all;
    const own = this.own();
    const replica = this.replica();
    const given = this.source.world.contents.get(how.generation);
    const isOther = (image: SimulatedImage, index: number): boolean =>
      image.generation !== how.generation && image.version !== given?.[index];
    if (how.way === 'changes' && replica.some(isOther))
      this.source.world.violated(`changes are sent to ${this.target.name} for another copy than it has`);
    const apart = replica.map((image, index) => Math.abs((own[index]?.version ?? 0) - image.version));
    return Math.min(all, Math.max(0, ...apart) * WRITE_BYTES);
  }

  private advance(): void {
    const { copyBps } = this;
    const doneBytes = Math.min(this.copyBytes, this.status.doneBytes + (copyBps * STEP_MS) / 1000);
    if (this.target.freeDiskBytes() < doneBytes - this.status.doneBytes) {
      this.finish();
      this.change('broken', diskFull(this.target.name));
      return;
    }
    this.status = { ...this.status, doneBytes, rateBps: copyBps };
    const own = this.own();
    const whole = (this.order.how?.way ?? 'full') === 'full';
    for (const [index, image] of whole ? this.replica().entries() : [])
      image.allocatedBytes = Math.round(((own[index]?.allocatedBytes ?? 0) * doneBytes) / this.copyBytes);
    if (this.now() - this.toldAt >= TELL_MS) this.told();
  }

  private completed(): void {
    const own = this.own();
    for (const [index, image] of this.replica().entries()) {
      image.version = own[index]?.version ?? 0;
      image.complete = true;
      image.generation = this.order.how?.generation ?? '';
      // What nobody knows to be wrong is not sent again.
      if (this.order.how?.way !== 'changes') image.damagedBytes = 0;
    }
    const { how } = this.order;
    if (how && how.way !== 'full')
      this.figures = {
        way: how.way,
        dirtyBytes: this.copyBytes,
        sentBytes: this.copyBytes,
        hashBytes: how.way === 'compare' ? own.reduce((sum, image) => sum + image.allocatedBytes, 0) : 0,
        hashMs: 0,
        pauseMs: PAUSE_MS,
        rounds: 1,
      };
    this.change('in-sync');
    this.look();
  }

  /** After a change of the world: is the other end still there? */
  private look(): void {
    if (this.over || !this.source.powered) return;
    const lost = !this.linked();
    if (!lost && this.status.state === 'in-sync' && this.tooSlow()) this.change('held', this.slow());
    if (this.status.problem?.kind === 'standby-too-slow') return;
    if (lost && this.status.state !== 'held' && !this.noticing) {
      this.noticing = true;
      void this.source.after(this.source.world.pace.noticeMs).then((on) => {
        this.noticing = false;
        if (on && !this.over && !this.linked()) this.change('held', this.lost());
      });
    }
    // A short break heals without a copy: what was acknowledged is on both sides.
    if (!lost && this.status.state === 'held')
      this.change(this.status.doneBytes < this.copyBytes ? 'copying' : 'in-sync');
  }

  private linked(): boolean {
    const { world } = this.source;
    if (this.cut) return false;
    if (this.comparing) return true;
    return world.linked(this.source, this.target) && this.target.exports.has(this.order.pairId);
  }

  private finish(): void {
    this.over = true;
    this.unwatch();
    if (this.guest.tap === this) this.guest.tap = null;
  }

  own(): SimulatedImage[] {
    return present(this.source.imagesOf(this.guest.domain));
  }

  private replica(): SimulatedImage[] {
    return present(this.order.disks.map((disk) => this.target.images.get(disk.path)));
  }

  private change(state: MirrorStatus['state'], problem: Problem | null = null): void {
    const rateBps = state === 'copying' ? this.copyBps : 0;
    this.status = { ...this.status, state, since: this.now(), rateBps, problem };
    this.told();
  }

  private told(): void {
    this.toldAt = this.now();
    this.tell(this.status);
  }

  private slow(): Problem {
    return {
      kind: 'standby-too-slow',
      message: `${this.target.name} was too slow: a write had no answer for ${this.patienceMs} ms, longer than may be waited.`,
      next: `Look at the disk of ${this.target.name} and at the line between the hosts, or let the machine wait longer.`,
    };
  }

  private lost(): Problem {
    return {
      kind: 'replica-lost',
      message: `${this.target.name} no longer takes the writes of ${this.guest.domain.name}.`,
      next: `Look whether ${this.target.name} runs and can be reached.`,
    };
  }

  private now(): number {
    return this.source.world.clock.now();
  }
}

const present = (images: (SimulatedImage | undefined)[]): SimulatedImage[] =>
  images.filter((image) => image !== undefined);
