import { join } from 'node:path';
import type { Clock, Log } from '../../ports.ts';
import { type MirrorStatus, ok, type Problem, type Result } from '../../protocol/index.ts';
import type { GroupOrder, GroupStatus } from '../forwarder/control-protocol.ts';
import type { MirrorOrder } from '../replication.ts';
import type { BlockLayer, Job } from './block-layer.ts';
import type { ForwarderClient } from './forwarder-client.ts';
import { guestEnded, heldProblem, jobEnded, streamGone } from './problems.ts';
import { Progress } from './progress.ts';

export interface MirrorPorts {
  forwarder: ForwarderClient;
  blocks: BlockLayer;
  clock: Clock;
  log: Log;
  /** Whether the guest's QEMU exists, from the hypervisor's cache. */
  guestLives(): boolean;
  changed(status: MirrorStatus): void;
  /** Makes durable what a later agent must know. */
  keep(what: { live: boolean; inSync: boolean; endedInSync: boolean }): Promise<void>;
  /** How long the standby may stay silent, ms: while copying, and once in sync. */
  deadlines: { copying: number; inSync: number };
}

const POLL_MS = 1_000;
const HEAL_MS = 500;
/** How long QEMU's last words and the hypervisor's word of its end may lie apart. */
const ENDING_MS = 5_000;
const LOOK_MS = 50;
/** A busy guest's next write ends its mirror by itself after the release. */
const RELEASE_LOOKS = 10;

/** The mirror of one guest's disks: QEMU's jobs and the forwarder's stream taken together. */
export class PairMirror {
  readonly order: MirrorOrder;
  readonly #ports: MirrorPorts;
  readonly #progress = new Progress();
  #status: MirrorStatus;
  #group: GroupStatus | null = null;
  #inSync = false;
  #endedInSync = false;
  /** Set once the mirror is being taken apart, on whoever's order. */
  #leaving = false;
  #over = false;
  #turn: Promise<unknown> = Promise.resolve();
  #timer: { cancel(): void } | null = null;
  #healing = false;

