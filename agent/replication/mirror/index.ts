import { join } from 'node:path';
import type { Hypervisor, HypervisorEvent } from '../../hypervisor/hypervisor.ts';
import type { Clock, Log } from '../../ports.ts';
import { fail, type MirrorStatus, ok, type Result } from '../../protocol/index.ts';
import type { Copiers } from '../copier/helper.ts';
import type { GroupStatus } from '../forwarder/control-protocol.ts';
import type { TlsFiles } from '../forwarder/remote.ts';
import { jobId } from '../names.ts';
import type { CopyPace } from '../pace.ts';
import { notInSync } from '../problems.ts';
import type {
  CatchUpFigures,
  MirrorOrder,
  MovedGuest,
  StandbyAddress,
  Verified,
  VerifyOrder,
} from '../replication.ts';
import type { ServiceRunner } from '../services.ts';
import type { Mirrors } from '../source.ts';
import { answersIn } from './answering.ts';
import { BlockLayer } from './block-layer.ts';
import { ChangeLayer, isOf } from './change-layer.ts';
import { beginDistance } from './distance.ts';
import { ForwarderClient } from './forwarder-client.ts';
import { PairMirror } from './pair-mirror.ts';
import { NOWHERE, type SavedMirror, SavedMirrors } from './saved.ts';

export interface MirrorSourceOptions {
  hypervisor: Hypervisor;
  services: ServiceRunner;
  /** The forwarder's control socket. */
  forwarderSocket: string;
  /** The agent's state directory; mirrors are remembered below it. */
  stateDir: string;
  clock: Clock;
  log: Log;
  copiers: Copiers;
  /** How fast QEMU's own jobs may copy; without, as fast as it goes. The copiers ask it themselves. */
  pace?: CopyPace;
  /** This host's certificate, for what the copiers send. */
  tls: TlsFiles;
  /** How long the standby may stay silent before writes are held, ms. */
  deadlines?: { copying: number; inSync: number };
}

/** Silence bearable while copying (nothing relies on the copy yet), and once it is relied on. */
const DEADLINES = { copying: 5_000, inSync: 400 };

/** The primary's side: mirrors made in the guests' QEMU through QMP, sent through this host's forwarder. */
export function createMirrorSource(options: MirrorSourceOptions): Mirrors {
  return new MirrorSource(options);
}

class MirrorSource implements Mirrors {
  ready = false;
  readonly #options: MirrorSourceOptions;
  readonly #forwarder: ForwarderClient;
  readonly #saved: SavedMirrors;
  readonly #mirrors = new Map<string, PairMirror>();
  readonly #endedInSync = new Set<string>();
  /** Of mirrors that ended with bitmaps that still count. */
  readonly #tracked = new Map<string, Pick<SavedMirror, 'order' | 'generation' | 'devices'>>();
  readonly #figures = new Map<string, CatchUpFigures>();
  readonly #verifying = new Map<string, { stop(): void; ended: Promise<void> }>();
  readonly #listeners = new Set<(pairId: string, status: MirrorStatus) => void>();
  #unsubscribe: (() => void) | null = null;

