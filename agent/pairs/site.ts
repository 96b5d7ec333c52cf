import type { Permission } from '../lease/deadline-file.ts';
import type { GuestState, MirrorState, Site, Wanted } from '../lease/site.ts';
import { fail, type Problem, type Result, type VmInfo } from '../protocol/index.ts';
import type { PairContext } from './context.ts';
import { handedOver } from './handed-over.ts';
import type { Healer } from './healer.ts';
import { isLive, type KeptPair } from './store.ts';

const PAUSES: Record<NonNullable<VmInfo['pause']>, GuestState> = {
  'not-started': 'paused',
  'io-error': 'faulted',
  leaving: 'leaving',
  // Nobody here takes it in: it is as little allowed as one that runs.
  incoming: 'running',
};

/** How soon a failed step that must succeed is tried again, ms. */
const RETRY_MS = 500;

/** One member's own host as the lease's owner and standby see it: guest, mirror, export, guard. */
export class HostSite implements Site {
  readonly booted: boolean;
  readonly #context: PairContext;
  readonly #pairId: string;
  readonly #healer: Healer;
  /** Somebody shut the guest down, or the host is going down: told before the notes have it. */
  #stopped: 'meant' | 'with-host' | null = null;
  /** Its live migration is about to pause the guest (moving/sender.ts). */
  leaving = false;
  /** The guest's memory comes in, or is about to: set by whoever takes it in (moving/receiver.ts). */
  receiving = false;
  /** Ends the taking in. */
  drop: () => void = () => undefined;
  #waiting: { reason: string; since: number } | null = null;
  #closing = false;
  #releasing = false;
  #resuming = false;
  /** The start, and QEMU's noting what the guest writes from its next instruction on: that waits for both. */
  #noting: Promise<void> = Promise.resolve();
  /** Why the guest could not be started here last time; null once it could. */
  startProblem: Problem | null = null;

  constructor(context: PairContext, pairId: string, healer: Healer) {
    this.#context = context;
    this.#pairId = pairId;
    this.#healer = healer;
    const notes = context.store.kept(pairId)?.notes;
    this.booted = notes !== undefined && notes.bootId !== context.deps.bootId;
  }

  guest(): GuestState {
    const { hypervisor, guard } = this.#context.deps;
    const uuid = this.#uuid;
    if (this.receiving) return 'incoming';
    const vm = this.#context.vm(uuid);
    // Nobody can say: an owner starts nothing, and gives nothing up, until the hypervisor has answered.
    if (vm === null && !hypervisor.reachable) return this.#owns ? 'running' : 'none';
    if (vm === null || !isLive(vm.state)) return 'none';
    if (guard.stopped(uuid)) return 'stopped';
    if (vm.state !== 'paused') return 'running';
    // A guest that an admin paused may be continued by him at any time: it counts as running.
    return (vm.pause && PAUSES[vm.pause]) ?? 'running';
  }

