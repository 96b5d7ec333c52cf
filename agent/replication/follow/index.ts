import { join } from 'node:path';
import type { Hypervisor, HypervisorEvent } from '../../hypervisor/hypervisor.ts';
import type { Clock, Log } from '../../ports.ts';
import { fail, type MirrorStatus, ok, type Result } from '../../protocol/index.ts';
import type { Copier, Copiers } from '../copier/helper.ts';
import type { TlsFiles } from '../forwarder/remote.ts';
import { BlockLayer } from '../mirror/block-layer.ts';
import { letGoOn } from '../mirror/bring-up.ts';
import { deviceDisks } from '../mirror/build.ts';
import { ChangeLayer, type Device, isOf } from '../mirror/change-layer.ts';
import type { FollowOrder } from '../replication.ts';
import { Cycle, type CycleResult } from './cycle.ts';
import { PairFollower } from './pair-follower.ts';
import { StillnessFiles } from './saved.ts';
import { StandStill } from './stand-still.ts';

export interface FollowersOptions {
  hypervisor: Hypervisor;
  /** The agent's state directory. */
  stateDir: string;
  clock: Clock;
  log: Log;
  copiers: Copiers;
  /** This host's certificate, for what the copiers send. */
  tls: TlsFiles;
}

/** How long a guest agent may take to bring the file systems to rest, s: the guest's writes wait meanwhile. */
const QUIESCE_LIMIT_S = 2;
const THAW_AGAIN_MS = 1_000;
/** A guest agent that does not answer for so long is dead, or its guest is: nobody could thaw any more. */
const THAW_TRIES = 60;

/** Copies that are kept by points (modes interval and async): one follower for each pair whose guest runs here. */
export class Followers {
  readonly #options: FollowersOptions;
  readonly #stillness: StillnessFiles;
  readonly #followers = new Map<string, PairFollower>();
  readonly #listeners = new Set<(pairId: string, status: MirrorStatus) => void>();
  /** At work for a point of that pair. */
  readonly #copiers = new Map<string, Copier>();
  /** The last point of each pair, also of those that are followed no more: as long as its bitmaps are there, it counts. */
  readonly #last = new Map<string, { order: FollowOrder; id: string }>();
  readonly #made = new Set<(pairId: string, result: CycleResult, tookMs: number) => void>();
  #unsubscribe: (() => void) | null = null;

  constructor(options: FollowersOptions) {
    this.#options = options;
    this.#stillness = new StillnessFiles(join(options.stateDir, 'stillness'), options.log);
  }

