import type { Clock, Log } from '../../ports.ts';
import { fail, type MirrorStatus, ok, type Result } from '../../protocol/index.ts';
import type { GroupStatus } from '../forwarder/control-protocol.ts';
import { type InTurn, makeTurns } from '../in-turn.ts';
import type { CopyPace } from '../pace.ts';
import { notInSync } from '../problems.ts';
import type { CatchingUp, CatchUpFigures, MirrorOrder, Verified, VerifyOrder } from '../replication.ts';
import type { Blocks } from './block-layer.ts';
import { BringUp, type CatchUpTools, letGoOn } from './bring-up.ts';
import { buildMirror, type DeviceDisk } from './build.ts';
import { Ending } from './ending.ts';
import type { Forwarder } from './forwarder-client.ts';
import { Holding } from './holding.ts';
import { until } from './last-words.ts';
import { MirrorFacts } from './mirror-facts.ts';
import { Pacing } from './pacing.ts';
import { heldProblem, jobEnded, jobGone, streamGone } from './problems.ts';
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
  readonly #ports: MirrorPorts;
  readonly #facts: MirrorFacts;
  readonly #keeper: StatusKeeper;
  readonly #holding: Holding;
  readonly #ending: Ending;
  readonly #pacing: Pacing;
  readonly #inTurn: InTurn = makeTurns();
  #tracking: Tracking | null = null;
  #timer: { cancel(): void } | null = null;
  figures: CatchUpFigures | null = null;

  constructor(order: MirrorOrder, ports: MirrorPorts, saved: SavedMirror | null = null) {
    this.#ports = ports;
    this.#facts = new MirrorFacts(order, saved);
    const totalBytes = order.disks.reduce((sum, disk) => sum + disk.sizeBytes, 0);
    this.#keeper = new StatusKeeper(totalBytes, ports.clock, ports.changed);
    this.#ending = new Ending(this.#facts, this.#keeper, {
      ...ports,
      inTurn: this.#inTurn,
      quietly: (work) => this.#quietly(work),
      unwatch: () => this.#unwatch(),
      keep: () => this.#keep(),
    });
    this.#holding = new Holding(this.#facts, this.#keeper, {
      ...ports,
      resumed: (group) => this.onForwarder(group),
      guestStopped: () => this.guestStopped(),
    });
    const setSpeed = (bytesPerS: number): void => void this.#setSpeed(bytesPerS);
    this.#pacing = new Pacing({ pace: ports.pace, disks: order.disks.length, setSpeed });
  }

  get order(): MirrorOrder {
    return this.#facts.order;
  }

  get status(): MirrorStatus {
    return this.#keeper.status;
  }

  get endedInSync(): boolean {
    return this.#facts.endedInSync;
  }

  get over(): boolean {
    return this.#facts.over;
  }

  /** QEMU's bitmaps tell how far the replica is behind that generation. */
  get tracked(): string | null {
    return this.#facts.tracked ? this.#facts.generation : null;
  }

  /** QEMU's nodes under the disks, by target. */
  get devices(): Record<string, string> {
    return this.#facts.devices;
  }

  /** Compares both sides while the mirror goes on; a mirror that breaks ends it. */
  async verify(order: VerifyOrder): Promise<Result<Verified>> {
    const { tools, blocks } = this.#ports;
    if (!this.#settled || !tools) return fail(notInSync);
    const directory = await blocks.socketDirectory();
    if (!directory.ok) return directory;
    const flowing = (): boolean =>
      this.#facts.group?.state === 'up' && this.#settled && !order.signal.aborted;
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
    return new Verification(this.order, this.#facts.deviceList, { ...tools, socketDirectory, jobs, flowing });
  }

  get #settled(): boolean {
    return this.#keeper.state === 'in-sync' && !this.#facts.leaving;
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
        this.#facts.group = built.value;
        this.#copies();
        return ok(undefined);
      }
      await this.#ending.abandon(built.problem);
      return built;
    });
  }

  /** Takes over what an earlier agent started. */
  async adopt(saved: SavedMirror, group: GroupStatus | null): Promise<void> {
    const facts = this.#facts;
    facts.remember(saved);
    facts.group = group;
    if (saved.pausing) void this.#goOn();
    if (!this.#ports.guestLives()) return this.guestStopped();
    if (saved.catchingUp) return this.#brokenOff();
    if (!group) return this.forgotten();
    if (group.state === 'released') return void (await this.release());
    this.onForwarder(group);
    // A stream that is up and was in sync stays so until the forwarder says otherwise. QEMU is asked too, but not waited
    // for: the monitor of a frozen guest does not answer.
    if (facts.inSync && group.state === 'up') this.#keeper.set('in-sync');
    void this.refresh();
    if (facts.inSync) this.#track();
    else this.#copies();
  }

  /** The forwarder's word on this pair's stream. */
  onForwarder(group: GroupStatus): void {
    const facts = this.#facts;
    const before = facts.group?.state;
    facts.group = group;
    if (facts.ends) return;
    // The guest stands still, or its mirror is not whole yet: it must not wait for a standby that is gone.
    if (facts.bringUp && group.state === 'held')
      void this.#ports.forwarder.order({ c: 'release', group: this.order.pairId });
    else if (facts.bringUp) return;
    else if (group.state === 'held') this.#holding.held(group);
    else if (group.state === 'ended') void this.#streamEnded();
    else if (group.state === 'up' && before === 'held') {
      this.#keeper.set(facts.inSync ? 'in-sync' : 'copying');
      void this.refresh();
    }
  }

  /** The forwarder answers again and does not know the stream: QEMU's writes wait, and no copy follows. */
  forgotten(): Promise<void> {
    // Before the last step there is none.
    if (this.#facts.bringUp) return Promise.resolve();
    return this.#quietly(async () => {
      if (!this.#facts.leaving && !this.#facts.over) await this.#ending.lose(streamGone);
    });
  }

  /** Asks QEMU how far the jobs are. Told by its events, and once a second while copying. */
  refresh(): Promise<void> {
    return this.#quietly(async () => {
      const facts = this.#facts;
      if (facts.ends || facts.bringUp) return;
      const jobs = await this.#ports.blocks.jobs();
      if (!jobs.ok || facts.leaving) return;
      this.#keeper.count(jobs.value);
      if (jobs.value.length < this.order.disks.length) await this.#jobVanished();
      else if (jobs.value.every((job) => job.ready)) await this.#complete();
    });
  }

  guestStopped(): Promise<void> {
    return this.#ending.guestStopped();
  }

  /** Lets the guest go on alone. */
  release(): Promise<Result<void>> {
    return this.#ending.release();
  }

  /** In order; `drained`: everything is on both sides, and the guest stands still. */
  end(drained: () => void = () => undefined): Promise<Result<void>> {
    return this.#ending.end(drained);
  }

  /** From here on, and for who adopts it. */
  async setPatience(ms: number | null): Promise<Result<void>> {
    const facts = this.#facts;
    const { patienceMs: _before, ...order } = facts.order;
    facts.order = ms === null ? order : { ...order, patienceMs: ms };
    await this.#keep();
    if (!facts.inSync || facts.over) return ok(undefined);
    const told = await this.#orderDeadline();
    return told.ok ? ok(undefined) : told;
  }

  /** The hypervisor answers again: go on with what could not be done without it. */
  async hypervisorBack(): Promise<void> {
    if (this.#facts.over) return;
    if (!this.#ports.guestLives()) await this.guestStopped();
    else if (this.#facts.bringUp) return;
    else if (this.#keeper.state === 'broken') await this.release();
    else await this.refresh();
  }

  /** Stops watching; the mirror itself goes on. */
  detach(): void {
    this.#facts.over = true;
    this.#unwatch();
    void this.#facts.bringUp?.stop();
  }

  #unwatch(): void {
    this.#pacing.leave();
    this.#timer?.cancel();
    this.#tracking?.stop();
  }

  #bringUpToDate(how: Exclude<CatchingUp, { way: 'full' }>, tools: CatchUpTools): Promise<Result<void>> {
    const bringUp = new BringUp(this.order, how, {
      ...this.#ports,
      ...tools,
      deadlineMs: this.#ports.deadlines.inSync,
      willUse: (disks) => this.#willUse(disks),
      pausing: (now) => this.#setPausing(now),
      progress: (done, total) => this.#keeper.counted(done, total),
    });
    this.#facts.bringUp = bringUp;
    this.#facts.group = null;
    return this.#inTurn(async () => {
      const begun = await bringUp.start();
      if (!begun.ok) {
        this.#facts.bringUp = null;
        await this.#ending.abandon(begun.problem);
        return begun;
      }
      this.#keeper.set('copying');
      void begun.value.bulk.then((sent) => this.#quietly(() => this.#takeLastStep(bringUp, sent)));
      return ok(undefined);
    });
  }

  async #takeLastStep(bringUp: BringUp, sent: Result<void>): Promise<void> {
    const facts = this.#facts;
    if (facts.leaving || facts.over) return;
    const finished = sent.ok ? await bringUp.finish() : sent;
    facts.bringUp = null;
    if (!finished.ok) return this.#ending.abandon(finished.problem);
    // What the forwarder told meanwhile is newer: a stream that was lost has been released.
    facts.group ??= finished.value.group;
    if (facts.group?.state !== 'up')
      return this.#ending.abandon(heldProblem(this.order, facts.group?.reason ?? null));
    this.figures = finished.value.figures;
    await this.#keep();
    this.#poll(FIRST_LOOK_MS);
  }

  /** An agent ended in the middle of it. What it left is cleared away; the bitmaps still know what is to be sent. */
  #brokenOff(): Promise<void> {
    return this.#quietly(() => this.#ending.abandon(jobEnded('the agent started anew')));
  }

  /** QEMU's jobs are at work. */
  #copies(): void {
    this.#keeper.set('copying');
    this.#pacing.join();
    this.#poll();
  }

  #setSpeed(bytesPerS: number): Promise<void> {
    return this.#quietly(async () => {
      if (this.#facts.over || this.#facts.leaving) return;
      const told = await this.#ports.blocks.setSpeed(bytesPerS);
      if (!told.ok) this.#ports.log('warn', `${this.order.pairId}: ${told.problem.message}`);
    });
  }

  #willUse(disks: DeviceDisk[]): Promise<void> {
    this.#facts.use(disks);
    return this.#keep();
  }

  #setPausing(now: boolean): Promise<void> {
    this.#facts.pausing = now;
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
    const facts = this.#facts;
    if (!tools || facts.generation === null || facts.over) return;
    this.#tracking = new Tracking(this.order.pairId, facts.generation, facts.deviceList, {
      changes: tools.changes,
      clock,
      jobs: () => blocks.jobs(),
      flowing: () => facts.group?.state === 'up' && !facts.leaving,
      inSync: () => this.#settled,
      over: () => facts.over,
      inTurn: (work) => this.#quietly(work),
      proven: async () => {
        if (facts.tracked) return;
        facts.tracked = true;
        await this.#keep();
      },
    });
    this.#tracking.start();
  }

  /** Every job is ready: from here on each write is on both copies before the guest hears of it. */
  async #complete(): Promise<void> {
    const facts = this.#facts;
    if (!facts.inSync && !(await this.#tighten())) return;
    if (this.#keeper.state !== 'in-sync' && facts.group?.state === 'up' && !facts.leaving)
      this.#keeper.set('in-sync');
  }

  async #tighten(): Promise<boolean> {
    const facts = this.#facts;
    if (facts.group?.state !== 'up') return false;
    const tightened = await this.#orderDeadline();
    if (!tightened.ok || tightened.value[0]?.state !== 'up' || facts.leaving) return false;
    facts.inSync = true;
    this.#pacing.leave();
    await this.#keep();
    this.#track();
    return true;
  }

  /** How long the standby of a mirror in sync may be silent, and how long a write may wait for it. */
  #orderDeadline(): Promise<Result<GroupStatus[]>> {
    return this.#ports.forwarder.order({
      c: 'deadline',
      group: this.order.pairId,
      deadlineMs: this.#ports.deadlines.inSync,
      patienceMs: this.order.patienceMs ?? null,
    });
  }

  /** QEMU left every disk: its end, or somebody took the mirror apart by hand. */
  async #streamEnded(): Promise<void> {
    this.#facts.endedInSync = this.#facts.inSync && (this.#facts.group?.clean ?? false);
    await this.refresh();
  }

  async #jobVanished(): Promise<void> {
    const facts = this.#facts;
    const { blocks, clock, guestLives } = this.#ports;
    if (facts.group?.state === 'held') return;
    if ((await blocks.running()) !== true) {
      await until(() => facts.over || !guestLives(), clock);
      if (facts.over || !guestLives()) return;
    }
    if (!facts.leaving) await this.#ending.lose(jobGone);
  }

  #keep(): Promise<void> {
    return this.#ports.keep(this.#facts.saved);
  }

  #poll(ms = POLL_MS): void {
    this.#timer = this.#ports.clock.setTimeout(() => {
      void this.refresh().finally(() => {
        if (!this.#facts.over && !this.#facts.inSync) this.#poll();
      });
    }, ms);
  }

  /** For what nobody waits for: a failure (the state directory is full, say) is only noted. */
  #quietly(work: () => Promise<void>): Promise<void> {
    return this.#inTurn(work).catch((error) => {
      this.#ports.log('warn', `mirror ${this.order.pairId}: ${error}`);
    });
  }
}