  constructor(options: MirrorSourceOptions) {
    this.#options = options;
    this.#saved = new SavedMirrors(join(options.stateDir, 'mirrors'), options.log);
    this.#forwarder = new ForwarderClient({
      socketPath: options.forwarderSocket,
      services: options.services,
      log: options.log,
      onStatus: (group) => this.#mirrors.get(group.group)?.onForwarder(group),
      onConnected: (groups) => this.#compare(groups),
    });
  }

  async start(): Promise<void> {
    this.#unsubscribe = this.#options.hypervisor.subscribe((event) => this.#onHypervisor(event));
    const saved = await this.#saved.read();
    for (const { order, endedInSync } of saved) if (endedInSync) this.#endedInSync.add(order.pairId);
    for (const one of saved) if (one.tracked && !one.live) this.#tracked.set(one.order.pairId, one);
    const live = saved.filter((one) => one.live);
    if (live.length > 0) {
      const groups = await this.#forwarder.order({ c: 'status' });
      if (!groups.ok) this.#options.log('warn', groups.problem.message);
      await Promise.all(live.map((one) => this.#adopt(one, groups.ok ? groups.value : [])));
    }
    this.ready = true;
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.();
    for (const verifying of this.#verifying.values()) verifying.stop();
    for (const mirror of this.#mirrors.values()) mirror.detach();
    this.#mirrors.clear();
    this.#forwarder.stop();
  }

  async mirror(order: MirrorOrder): Promise<Result<void>> {
    const missing = order.disks.find(({ target }) => order.remote.exports[target] === undefined);
    if (missing || order.disks.length === 0) {
      return fail({
        kind: 'export-missing',
        message: `The standby does not offer a place for disk ${missing?.target ?? ''}.`,
        next: 'Start the copy again.',
      });
    }
    const ended = await this.end(order.pairId);
    if (!ended.ok) return ended;
    // It shares QEMU's one NBD server with what begins now.
    const verifying = this.#verifying.get(order.pairId);
    verifying?.stop();
    await verifying?.ended;
    this.#endedInSync.delete(order.pairId);
    this.#tracked.delete(order.pairId);
    this.#figures.delete(order.pairId);
    const mirror = this.#make(order);
    const started = await mirror.start();
    if (!started.ok) {
      this.#remember(mirror);
      this.#mirrors.delete(order.pairId);
      this.#keepConnected();
    }
    return started;
  }

  async verify(pairId: string, order: VerifyOrder): Promise<Result<Verified>> {
    const mirror = this.#mirrors.get(pairId);
    if (!mirror || this.#verifying.has(pairId)) return fail(notInSync);
    const broken = new AbortController();
    const signal = AbortSignal.any([order.signal, broken.signal]);
    const result = mirror.verify({ ...order, signal });
    const ended = result.then(
      () => undefined,
      () => undefined,
    );
    this.#verifying.set(pairId, { stop: () => broken.abort(), ended });
    try {
      return await result;
    } finally {
      this.#verifying.delete(pairId);
    }
  }

  async endVerify(pairId: string): Promise<void> {
    const running = this.#verifying.get(pairId);
    running?.stop();
    if (running) await running.ended;
    else await this.#mirrors.get(pairId)?.clearVerify();
  }

  status(pairId: string): MirrorStatus | null {
    return this.#mirrors.get(pairId)?.status ?? null;
  }

  subscribe(listener: (pairId: string, status: MirrorStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async release(pairId: string): Promise<Result<void>> {
    return (await this.#mirrors.get(pairId)?.release()) ?? ok(undefined);
  }

  async setPatience(pairId: string, ms: number | null): Promise<Result<void>> {
    return (await this.#mirrors.get(pairId)?.setPatience(ms)) ?? ok(undefined);
  }

  answersIn(standby: StandbyAddress): Promise<number | null> {
    return answersIn(standby, this.#options.tls);
  }

  async end(pairId: string, drained?: () => void): Promise<Result<void>> {
    const mirror = this.#mirrors.get(pairId);
    if (!mirror) return ok(undefined);
    // Not waited for: what it has to clear away may have to wait for writes that are held.
    this.#verifying.get(pairId)?.stop();
    const ended = await mirror.end(drained);
    if (!ended.ok) return ended;
    if (mirror.endedInSync) this.#endedInSync.add(pairId);
    this.#remember(mirror);
    if (this.#mirrors.get(pairId) === mirror) this.#mirrors.delete(pairId);
    this.#keepConnected();
    return ok(undefined);
  }

  /** What an ended mirror leaves for the next. */
  #remember(mirror: PairMirror): void {
    const { order, tracked, figures, devices } = mirror;
    if (tracked !== null) this.#tracked.set(order.pairId, { order, generation: tracked, devices });
    if (figures) this.#figures.set(order.pairId, figures);
  }

  endedInSync(pairId: string): boolean {
    return this.#mirrors.get(pairId)?.endedInSync ?? this.#endedInSync.has(pairId);
  }

  figures(pairId: string): CatchUpFigures | null {
    return this.#mirrors.get(pairId)?.figures ?? this.#figures.get(pairId) ?? null;
  }

  async beginDistance(of: MovedGuest, generation: string): Promise<Result<void>> {
    const { hypervisor, log } = this.#options;
    const { pairId, vmUuid } = of;
    this.#tracked.delete(pairId);
    const begun = await beginDistance(of, generation, {
      blocks: new BlockLayer(hypervisor, vmUuid, pairId),
      changes: new ChangeLayer(hypervisor, vmUuid, pairId),
    });
    if (!begun.ok) return begun;
    const known = { order: { ...of, ...NOWHERE }, generation, devices: begun.value };
    this.#tracked.set(pairId, known);
    this.#endedInSync.delete(pairId);
    const state = { sockets: {}, live: false, inSync: false, endedInSync: false, tracked: true };
    // The guest waits for this call: an agent that ends before it is on disk knows no distance, and both sides are compared.
    void this.#saved.write({ ...known, ...state }).catch((error) => log('warn', `${pairId}: ${error}`));
    return ok(undefined);
  }

  async distanceKnown(pairId: string): Promise<{ generation: string; bytes: number } | null> {
    const mirror = this.#mirrors.get(pairId);
    const saved = this.#tracked.get(pairId);
    const order = mirror?.order ?? saved?.order;
    const generation = mirror?.tracked ?? saved?.generation ?? null;
    if (!order || generation === null) return null;
    const { hypervisor } = this.#options;
    // As they were called when the bitmaps were begun: a guest started anew has none by that name.
    const devices = Object.values(mirror?.devices ?? saved?.devices ?? {});
    if (devices.length < order.disks.length) return null;
    const known = await new ChangeLayer(hypervisor, order.vmUuid, pairId).bitmaps(devices);
    if (!known.ok) return null;
    const all = [...known.value.values()];
    const whole = all.every((own) => own.some(({ name, recording }) => recording && isOf(name, generation)));
    const bytes = all.flat().reduce((sum, bitmap) => sum + bitmap.bytes, 0);
    return whole ? { generation, bytes } : null;
  }

  async #adopt(saved: SavedMirror, groups: GroupStatus[]): Promise<void> {
    const mirror = this.#make(saved.order, saved);
    const group = groups.find((one) => one.group === saved.order.pairId) ?? null;
    await mirror.adopt(saved, group);
  }

  #make(order: MirrorOrder, saved: SavedMirror | null = null): PairMirror {
    const { hypervisor, clock, log, copiers, tls, stateDir, pace } = this.#options;
    const ports = {
      forwarder: this.#forwarder,
      blocks: new BlockLayer(hypervisor, order.vmUuid, order.pairId),
      clock,
      log,
      guestLives: () => lives(hypervisor, order.vmUuid),
      changed: (status: MirrorStatus) => {
        if (this.#mirrors.get(order.pairId) !== mirror) return;
        for (const listener of this.#listeners) listener(order.pairId, status);
      },
      keep: (what: Omit<SavedMirror, 'order'>) => this.#saved.write({ order: mirror.order, ...what }),
      ...(pace ? { pace } : {}),
      deadlines: this.#options.deadlines ?? DEADLINES,
      tools: {
        changes: new ChangeLayer(hypervisor, order.vmUuid, order.pairId),
        copiers,
        tls,
        digestDir: join(stateDir, 'digests'),
      },
    };
    const mirror: PairMirror = new PairMirror(order, ports, saved);
    this.#mirrors.set(order.pairId, mirror);
    this.#keepConnected();
    return mirror;
  }

  #keepConnected(): void {
    this.#forwarder.keep = [...this.#mirrors.values()].some((mirror) => !mirror.over);
  }

  /** After the forwarder came back: what it says now counts, and what it does not know is lost. */
  #compare(groups: GroupStatus[]): void {
    for (const [pairId, mirror] of this.#mirrors) {
      const group = groups.find((one) => one.group === pairId);
      if (group) mirror.onForwarder(group);
      else void mirror.forgotten();
    }
  }

  #onHypervisor(event: HypervisorEvent): void {
    for (const mirror of this.#mirrors.values()) {
      const { vmUuid, pairId } = mirror.order;
      if (event.kind === 'reachable') {
        if (event.reachable) void mirror.hypervisorBack();
      } else if (event.uuid !== vmUuid) continue;
      else if (event.kind === 'stopped') void mirror.guestStopped();
      else if (event.kind === 'qmp' && concerns(event.data, jobId(pairId, ''))) void mirror.refresh();
    }
  }
}

/** Whether a block job event (BLOCK_JOB_READY, ...) is about one of this pair's jobs. */
function concerns(data: unknown, prefix: string): boolean {
  const device =
    typeof data === 'object' && data !== null ? (data as { device?: unknown }).device : undefined;
  return typeof device === 'string' && device.startsWith(prefix);
}

function lives(hypervisor: Hypervisor, vmUuid: string): boolean {
  // While the hypervisor daemon does not answer, its last word may be old: QEMU outlives it.
  if (!hypervisor.reachable) return true;
  const vm = hypervisor.list().find(({ uuid }) => uuid === vmUuid);
  return vm !== undefined && vm.state !== 'stopped' && vm.state !== 'crashed';
}
