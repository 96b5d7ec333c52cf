import type { Clock, Log } from '../../ports.ts';
import { fail, type MirrorStatus, ok, type Problem, type Result } from '../../protocol/index.ts';
import type { GroupStatus } from '../forwarder/control-protocol.ts';
import type { CopyPace } from '../pace.ts';
import { notInSync } from '../problems.ts';
import type { CatchingUp, CatchUpFigures, MirrorOrder, Verified, VerifyOrder } from '../replication.ts';
import type { Blocks } from './block-layer.ts';
import { BringUp, type CatchUpTools, letGoOn } from './bring-up.ts';
import { buildMirror, type DeviceDisk, RELEASE_LOOKS, takeApart } from './build.ts';
import type { Forwarder } from './forwarder-client.ts';
import { Healer } from './healer.ts';
import { lastWords, until } from './last-words.ts';
import { guestEnded, heldProblem, jobEnded, jobGone, streamGone } from './problems.ts';
import type { SavedMirror } from './saved.ts';
import { StatusKeeper } from './status-keeper.ts';
import { Tracking } from './tracking.ts';
import { Verification } from './verify.ts';

export interface MirrorPorts {
  forwarder: Forwarder;
  blocks: Blocks;
  clock: Clock;
  log: Log;
  /** Whether the guest's QEMU exists, from the hypervisor's cache. */
  guestLives(): boolean;
  changed(status: MirrorStatus): void;
  /** Makes durable what a later agent must know. */
  keep(what: Omit<SavedMirror, 'order'>): Promise<void>;
  /** How long the standby may stay silent, ms: while copying, and once in sync. */
  deadlines: { copying: number; inSync: number };
  /** Without: full copies only. */
  tools?: CatchUpTools;
  /** How fast QEMU's jobs may copy what was there before. */
  pace?: CopyPace;
}

const POLL_MS = 1_000;
/** A mirror without anything to copy is ready almost at once. */
const FIRST_LOOK_MS = 20;

/** The mirror of one guest's disks: QEMU's jobs and the forwarder's stream taken together. */
export class PairMirror {
  order: MirrorOrder;
  readonly #ports: MirrorPorts;
  readonly #keeper: StatusKeeper;
  readonly #healer: Healer;
  #group: GroupStatus | null = null;
  #inSync = false;
  #endedInSync = false;
  /** Set once the mirror is being taken apart, on whoever's order. */
  #leaving = false;
  /** The mirror cannot be made good again: it waits, held, for its release. */
  #lost = false;
  #over = false;
  #sockets: Record<string, string> = {};
  #devices: Record<string, string> = {};
  /** What the replica holds has this name; null when nobody remembers. */
  readonly #generation: string | null;
  #tracked = false;
  #tracking: Tracking | null = null;
  #bringUp: BringUp | null = null;
  #pausing = false;
  #leavePace: () => void = () => undefined;
  figures: CatchUpFigures | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  #timer: { cancel(): void } | null = null;