  constructor(order: MirrorOrder, ports: MirrorPorts) {
    this.order = order;
    this.#ports = ports;
    this.#status = {
      state: 'connecting',
      doneBytes: 0,
      totalBytes: order.disks.reduce((sum, disk) => sum + disk.sizeBytes, 0),
      rateBps: 0,
      since: ports.clock.now(),
      problem: null,
    };
  }

  get status(): MirrorStatus {
    return this.#status;
  }

  get endedInSync(): boolean {
    return this.#endedInSync;
  }

  get over(): boolean {
    return this.#over;
  }

  start(): Promise<Result<void>> {
    return this.#inTurn(async () => {
      const started = await this.#build();
      if (started.ok) {
        this.#set('copying');
        this.#poll();
        return started;
      }
      this.#leaving = true;
      await this.#takeApart();
      await this.#finish('broken', started.problem, false);
      return started;
    });
  }

  /** Takes over what an earlier agent started. */
  async adopt(group: GroupStatus | null, inSync: boolean): Promise<void> {
    this.#inSync = inSync;
    if (!group) return this.forgotten();
    this.#group = group;
    if (!this.#ports.guestLives()) return this.guestStopped();
    this.onForwarder(group);
    await this.refresh();
    if (this.#over || this.#inSync) return;
    if (this.#status.state === 'connecting') this.#set('copying');
    this.#poll();
  }

  /** The forwarder's word on this pair's stream. */
  onForwarder(group: GroupStatus): void {
    const before = this.#group?.state;
    this.#group = group;
    if (this.#leaving || this.#over) return;
    if (group.state === 'held') this.#held(group);
    else if (group.state === 'ended') void this.#streamEnded();
    else if (group.state === 'up' && before === 'held') {
      this.#set(this.#inSync ? 'in-sync' : 'copying');
      void this.refresh();
    }
  }

  /** The forwarder answers again and does not know the stream. */
  forgotten(): Promise<void> {
    return this.#quietly(async () => {
      if (!this.#leaving && !this.#over) await this.#orphaned();
    });
  }

  /** Asks QEMU how far the jobs are. Told by its events, and once a second while copying. */
  refresh(): Promise<void> {
    return this.#quietly(async () => {
      if (this.#leaving || this.#over) return;
      const jobs = await this.#ports.blocks.jobs();
      if (!jobs.ok || this.#leaving) return;
      this.#count(jobs.value);
      if (jobs.value.length < this.order.disks.length) await this.#jobVanished();
      else if (jobs.value.every((job) => job.ready)) await this.#complete();
    });
  }

  guestStopped(): Promise<void> {
    return this.#quietly(async () => {
      if (this.#over) return;
      this.#leaving = true;
      const clean = await this.#lastWords();
      await this.#ports.forwarder.order({ c: 'close', group: this.order.pairId });
      const endedInSync = clean && this.#inSync;
      await this.#finish(
        endedInSync ? 'off' : 'broken',
        endedInSync ? null : guestEnded(this.#inSync),
        endedInSync,
      );
    });
  }

  /** Lets the guest go on alone. The forwarder first: with writes held, QEMU's monitor may answer nothing. */
  async release(): Promise<Result<void>> {
    if (this.#over) return ok(undefined);
    this.#leaving = true;
    const released = await this.#ports.forwarder.order({ c: 'release', group: this.order.pairId });
    if (!released.ok && released.problem.kind !== 'no-such-stream') {
      this.#leaving = false;
      return released;
    }
    return this.#inTurn(async () => {
      if (this.#over) return ok(undefined);
      const apart = this.#ports.guestLives() ? await this.#takeApart() : ok(undefined);
      await this.#ports.forwarder.order({ c: 'close', group: this.order.pairId });
      const problem = this.#status.problem ?? jobEnded('released');
      await this.#finish('broken', problem, false);
      return apart;
    });
  }

  end(): Promise<Result<void>> {
    if (!this.#over && !this.#ports.guestLives()) return this.guestStopped().then(() => ok(undefined));
    if (this.#group && this.#group.state !== 'up') return this.release();
    return this.#inTurn(async () => {
      if (this.#over) return ok(undefined);
      this.#leaving = true;
      const paused = (await this.#ports.blocks.running()) === false;
      const cancelled = await this.#ports.blocks.cancelJobs(!this.#inSync);
      const apart = cancelled.ok ? await this.#takeApart() : cancelled;
      if (!apart.ok) {
        this.#leaving = false;
        return apart;
      }
      const clean = await this.#lastWords();
      await this.#ports.forwarder.order({ c: 'close', group: this.order.pairId });
      // A running guest writes on, and the replica does not follow.
      await this.#finish('off', null, clean && this.#inSync && paused);
      return ok(undefined);
    });
  }

  /** Stops watching; the mirror itself goes on. */
  detach(): void {
    this.#over = true;
    this.#timer?.cancel();
  }

  async #build(): Promise<Result<void>> {
    const { blocks, forwarder } = this.#ports;
    const { disks, pairId, remote, address } = this.order;
    const directory = await blocks.socketDirectory();
    if (!directory.ok) return directory;
    const cleared = await this.#takeApart();
    if (!cleared.ok) return cleared;
    const devices: { target: string; device: string; socket: string }[] = [];
    for (const { target, path } of disks) {
      const device = await blocks.deviceNode(target, path);
      if (!device.ok) return device;
      devices.push({
        target,
        device: device.value,
        socket: join(directory.value, `understudy-${target}.sock`),
      });
    }
    const stream: GroupOrder = {
      group: pairId,
      remote: { host: address, port: remote.port, serverName: remote.serverName },
      heartbeat: remote.heartbeat,
      deadlineMs: this.#ports.deadlines.copying,
      disks: devices.map(({ target, socket }) => ({
        name: target,
        socket,
        exportName: remote.exports[target] ?? '',
      })),
    };
    await this.#ports.keep({ live: true, inSync: false, endedInSync: false });
    await forwarder.order({ c: 'close', group: pairId });
    const opened = await forwarder.open(stream);
    if (!opened.ok) return opened;
    this.#group = opened.value[0] ?? null;
    for (const { target, device, socket } of devices) {
      const added = await blocks.addReplica(target, socket);
      const mirrored = added.ok ? await blocks.startMirror(target, device) : added;
      if (!mirrored.ok) return mirrored;
    }
    return ok(undefined);
  }

  /** Removes jobs and nodes of this pair from QEMU, whatever is left of them. */
  async #takeApart(): Promise<Result<void>> {
    const { blocks } = this.#ports;
    const gone = await blocks.untilNoJobs(this.#leaving ? RELEASE_LOOKS : 1);
    if (!gone.ok) {
      const cancelled = await blocks.cancelJobs(true);
      if (!cancelled.ok) return cancelled;
    }
    return blocks.removeReplicas(this.order.disks.map(({ target }) => target));
  }

  #count(jobs: Job[]): void {
    const sum = (pick: (job: Job) => number) => jobs.reduce((total, job) => total + pick(job), 0);
    this.#progress.add(
      sum((job) => job.offset),
      sum((job) => job.len),
      this.#ports.clock.bootMs(),
    );
    if (this.#status.state === 'copying') this.#tell({ ...this.#status, ...this.#figures() });
  }

  /** Every job is ready: from here on each write is on both copies before the guest hears of it. */
  async #complete(): Promise<void> {
    if (!this.#inSync && !(await this.#tighten())) return;
    if (this.#status.state !== 'in-sync' && this.#group?.state === 'up' && !this.#leaving)
      this.#set('in-sync');
  }

  async #tighten(): Promise<boolean> {
    if (this.#group?.state !== 'up') return false;
    const tightened = await this.#ports.forwarder.order({
      c: 'deadline',
      group: this.order.pairId,
      deadlineMs: this.#ports.deadlines.inSync,
    });
    if (!tightened.ok || tightened.value[0]?.state !== 'up' || this.#leaving) return false;
    this.#inSync = true;
    await this.#ports.keep({ live: true, inSync: true, endedInSync: false });
    return true;
  }

  #held(group: GroupStatus): void {
    if (group.reason?.kind === 'qemu-gone') void this.#qemuGone(group);
    else this.#becomeHeld(group);
  }

  #becomeHeld(group: GroupStatus): void {
    if (this.#status.state !== 'held') this.#set('held', heldProblem(this.order, group.reason));
    // An answered error comes again; a lost connection may heal without a copy.
    if (group.reason?.kind !== 'remote-error') void this.#heal();
  }

  /** QEMU is dead, or only its connection: the hypervisor knows. */
  async #qemuGone(group: GroupStatus): Promise<void> {
    await this.#until(() => this.#over || !this.#ports.guestLives(), ENDING_MS);
    if (this.#over || this.#leaving) return;
    if (this.#ports.guestLives()) this.#becomeHeld(group);
    else await this.guestStopped();
  }

  async #heal(): Promise<void> {
    if (this.#healing) return;
    this.#healing = true;
    while (!this.#over && !this.#leaving && this.#group?.state === 'held') {
      const resumed = await this.#ports.forwarder.order({ c: 'resume', group: this.order.pairId });
      if (!resumed.ok) await this.#sleep(HEAL_MS);
      else if (resumed.value[0]) this.onForwarder(resumed.value[0]);
    }
    this.#healing = false;
  }

  /** QEMU left every disk: its end, or somebody took the mirror apart by hand. */
  async #streamEnded(): Promise<void> {
    this.#endedInSync = this.#inSync && (this.#group?.clean ?? false);
    await this.refresh();
  }

  async #jobVanished(): Promise<void> {
    if (this.#group?.state === 'held') return;
    if ((await this.#ports.blocks.running()) !== true) {
      await this.#until(() => this.#over || !this.#ports.guestLives(), ENDING_MS);
      if (this.#over || !this.#ports.guestLives()) return;
    }
    if (this.#leaving) return;
    await this.#orphaned(jobEnded('a job is gone'));
  }

  /** The guest runs on without a complete mirror: take the rest apart and say so. */
  async #orphaned(problem: Problem = streamGone): Promise<void> {
    if (this.#over) return;
    this.#leaving = true;
    await this.#ports.forwarder.order({ c: 'release', group: this.order.pairId });
    if (this.#ports.guestLives()) await this.#takeApart();
    await this.#ports.forwarder.order({ c: 'close', group: this.order.pairId });
    await this.#finish('broken', problem, false);
  }

  /** Waits until QEMU has left the stream; true when it left it with nothing unanswered. */
  async #lastWords(): Promise<boolean> {
    const left = () => this.#group === null || this.#group.state !== 'up';
    const started = this.#ports.clock.bootMs();
    while (!left() && this.#ports.clock.bootMs() - started < ENDING_MS) {
      const groups = await this.#ports.forwarder.order({ c: 'status' });
      const own = groups.ok ? groups.value.find(({ group }) => group === this.order.pairId) : undefined;
      this.#group = own ?? (groups.ok ? null : this.#group);
      if (!left()) await this.#sleep(LOOK_MS);
    }
    return this.#group?.state === 'ended' && this.#group.clean;
  }

  async #finish(state: 'off' | 'broken', problem: Problem | null, endedInSync: boolean): Promise<void> {
    this.#over = true;
    this.#timer?.cancel();
    this.#endedInSync = endedInSync;
    await this.#ports.keep({ live: false, inSync: this.#inSync, endedInSync });
    this.#set(state, problem);
  }

  #set(state: MirrorStatus['state'], problem: Problem | null = null): void {
    const since = state === this.#status.state ? this.#status.since : this.#ports.clock.now();
    const rateBps = state === 'copying' ? this.#progress.rateBps : 0;
    this.#tell({ ...this.#status, ...this.#figures(), state, since, rateBps, problem });
  }

  #figures(): Pick<MirrorStatus, 'doneBytes' | 'totalBytes' | 'rateBps'> {
    const { doneBytes, totalBytes, rateBps } = this.#progress;
    return { doneBytes, totalBytes: totalBytes || this.#status.totalBytes, rateBps };
  }

  #tell(status: MirrorStatus): void {
    this.#status = status;
    this.#ports.changed(status);
  }

  #poll(): void {
    this.#timer = this.#ports.clock.setTimeout(() => {
      void this.refresh().finally(() => {
        if (!this.#over && !this.#inSync) this.#poll();
      });
    }, POLL_MS);
  }

  async #until(met: () => boolean, limitMs: number): Promise<void> {
    const started = this.#ports.clock.bootMs();
    while (!met() && this.#ports.clock.bootMs() - started < limitMs) await this.#sleep(LOOK_MS);
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((done) => this.#ports.clock.setTimeout(done, ms));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#turn.then(work, work);
    this.#turn = run.catch(() => undefined);
    return run;
  }

  /** For what nobody waits for: a failure (the state directory is full, say) is only noted. */
  #quietly(work: () => Promise<void>): Promise<void> {
    return this.#inTurn(work).catch((error) => {
      this.#ports.log('warn', `mirror ${this.order.pairId}: ${error}`);
    });
  }
}
