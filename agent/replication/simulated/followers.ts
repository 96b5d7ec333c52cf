import { randomUUID } from 'node:crypto';
import type { SimulatedHost } from '../../hypervisor/simulated/host.ts';
import { vmNotRunning } from '../../hypervisor/simulated/problems.ts';
import type { SimulatedImage } from '../../hypervisor/simulated/types.ts';
import {
  fail,
  type MirrorStatus,
  ok,
  type Problem,
  type RestorePoint,
  type Result,
} from '../../protocol/index.ts';
import type { CycleResult } from '../follow/cycle.ts';
import { PairFollower } from '../follow/pair-follower.ts';
import type { CopyPace } from '../pace.ts';
import type { FollowOrder } from '../replication.ts';
import { WRITE_BYTES } from './mirror.ts';

/** How often a copy's progress moves, ms. */
const STEP_MS = 200;
/** How long the guest stands still for a point, ms. */
const GAP_MS = 40;

interface Known {
  id: string;
  version: number;
  startedAt: number | null;
}

/**
 * Points of one simulated host's guests. The schedule, the alarms and what is told are the agent's own code; only what QEMU
 * and the copier do is simulated. Ends with the agent, as on a real host.
 */
export class SimulatedFollowers {
  readonly #host: SimulatedHost;
  readonly #pace: CopyPace | null;
  readonly #tell: (pairId: string, status: MirrorStatus) => void;
  readonly #followers = new Map<string, PairFollower>();
  /** What the guests' QEMU knows: since which point it has noted what was written. */
  readonly #known = new Map<string, Known[]>();
  /** The newest complete point of each pair. */
  readonly #sealed = new Map<string, string>();
  readonly #orders = new Map<string, FollowOrder>();
  readonly #unsubscribe: () => void;