  constructor(order: MirrorOrder, ports: MirrorPorts, saved: SavedMirror | null = null) {
    this.order = order;
    this.#ports = ports;
    this.#generation = order.how?.generation ?? saved?.generation ?? null;
    // What is being sent stays known until the mirror stands.
    this.#tracked = order.how?.way === 'changes' || saved?.tracked === true;
    const totalBytes = order.disks.reduce((sum, disk) => sum + disk.sizeBytes, 0);
    this.#keeper = new StatusKeeper(totalBytes, ports.clock, ports.changed);
    this.#healer = new Healer({
      clock: ports.clock,
      held: () => !this.#over && !this.#leaving && !this.#lost && this.#group?.state === 'held',
      restarted: () => this.#group?.reason?.kind === 'restarted',
      resume: () => this.#resume(),
      report: () => this.#reportHeld(),
    });
  }

  get status(): MirrorStatus {
    return this.#keeper.status;
  }

  get endedInSync(): boolean {
    return this.#endedInSync;
  }

  get over(): boolean {
    return this.#over;
  }

  /** QEMU's bitmaps tell how far the replica is behind that generation. */
  get tracked(): string | null {
    return this.#tracked ? this.#generation : null;
  }

  /** QEMU's nodes under the disks, by target. */
  get devices(): Record<string, string> {
    return this.#devices;
  }

  /** Compares both sides while the mirror goes on; a mirror that breaks ends it. */
  async verify(order: VerifyOrder): Promise<Result<Verified>> {
    const { tools, blocks } = this.#ports;
    if (!this.#settled || !tools) return fail(notInSync);
    const directory = await blocks.socketDirectory();
    if (!directory.ok) return directory;
    const flowing = (): boolean => this.#group?.state === 'up' && this.#settled && !order.signal.aborted;
    return this.#verification(tools, directory.value, flowing).run(order);
  }

  /** What a comparison left that was cut short by the agent's end. */
  async clearVerify(): Promise<void> {
    const { tools } = this.#ports;
    if (!tools || !this.#ports.guestLives()) return;
    const left = this.#verification(tools, '', () => false);
    // Whoever is bringing the replica up to date has QEMU's one NBD server now, and has cleared it for itself.
    await (this.#settled ? left.clear() : left.forget());
  }

  #verification(tools: CatchUpTools, socketDirectory: string, flowing: () => boolean): Verification {
    const jobs = (): ReturnType<Blocks['jobs']> => this.#ports.blocks.jobs();
    return new Verification(this.order, this.#deviceList(), { ...tools, socketDirectory, jobs, flowing });
  }

  get #settled(): boolean {
    return this.#keeper.state === 'in-sync' && !this.#leaving;
  }

  start(): Promise<Result<void>> {
    const { how } = this.order;
    if (how && how.way !== 'full' && this.#ports.tools) return this.#bringUpToDate(how, this.#ports.tools);
    return this.#inTurn(async () => {
      const { blocks, forwarder, deadlines } = this.#ports;
      const built = await buildMirror(this.order, blocks, forwarder, deadlines.copying, (disks) =>
        this.#willUse(disks),
      );
      if (built.ok) {
        this.#group = built.value;
        this.#keeper.set('copying');
        this.#paced();
        this.#poll();
        return ok(undefined);
      }
      await this.#abandon(built.problem);
      return built;
    });
  }

  /** Takes over what an earlier agent started. */
  async adopt(saved: SavedMirror, group: GroupStatus | null): Promise<void> {
    this.#inSync = saved.inSync;
    this.#sockets = saved.sockets;
    this.#devices = saved.devices ?? {};
    this.#group = group;
    if (saved.pausing) void this.#goOn();
    if (!this.#ports.guestLives()) return this.guestStopped();
    if (saved.catchingUp) return this.#brokenOff();
    if (!group) return this.forgotten();
    if (group.state === 'released') return void (await this.release());
    this.onForwarder(group);
    // A stream that is up and was in sync stays so until the forwarder says otherwise. QEMU is asked too, but not waited
    // for: the monitor of a frozen guest does not answer.
    if (this.#inSync && group.state === 'up') this.#keeper.set('in-sync');
    void this.refresh();
    if (this.#inSync) return this.#track();
    this.#keeper.set('copying');
    this.#paced();
    this.#poll();
  }

  /** The forwarder's word on this pair's stream. */
  onForwarder(group: GroupStatus): void {
    const before = this.#group?.state;
    this.#group = group;
    if (this.#leaving || this.#lost || this.#over) return;
    // The guest stands still, or its mirror is not whole yet: it must not wait for a standby that is gone.
    if (this.#bringUp && group.state === 'held')
      void this.#ports.forwarder.order({ c: 'release', group: this.order.pairId });
    else if (this.#bringUp) return;
    else if (group.state === 'held') this.#held(group);
    else if (group.state === 'ended') void this.#streamEnded();
    else if (group.state === 'up' && before === 'held') {
      this.#keeper.set(this.#inSync ? 'in-sync' : 'copying');
      void this.refresh();
    }
  }

  /** The forwarder answers again and does not know the stream: QEMU's writes wait, and no copy follows. */
  forgotten(): Promise<void> {
    // Before the last step there is none.
    if (this.#bringUp) return Promise.resolve();
    return this.#quietly(async () => {
      if (!this.#leaving && !this.#over) await this.#lose(streamGone);
    });
  }

  /** Asks QEMU how far the jobs are. Told by its events, and once a second while copying. */
  refresh(): Promise<void> {
    return this.#quietly(async () => {
      if (this.#leaving || this.#lost || this.#over || this.#bringUp) return;
      const jobs = await this.#ports.blocks.jobs();
      if (!jobs.ok || this.#leaving) return;
      this.#keeper.count(jobs.value);
      if (jobs.value.length < this.order.disks.length) await this.#jobVanished();
      else if (jobs.value.every((job) => job.ready)) await this.#complete();
    });
  }

  guestStopped(): Promise<void> {
    this.#leaving = true;
    // Its bitmaps are gone with it.
    this.#tracked = false;
    return this.#quietly(async () => {
      if (this.#over) return;
      await this.#bringUp?.stop();
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

  /** From here on, and for who adopts it. */
  async setPatience(ms: number | null): Promise<Result<void>> {
    const { patienceMs: _before, ...order } = this.order;
    this.order = ms === null ? order : { ...order, patienceMs: ms };
    await this.#keep();
    if (!this.#inSync || this.#over) return ok(undefined);
    const told = await this.#ports.forwarder.order({
      c: 'deadline',
      group: order.pairId,
      deadlineMs: this.#ports.deadlines.inSync,
      patienceMs: ms,
    });
    return told.ok ? ok(undefined) : told;
  }

  /** Lets the guest go on alone. The forwarder first: with writes held, QEMU's monitor may answer nothing. */
  async release(): Promise<Result<void>> {
    if (this.#over) return ok(undefined);
    this.#leaving = true;
    await this.#bringUp?.stop();
    const { disks, pairId } = this.order;
    const lost = disks.flatMap(({ target, sizeBytes }) => {
      const socket = this.#sockets[target];
      return socket === undefined ? [] : [{ name: target, socket, sizeBytes, exportName: '' }];
    });
    const released = await this.#ports.forwarder.order({ c: 'release', group: pairId, disks: lost });
    if (!released.ok && this.#ports.guestLives()) {
      this.#leaving = false;
      return released;
    }
    const problem = this.#keeper.status.problem ?? jobEnded('released');
    return this.#inTurn(() => this.#dismantle(problem));
  }

  /** The hypervisor answers again: go on with what could not be done without it. */
  async hypervisorBack(): Promise<void> {
    if (this.#over) return;
    if (!this.#ports.guestLives()) await this.guestStopped();
    else if (this.#bringUp) return;
    else if (this.#keeper.state === 'broken') await this.release();
    else await this.refresh();
  }

  end(drained: () => void = () => undefined): Promise<Result<void>> {
    if (!this.#over && !this.#ports.guestLives()) return this.guestStopped().then(() => ok(undefined));
    if (this.#group && this.#group.state !== 'up') return this.release();
    if (this.#bringUp) this.#leaving = true;
    return this.#inTurn(async () => {
      if (this.#over) return ok(undefined);
      this.#leaving = true;
      await this.#bringUp?.stop();
      const paused = (await this.#ports.blocks.running()) === false;
      const cancelled = await this.#ports.blocks.cancelJobs(!this.#inSync);
      const targets = this.order.disks.map(({ target }) => target);
      const apart = cancelled.ok ? await this.#ports.blocks.removeReplicas(targets) : cancelled;
      if (!apart.ok) {
        this.#leaving = false;
        return apart;
      }
      // A running guest writes on, and the replica does not follow.
      const whole = (await this.#lastWords()) && this.#inSync && paused;
      if (whole) drained();
      await this.#ports.forwarder.order({ c: 'close', group: this.order.pairId });
      await this.#finish('off', null, whole);
      return ok(undefined);
    });
  }

  /** Stops watching; the mirror itself goes on. */
  detach(): void {
    this.#over = true;
    this.#leavePace();
    this.#timer?.cancel();
    this.#tracking?.stop();
    void this.#bringUp?.stop();
  }

  #bringUpToDate(how: Exclude<CatchingUp, { way: 'full' }>, tools: CatchUpTools): Promise<Result<void>> {
    const { blocks, forwarder, clock, log, deadlines, guestLives } = this.#ports;
    const bringUp = new BringUp(this.order, how, {
      ...tools,
      blocks,
      forwarder,
      clock,
      log,
      guestLives,
      deadlineMs: deadlines.inSync,
      willUse: (disks) => this.#willUse(disks),
      pausing: (now) => this.#setPausing(now),
      progress: (done, total) => this.#keeper.counted(done, total),
    });
    this.#bringUp = bringUp;
    this.#group = null;
    return this.#inTurn(async () => {
      const begun = await bringUp.start();
      if (!begun.ok) {
        this.#bringUp = null;
        await this.#abandon(begun.problem);
        return begun;
      }
      this.#keeper.set('copying');
      void begun.value.bulk.then((sent) => this.#quietly(() => this.#takeLastStep(bringUp, sent)));
      return ok(undefined);
    });
  }

  async #takeLastStep(bringUp: BringUp, sent: Result<void>): Promise<void> {
    if (this.#leaving || this.#over) return;
    const finished = sent.ok ? await bringUp.finish() : sent;
    this.#bringUp = null;
    if (!finished.ok) return this.#abandon(finished.problem);
    // What the forwarder told meanwhile is newer: a stream that was lost has been released.
    this.#group ??= finished.value.group;
    if (this.#group?.state !== 'up')
      return this.#abandon(heldProblem(this.order, this.#group?.reason ?? null));
    this.figures = finished.value.figures;
    await this.#keep();
    this.#poll(FIRST_LOOK_MS);
  }

  /** An agent ended in the middle of it. What it left is cleared away; the bitmaps still know what is to be sent. */
  #brokenOff(): Promise<void> {
    return this.#quietly(() => this.#abandon(jobEnded('the agent started anew')));
  }

  /** QEMU copies everything by jobs of its own: each gets its part of what this copy may take. */
  #paced(): void {
    const disks = this.order.disks.length;
    const set = (bytesPerS: number | null): void => {
      const each = bytesPerS === null ? 0 : Math.max(1, Math.floor(bytesPerS / disks));
      void this.#quietly(async () => {
        const told = this.#over || this.#leaving ? ok(undefined) : await this.#ports.blocks.setSpeed(each);
        if (!told.ok) this.#ports.log('warn', `${this.order.pairId}: ${told.problem.message}`);
      });
    };
    const leave = this.#ports.pace?.join(set);
    this.#leavePace = () => {
      this.#leavePace = () => undefined;
      leave?.();
      // What the guest writes is never limited, and the jobs go on with nothing else.
      if (leave && !this.#over) set(null);
    };
  }

  #willUse(disks: DeviceDisk[]): Promise<void> {
    this.#sockets = Object.fromEntries(disks.map(({ target, socket }) => [target, socket]));
    this.#devices = Object.fromEntries(disks.map(({ target, device }) => [target, device]));
    return this.#keep();
  }

  #setPausing(now: boolean): Promise<void> {
    this.#pausing = now;
    return this.#keep();
  }

  async #goOn(): Promise<void> {
    const { tools, clock, log, guestLives } = this.#ports;
    if (!tools) return;
    await letGoOn({ changes: tools.changes, clock, log, guestLives });
    await this.#setPausing(false);
  }

  /** In sync: from here on what may be missing on the replica is known. */
  #track(): void {
    const { tools, clock, blocks } = this.#ports;
    if (!tools || this.#generation === null || this.#over) return;
    this.#tracking = new Tracking(this.order.pairId, this.#generation, this.#deviceList(), {
      changes: tools.changes,
      clock,
      jobs: () => blocks.jobs(),
      flowing: () => this.#group?.state === 'up' && !this.#leaving,
      inSync: () => !this.#leaving && this.#keeper.state === 'in-sync',
      over: () => this.#over,
      inTurn: (work) => this.#quietly(work),
      proven: async () => {
        if (this.#tracked) return;
        this.#tracked = true;
        await this.#keep();
      },
    });
    this.#tracking.start();
  }

  #deviceList() {
    return this.order.disks.map(({ target, sizeBytes }) => ({
      target,
      sizeBytes,
      device: this.#devices[target] ?? '',
    }));
  }

  /** Every job is ready: from here on each write is on both copies before the guest hears of it. */
  async #complete(): Promise<void> {
    if (!this.#inSync && !(await this.#tighten())) return;
    if (this.#keeper.state !== 'in-sync' && this.#group?.state === 'up' && !this.#leaving)
      this.#keeper.set('in-sync');
  }

  async #tighten(): Promise<boolean> {
    if (this.#group?.state !== 'up') return false;
    const tightened = await this.#ports.forwarder.order({
      c: 'deadline',
      group: this.order.pairId,
      deadlineMs: this.#ports.deadlines.inSync,
      patienceMs: this.order.patienceMs ?? null,
    });
    if (!tightened.ok || tightened.value[0]?.state !== 'up' || this.#leaving) return false;
    this.#inSync = true;
    this.#leavePace();
    await this.#keep();
    this.#track();
    return true;
  }

  #held(group: GroupStatus): void {
    if (group.reason?.kind === 'qemu-gone') void this.#qemuGone(group);
    else this.#becomeHeld(group);
  }

  #becomeHeld(group: GroupStatus): void {
    // An answered error comes again, and one that is too slow would be; a lost connection may heal without a copy.
    const { kind } = group.reason ?? {};
    if (kind === 'remote-error' || kind === 'too-slow') this.#reportHeld();
    else void this.#healer.heal();
  }

  #reportHeld(): void {
    if (this.#keeper.state === 'held') return;
    this.#keeper.set('held', heldProblem(this.order, this.#group?.reason ?? null));
  }

  async #resume(): Promise<Result<void>> {
    const resumed = await this.#ports.forwarder.order({ c: 'resume', group: this.order.pairId });
    if (!resumed.ok) return resumed;
    if (resumed.value[0]) this.onForwarder(resumed.value[0]);
    return ok(undefined);
  }

  /** QEMU is dead, or only its connection: the hypervisor knows. */
  async #qemuGone(group: GroupStatus): Promise<void> {
    await until(() => this.#over || !this.#ports.guestLives(), this.#ports.clock);
    if (this.#over || this.#leaving || this.#lost) return;
    if (this.#ports.guestLives()) this.#becomeHeld(group);
    else await this.guestStopped();
  }

  /** QEMU left every disk: its end, or somebody took the mirror apart by hand. */
  async #streamEnded(): Promise<void> {
    this.#endedInSync = this.#inSync && (this.#group?.clean ?? false);
    await this.refresh();
  }

  async #jobVanished(): Promise<void> {
    if (this.#group?.state === 'held') return;
    if ((await this.#ports.blocks.running()) !== true) {
      await until(() => this.#over || !this.#ports.guestLives(), this.#ports.clock);
      if (this.#over || !this.#ports.guestLives()) return;
    }
    if (!this.#leaving) await this.#lose(jobGone);
  }

  /** The other disks wait too until whoever keeps the record has noted that the copy is stale. */
  async #lose(problem: Problem): Promise<void> {
    this.#lost = true;
    this.#endedInSync = false;
    await this.#ports.forwarder.order({ c: 'hold', group: this.order.pairId });
    this.#keeper.set('held', problem);
  }

  /**
   * With the stream released: takes QEMU's part down, and only then the stream. Without it a mirror still
   * standing in QEMU would wait for ever at the guest's next write.
   */
  async #dismantle(problem: Problem): Promise<Result<void>> {
    if (this.#over) return ok(undefined);
    const apart = this.#ports.guestLives() ? await this.#takeApart(RELEASE_LOOKS) : ok(undefined);
    if (!apart.ok) {
      this.#keeper.set('broken', problem);
      return apart;
    }
    await this.#ports.forwarder.order({ c: 'close', group: this.order.pairId });
    await this.#finish('broken', problem, false);
    return apart;
  }

  /** What was half built is taken down again; with the stream released first nothing can hang on it. */
  async #abandon(problem: Problem): Promise<void> {
    this.#leaving = true;
    await this.#ports.forwarder.order({ c: 'release', group: this.order.pairId });
    const apart = await this.#dismantle(problem);
    if (!apart.ok) this.#ports.log('warn', `${this.order.pairId}: ${apart.problem.message}`);
  }

  #takeApart(looks: number): Promise<Result<void>> {
    return takeApart(this.order, this.#ports.blocks, looks);
  }

  /** True when QEMU left the stream with nothing unanswered. */
  async #lastWords(): Promise<boolean> {
    const { forwarder, clock } = this.#ports;
    this.#group = await lastWords(this.order.pairId, this.#group, forwarder, clock);
    return this.#group?.state === 'ended' && this.#group.clean;
  }

  async #finish(state: 'off' | 'broken', problem: Problem | null, endedInSync: boolean): Promise<void> {
    this.#over = true;
    this.#leavePace();
    this.#timer?.cancel();
    this.#tracking?.stop();
    this.#endedInSync = endedInSync;
    await this.#keep();
    this.#keeper.set(state, problem);
  }

  #keep(): Promise<void> {
    const endedInSync = this.#over && this.#endedInSync;
    return this.#ports.keep({
      live: !this.#over,
      inSync: this.#inSync,
      endedInSync,
      sockets: this.#sockets,
      devices: this.#devices,
      generation: this.#generation,
      tracked: this.#tracked,
      catchingUp: this.#bringUp !== null,
      pausing: this.#pausing,
    });
  }

  #poll(ms = POLL_MS): void {
    this.#timer = this.#ports.clock.setTimeout(() => {
      void this.refresh().finally(() => {
        if (!this.#over && !this.#inSync) this.#poll();
      });
    }, ms);
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