  /** Lets those go on that a former agent left standing still. */
  async start(): Promise<void> {
    this.#unsubscribe = this.#options.hypervisor.subscribe((event) => this.#onHypervisor(event));
    for (const left of await this.#stillness.read()) {
      const { pairId, vmUuid } = left;
      this.#options.log('warn', `${pairId}: its machine was left standing still for a point: it goes on`);
      void (async () => {
        await this.#goOn(vmUuid, pairId);
        if (left.frozen) await this.#thaw(vmUuid);
        await this.#stillness.write({ pairId, vmUuid, frozen: false, stopped: false });
      })().catch((error) => this.#options.log('warn', `${pairId}: ${String(error)}`));
    }
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.();
    await Promise.all([...this.#followers.keys()].map((pairId) => this.end(pairId)));
  }

  async follow(order: FollowOrder): Promise<Result<void>> {
    await this.end(order.pairId);
    if (!lives(this.#options.hypervisor, order.vmUuid))
      return fail({
        kind: 'vm-not-running',
        message: 'The machine does not run: a point is made of a running one.',
        next: 'Start it; its copy then follows by itself.',
      });
    const follower = this.#make(order);
    this.#followers.set(order.pairId, follower);
    follower.start();
    return ok(undefined);
  }

  status(pairId: string): MirrorStatus | null {
    return this.#followers.get(pairId)?.status ?? null;
  }

  has(pairId: string): boolean {
    return this.#followers.has(pairId);
  }

  subscribe(listener: (pairId: string, status: MirrorStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Told of every point that has become complete. */
  onMade(listener: (pairId: string, result: CycleResult, tookMs: number) => void): () => void {
    this.#made.add(listener);
    return () => this.#made.delete(listener);
  }

  /** Idempotent; returns once nothing is at work any more. What was begun and not sealed counts for nothing. */
  async end(pairId: string): Promise<void> {
    const follower = this.#followers.get(pairId);
    this.#followers.delete(pairId);
    const stopped = follower?.stop();
    this.#copiers.get(pairId)?.stop();
    await stopped;
  }

  /** Generation of the newest point whose distance is known, and that distance, bytes. */
  async distanceKnown(pairId: string): Promise<{ generation: string; bytes: number } | null> {
    const last = this.#last.get(pairId);
    if (!last || !lives(this.#options.hypervisor, last.order.vmUuid)) return null;
    const bytes = await this.#behind(last.order, last.id);
    return bytes === null ? null : { generation: last.id, bytes };
  }

  #make(order: FollowOrder): PairFollower {
    const { clock, log, hypervisor } = this.#options;
    const { pairId } = order;
    const follower: PairFollower = new PairFollower(order, {
      clock,
      log,
      guestLives: () => lives(hypervisor, order.vmUuid),
      cycle: (progress, stopped) => this.#cycle(order, progress, stopped),
      behind: (id) => this.#behind(order, id),
      changed: (status) => {
        if (this.#followers.get(pairId) !== follower) return;
        for (const listener of this.#listeners) listener(pairId, status);
      },
      made: (result, tookMs) => {
        this.#last.set(pairId, { order, id: result.point.id });
        for (const listener of this.#made) listener(pairId, result, tookMs);
      },
    });
    return follower;
  }

  async #cycle(
    order: FollowOrder,
    progress: (doneBytes: number, totalBytes: number) => void,
    stopped: () => boolean,
  ): Promise<Result<CycleResult>> {
    const { copiers, tls, stateDir, hypervisor } = this.#options;
    const blocks = new BlockLayer(hypervisor, order.vmUuid, order.pairId);
    const copier: Copier = copiers.start();
    this.#copiers.set(order.pairId, copier);
    try {
      const directory = await blocks.socketDirectory();
      if (!directory.ok) return directory;
      const devices = await this.#devices(order);
      if (!devices.ok) return devices;
      const cycle = new Cycle(order, devices.value, {
        changes: new ChangeLayer(hypervisor, order.vmUuid, order.pairId),
        copier,
        tls,
        digestDir: join(stateDir, 'digests'),
        socketDirectory: directory.value,
        standStill: this.#standStill(order, blocks),
        progress,
        stopped,
      });
      return await cycle.run();
    } finally {
      this.#copiers.delete(order.pairId);
      copier.stop();
    }
  }

  #standStill({ pairId, vmUuid }: FollowOrder, blocks: BlockLayer): StandStill {
    const { clock, log, hypervisor } = this.#options;
    return new StandStill({
      clock,
      log,
      running: () => blocks.running(),
      stop: () => hypervisor.monitor(vmUuid, 'stop'),
      goOn: () => this.#goOn(vmUuid, pairId),
      answers: () => hypervisor.guestAnswers(vmUuid),
      quiesce: () => hypervisor.quiesce(vmUuid, QUIESCE_LIMIT_S),
      thaw: () => this.#thaw(vmUuid),
      journal: (now) => this.#stillness.write({ pairId, vmUuid, ...now }),
    });
  }

  #goOn(vmUuid: string, pairId: string): Promise<void> {
    const { clock, log, hypervisor } = this.#options;
    const changes = new ChangeLayer(hypervisor, vmUuid, pairId);
    return letGoOn({ changes, clock, log, guestLives: () => lives(hypervisor, vmUuid) });
  }

  async #thaw(vmUuid: string): Promise<void> {
    const { clock, hypervisor, log } = this.#options;
    for (let tries = 0; tries < THAW_TRIES && lives(hypervisor, vmUuid); tries += 1) {
      const thawed = await hypervisor.thaw(vmUuid, QUIESCE_LIMIT_S);
      if (thawed.ok) return;
      log('warn', `the guest's file systems are not thawed yet: ${thawed.problem.message}`);
      await new Promise<void>((again) => void clock.setTimeout(again, THAW_AGAIN_MS));
    }
  }

  /** Asked anew each time: a snapshot by somebody else puts another node under a disk, and none of ours sees its writes. */
  async #devices(order: FollowOrder): Promise<Result<Device[]>> {
    const blocks = new BlockLayer(this.#options.hypervisor, order.vmUuid, order.pairId);
    const found = await deviceDisks(order, blocks);
    if (!found.ok) return found;
    const sizes = new Map(order.disks.map(({ target, sizeBytes }) => [target, sizeBytes]));
    const devices = found.value.map(({ target, device }) => ({
      target,
      device,
      sizeBytes: sizes.get(target) ?? 0,
    }));
    return ok(devices);
  }

  async #behind(order: FollowOrder, id: string): Promise<number | null> {
    const devices = await this.#devices(order);
    if (!devices.ok) return null;
    const changes = new ChangeLayer(this.#options.hypervisor, order.vmUuid, order.pairId);
    const known = await changes.bitmaps(devices.value.map(({ device }) => device));
    if (!known.ok) return null;
    const own = [...known.value.values()].map((all) =>
      all.filter(({ name, recording }) => recording && isOf(name, id)),
    );
    if (own.some((bitmaps) => bitmaps.length === 0)) return null;
    return own.flat().reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #onHypervisor(event: HypervisorEvent): void {
    if (event.kind !== 'stopped') return;
    for (const [pairId, { order }] of this.#followers)
      if (order.vmUuid === event.uuid)
        void this.end(pairId).catch((error) => this.#options.log('warn', `${pairId}: ${String(error)}`));
  }
}

function lives(hypervisor: Hypervisor, vmUuid: string): boolean {
  // While the hypervisor daemon does not answer, its last word may be old: QEMU outlives it.
  if (!hypervisor.reachable) return true;
  const vm = hypervisor.list().find(({ uuid }) => uuid === vmUuid);
  return vm !== undefined && vm.state !== 'stopped' && vm.state !== 'crashed';
}