  wanted(): Wanted {
    const { notes } = this.#kept;
    if (this.#context.nodes.record(this.#pairId)?.begun === false) return 'run';
    if (this.leaving && this.guest() === 'running') return 'leaving';
    if (notes.moving || this.#stopped === 'with-host') return 'moving';
    // A first protection cut short by the boot is taken back, and that starts the guest if its host would have.
    const cutShort = this.#context.tasks.running(this.#pairId)?.kind === 'protect';
    if (cutShort && notes.bootId !== this.#context.deps.bootId) return 'moving';
    return this.#meantToRun && !this.#gone ? 'run' : 'down';
  }

  /** Nothing but its missing definition keeps the guest down. */
  get lacksDefinition(): boolean {
    return this.#meantToRun && this.#gone;
  }

  /**
   * Somebody took the guest away that had begun here: bringing it back, at a boot months later perhaps, is no answer to
   * that. It starts once it is defined again.
   */
  get #gone(): boolean {
    const { hypervisor } = this.#context.deps;
    const begun = this.#context.nodes.record(this.#pairId)?.begun === true;
    return begun && this.#owns && hypervisor.reachable && this.#context.vm(this.#uuid) === null;
  }

  get #meantToRun(): boolean {
    const { notes, spec } = this.#kept;
    // Started with its host before it was protected, and not yet seen in this boot: as its autostart would have it.
    const autostart = spec.autostartBefore && notes.bootId !== this.#context.deps.bootId;
    return (notes.wantRunning || autostart) && this.#stopped === null;
  }

  /** Known at once, though it is written down later. */
  stoppedBy(what: 'meant' | 'with-host' | null): void {
    this.#stopped = what;
  }

  mirror(): MirrorState {
    const { source } = this.#context.deps;
    if (!source.ready) return 'unknown';
    // What leads to a former member says nothing of the copy that is counted on.
    if (!this.#context.membersAligned(this.#pairId)) return 'off';
    const state = source.status(this.#pairId)?.state;
    if (this.guest() === 'none') return source.endedInSync(this.#pairId) ? 'whole' : 'off';
    // Drained and taken away for the move. Once nobody moves it, it could go on, and write alone.
    if (this.#leaves && this.#kept.notes.moving && source.endedInSync(this.#pairId)) return 'whole';
    if (state === 'in-sync') return 'whole';
    if (state === 'held') return 'held';
    return state === 'connecting' || state === 'copying' ? 'copying' : 'off';
  }

  exportOpen(): boolean {
    return this.#context.deps.target.isOpen(this.#pairId);
  }

  canHost(): boolean {
    const { deps, self } = this.#context;
    const { notes, spec } = this.#kept;
    const defined = spec.definitions[self] !== undefined;
    return (
      deps.hypervisor.reachable &&
      defined &&
      (this.#owns || (notes.image === 'complete' && !notes.quarantine))
    );
  }

  guardOn(epoch: number): boolean {
    return this.#context.deps.guard.on(this.#uuid, epoch);
  }

  guardFit(): boolean {
    return this.#context.deps.guard.view.state === 'armed' && this.#context.certificateEnds === null;
  }

  permit(permission: Permission): void {
    const { guard, hypervisor } = this.#context.deps;
    guard.permit(this.#uuid, permission);
    // Without a guard (then nothing is ever armed) a guest that lost its right is at least frozen from here.
    const forbidden = permission.kind === 'ended' || (permission.kind === 'deadline' && permission.ms === 0);
    if (guard.view.state === 'missing' && forbidden) void hypervisor.freeze(this.#uuid);
  }

  startGuest(done: (started: boolean) => void): void {
    const generation = this.#takenOver();
    const started = this.#start();
    this.#noting = started.then(
      () => this.#beginDistance(generation),
      () => undefined,
    );
    started.then(
      () => done(true),
      (problem: Problem) => {
        this.#couldNotStart(problem);
        done(false);
      },
    );
  }

  continueGuest(): void {
    if (this.#resuming) return;
    this.#resuming = true;
    const { hypervisor } = this.#context.deps;
    const resume = (): Promise<Result<void>> =>
      this.#leaves && hypervisor.migration
        ? hypervisor.migration.stay(this.#uuid)
        : hypervisor.resume(this.#uuid);
    void this.#noting.then(resume).then((resumed) => {
      this.#resuming = false;
      if (!resumed.ok) this.#couldNotStart(resumed.problem);
    });
  }

  dropIncoming(): void {
    this.drop();
  }

  closeExport(done: () => void): void {
    if (this.#closing) return;
    this.#closing = true;
    // Whatever is tried out on this host makes way: memory and processors are wanted in earnest.
    this.#context.drills.giveWay();
    void this.#context.deps.target.close(this.#pairId).then((closed) => {
      this.#closing = false;
      if (closed.ok) return done();
      this.#context.deps.log('warn', `close ${this.#pairId}: ${closed.problem.message}`);
      this.#context.deps.clock.setTimeout(() => this.closeExport(done), RETRY_MS);
    });
  }

  /** The export is opened when the owner asks for it before a copy (`standby.prepare`), and by nobody else. */
  openExport(): void {}

  releaseMirror(): void {
    const { source, log } = this.#context.deps;
    const state = source.status(this.#pairId)?.state;
    if (this.#releasing || (state !== 'held' && state !== 'broken')) return;
    this.#releasing = true;
    const release = async (): Promise<void> => {
      const released = await source.release(this.#pairId);
      if (!released.ok) log('warn', `release ${this.#pairId}: ${released.problem.message}`);
      await source.end(this.#pairId);
    };
    void release()
      .catch((error) => log('warn', `release ${this.#pairId}: ${String(error)}`))
      .finally(() => {
        this.#releasing = false;
        this.#context.nodes.look(this.#pairId);
      });
  }

  startMirror(): void {
    this.#healer.request(this.#pairId);
  }

  /** Written down where the record's change is seen (pairs.ts), before anything could be copied over it. */
  quarantine(): void {}

  wall(): number {
    return this.#context.now();
  }

  /** Wall clock since when it waits for this very reason. */
  waitingSince(reason: string): number {
    if (this.#waiting?.reason !== reason) this.#waiting = { reason, since: this.#context.now() };
    return this.#waiting.since;
  }

  get #kept(): KeptPair {
    const kept = this.#context.store.kept(this.#pairId);
    if (kept === null) throw new Error(`no pair ${this.#pairId}`);
    return kept;
  }

  get #owns(): boolean {
    return this.#context.nodes.record(this.#pairId)?.owner === this.#context.self;
  }

  /** Paused at the end of its live migration, whether the guard has stopped its process too or not. */
  get #leaves(): boolean {
    return this.#context.vm(this.#uuid)?.pause === 'leaving';
  }

  get #uuid(): string {
    return this.#kept.spec.workload.uuid;
  }

  /** QEMU with the guest's first instruction still to come. Throws the problem. */
  async #start(): Promise<void> {
    const { deps, self } = this.#context;
    const { hypervisor, guard, source } = deps;
    const { spec } = this.#kept;
    const { uuid } = spec.workload;
    this.#stopped = null;
    const noted = this.#context.setNotes(this.#pairId, (notes) => ({
      ...notes,
      wantRunning: true,
      moving: false,
      bootId: deps.bootId,
      quarantine: null,
      image: 'complete',
    }));
    if (this.receiving && hypervisor.migration) {
      const arrived = await hypervisor.migration.arrive(uuid);
      await noted;
      if (!arrived.ok) this.drop();
      this.receiving = false;
      throwProblem(arrived);
      this.startProblem = null;
      return;
    }
    await noted;
    await this.#refuseWhileOtherHasIt();
    // What is left of a mirror of the process before must be gone before this one has disks.
    await source.end(this.#pairId);
    if (this.#context.isUndefined(uuid)) {
      throwProblem(await hypervisor.define(spec.definitions[self] ?? ''));
      await hypervisor.setAutostart(uuid, false);
    }
    guard.allowStart(uuid);
    const started = await hypervisor.prepareRun(uuid);
    guard.endStart(uuid);
    throwProblem(started);
    this.startProblem = null;
  }

  /**
   * Taken over by hand-over, both copies are the same until the guest goes on: the name of what they hold. Null in an epoch
   * that has begun: a start then comes after writes that nobody noted.
   */
  #takenOver(): string | null {
    const record = this.#context.nodes.record(this.#pairId);
    return record === null || record.begun || record.owner !== this.#context.self ? null : handedOver(record);
  }

  /** From its next instruction on all that the other copy lacks is noted. */
  async #beginDistance(generation: string | null): Promise<void> {
    if (generation === null) return;
    const { source, log } = this.#context.deps;
    const disks = this.#context.disks(this.#kept.spec, this.#context.self);
    const begun = await source
      .beginDistance({ pairId: this.#pairId, vmUuid: this.#uuid, disks }, generation)
      .catch((error): Result<void> => fail(unexpected(error)));
    if (!begun.ok) log('info', `${this.#pairId}: ${begun.problem.message}`);
  }

  /** What was handed over with its memory, and did not arrive, is better off where its memory still is. */
  async #refuseWhileOtherHasIt(): Promise<void> {
    const record = this.#context.nodes.record(this.#pairId);
    if (record?.change !== 'hand-over' || record.begun || record.former === null) return;
    const { spec } = this.#kept;
    const asked = await this.#context.deps.peers
      .to(record.former)
      .call('move.return', { pairId: this.#pairId });
    if (!asked.ok || !asked.value.returns) return;
    throwProblem({
      ok: false,
      problem: {
        kind: 'memory-gone',
        message: `The memory of ${spec.workload.name} did not arrive on ${this.#context.deps.selfName()}.`,
        next: `It goes on where it was, on ${this.#context.nameOf(record.former)}.`,
      },
    });
  }

  #couldNotStart(problem: Problem): void {
    const spec = this.#context.store.kept(this.#pairId)?.spec;
    // Its protection has ended meanwhile.
    if (spec === undefined) return;
    if (this.startProblem?.message !== problem.message)
      this.#context.audit(
        'start-failed',
        { spec },
        `${spec.workload.name} could not be started on ${this.#context.deps.selfName()}: ${problem.message}`,
      );
    this.startProblem = problem;
  }
}

function throwProblem(result: { ok: true } | { ok: false; problem: Problem }): void {
  if (!result.ok) throw result.problem;
}

const unexpected = (error: unknown): Problem => ({
  kind: 'distance-unknown',
  message: `QEMU could not be asked to note what the machine writes (${String(error)}).`,
  next: 'Both sides are compared instead, by itself.',
});