  constructor(
    host: SimulatedHost,
    tell: (pairId: string, status: MirrorStatus) => void,
    pace: CopyPace | null,
  ) {
    this.#host = host;
    this.#pace = pace;
    this.#tell = tell;
    this.#unsubscribe = host.subscribe((event) => {
      if (event.kind !== 'stopped') return;
      for (const [pairId, { order }] of this.#followers)
        if (order.vmUuid === event.uuid) void this.end(pairId);
    });
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    await Promise.all([...this.#followers.keys()].map((pairId) => this.end(pairId)));
  }

  async follow(order: FollowOrder): Promise<Result<void>> {
    const { pairId, vmUuid } = order;
    await this.end(pairId);
    if (this.#startedAt(vmUuid) === null)
      return fail(vmNotRunning(this.#host.guest(vmUuid)?.domain.name ?? vmUuid, this.#host.name));
    const follower: PairFollower = new PairFollower(order, {
      clock: { ...this.#host.world.clock, bootMs: () => this.#host.bootMs() },
      log: () => undefined,
      guestLives: () => this.#startedAt(vmUuid) !== null,
      cycle: (progress, stopped) => this.#cycle(order, progress, stopped),
      behind: async (id) => this.#behind(order, id),
      changed: (status) => {
        if (this.#followers.get(pairId) === follower) this.#tell(pairId, status);
      },
      made: () => undefined,
    });
    this.#followers.set(pairId, follower);
    follower.start();
    return ok(undefined);
  }

  status(pairId: string): MirrorStatus | null {
    return this.#followers.get(pairId)?.status ?? null;
  }

  async end(pairId: string): Promise<void> {
    const follower = this.#followers.get(pairId);
    this.#followers.delete(pairId);
    await follower?.stop();
  }

  /** The copy is mirrored from now on. */
  forget(pairId: string): void {
    this.#known.delete(pairId);
  }

  distanceKnown(pairId: string): { generation: string; bytes: number } | null {
    const order = this.#orders.get(pairId);
    // The last one that the standby has kept: a later one may have been broken off.
    const newest = this.#known.get(pairId)?.find(({ id }) => id === this.#sealed.get(pairId));
    const bytes = order && newest ? this.#behind(order, newest.id) : null;
    return newest && bytes !== null ? { generation: newest.id, bytes } : null;
  }

  async #cycle(
    order: FollowOrder,
    progress: (doneBytes: number, totalBytes: number) => void,
    stopped: () => boolean,
  ): Promise<Result<CycleResult>> {
    this.#orders.set(order.pairId, order);
    const begun = await order.link.begin();
    if (!begun.ok) return begun;
    const { remote, newest } = begun.value;
    const { world } = this.#host;
    const target = world.hostAtReplicationPort(remote.port);
    const linked = (): boolean =>
      target !== undefined &&
      world.linked(this.#host, target) &&
      target.exports.has(order.pairId) &&
      !stopped();
    const way = newest === null ? 'full' : this.#sinceOf(order, newest) === null ? 'compare' : 'changes';
    if (way === 'compare') {
      const compared = await order.link.compared(stopped);
      if (!compared.ok) return compared;
    }
    const layers = (): SimulatedImage[] =>
      [...(target?.exports.get(order.pairId) ?? [])].flatMap((path) => target?.images.get(path) ?? []);
    const behind = Math.abs(this.#version(order) - Math.min(...layers().map(({ version }) => version)));
    const allocated = this.#own(order).reduce((sum, image) => sum + image.allocatedBytes, 0);
    const bytes = way === 'full' ? allocated : Math.min(allocated, behind * WRITE_BYTES);
    let most = Number.POSITIVE_INFINITY;
    const leave = this.#pace?.join((rate) => {
      most = rate ?? Number.POSITIVE_INFINITY;
    });
    for (let done = 0; done < bytes; ) {
      if (!linked() || !(await this.#host.after(STEP_MS))) {
        leave?.();
        return fail(broken);
      }
      done = Math.min(bytes, done + (Math.min(world.pace.copyBps, most) * STEP_MS) / 1000);
      progress(done, bytes);
    }
    leave?.();
    if (!linked() || !(await this.#host.after(GAP_MS)) || !linked()) return fail(broken);
    return this.#point(order, layers(), bytes, way);
  }

  /** The instant the point is of: what the guest has written, and what its clients were told, by then. */
  async #point(
    order: FollowOrder,
    layers: SimulatedImage[],
    bytes: number,
    way: CycleResult['way'],
  ): Promise<Result<CycleResult>> {
    const { world } = this.#host;
    const guest = this.#host.guest(order.vmUuid);
    const version = this.#version(order);
    const promised = world.acknowledgedBy(order.vmUuid);
    for (const layer of layers) Object.assign(layer, { version, promised });
    for (const layer of layers) layer.allocatedBytes += Math.round(bytes / layers.length);
    const point: RestorePoint = {
      id: randomUUID().slice(0, 8),
      at: world.clock.now(),
      quiesced: guest?.booted === true,
      bytes,
    };
    const startedAt = this.#startedAt(order.vmUuid);
    this.#known.set(order.pairId, [
      ...(this.#known.get(order.pairId) ?? []),
      { id: point.id, version, startedAt },
    ]);
    const sealed = await order.link.seal(point);
    if (!sealed.ok) return sealed;
    this.#sealed.set(order.pairId, point.id);
    this.#known.set(order.pairId, [{ id: point.id, version, startedAt }]);
    return ok({ point, way, sentBytes: bytes, gapMs: GAP_MS, stages: [] });
  }

  /** The version since which this very process of the guest has noted what was written; null when nobody knows. */
  #sinceOf(order: FollowOrder, id: string): number | null {
    const known = this.#known.get(order.pairId)?.find((one) => one.id === id);
    return known && known.startedAt === this.#startedAt(order.vmUuid) ? known.version : null;
  }

  #behind(order: FollowOrder, id: string): number | null {
    const since = this.#sinceOf(order, id);
    return since === null ? null : (this.#version(order) - since) * WRITE_BYTES;
  }

  #own(order: FollowOrder): SimulatedImage[] {
    return order.disks.flatMap(({ path }) => this.#host.images.get(path) ?? []);
  }

  #version(order: FollowOrder): number {
    return Math.min(...this.#own(order).map(({ version }) => version));
  }

  #startedAt(vmUuid: string): number | null {
    return this.#host.powered ? (this.#host.guest(vmUuid)?.startedAt ?? null) : null;
  }
}

const broken: Problem = {
  kind: 'point-ended',
  message: 'Making the point was broken off: the standby cannot be reached.',
  next: 'It is tried again by itself.',
};
