import type { Permission } from '../lease/deadline-file.ts';
import type { GuestState, MirrorState, Site, Wanted } from '../lease/site.ts';
import { type Problem, problemOf, type Result, type VmInfo } from '../protocol/index.ts';
import { hasLeft, isMovedAway } from './changes/moved-away.ts';
import type { PairContext } from './context.ts';
import { AttendedCopy } from './coordinated/attended-copy.ts';
import type { Attending } from './coordinated/attending.ts';
import type { Following } from './following.ts';
import { GuestStart } from './guest-start.ts';
import type { Healer } from './healer.ts';
import { isDistrusted, isLive, type KeptPair, lacksDisks } from './store.ts';

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
  readonly #following: Following;
  readonly #attended: AttendedCopy;
  readonly #start: GuestStart;
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
  /** Why the guest could not be started here last time; null once it could. */
  startProblem: Problem | null = null;

  constructor(
    context: PairContext,
    pairId: string,
    ways: { healer: Healer; following: Following; attending: Attending },
  ) {
    const { healer, following, attending } = ways;
    this.#following = following;
    this.#attended = new AttendedCopy(context, pairId, attending);
    this.#context = context;
    this.#pairId = pairId;
    this.#healer = healer;
    this.#start = new GuestStart(context, pairId, this);
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
    return (notes.wantRunning || autostart) && this.#stopped === null && !this.#left;
  }

  /** It runs on a host of somebody else's choice: started here, it would run twice. */
  get #left(): boolean {
    const pair = this.#context.store.get(this.#pairId);
    return pair !== null && (isMovedAway(pair.notes) || hasLeft(this.#context, pair));
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
    // Never counted on: it lacks what was written last.
    if (this.#attended.lags && lacksDisks(this.#kept.notes)) return 'off';
    if (this.#attended.lags) return state === 'following' || state === 'copying' ? 'copying' : 'off';
    if (this.guest() !== 'none' && this.#attended.isFirstLook(state)) return 'unknown';
    const { notes } = this.#kept;
    const distrusted = isDistrusted(notes, this.#context.nodes.record(this.#pairId)) || lacksDisks(notes);
    // It takes every write, but is not the same as the machine's disks: as good as none until it is made good.
    if (distrusted && (state === 'in-sync' || this.guest() === 'none')) return 'off';
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

  unclean(): boolean {
    return this.#context.deps.target.isUnclean(this.#pairId);
  }

  canHost(): boolean {
    const { deps, self } = this.#context;
    const { notes, spec } = this.#kept;
    const defined = spec.definitions[self] !== undefined;
    return (
      deps.hypervisor.reachable &&
      defined &&
      (this.#owns || (notes.image === 'complete' && !notes.quarantine && !notes.touched))
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
    this.#stopped = null;
    // Also where no export had to be closed before, as of a copy that is kept by points.
    this.#context.drills.giveWay();
    this.#start.run().then(
      () => {
        this.startProblem = null;
        done(true);
      },
      (error) => {
        this.#couldNotStart(problemOf(error));
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
    void this.#start.ready.then(resume).then((resumed) => {
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
    // Nothing of it holds anything up.
    if (this.#attended.is) return;
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
    // Copied again and again, it would never be whole: a person is asked.
    if (this.#kept.notes.changed?.ask && lacksDisks(this.#kept.notes)) return;
    if (this.#attended.is) this.#attended.request();
    else if (this.#attended.lags) this.#following.request(this.#pairId);
    // It goes back to points at once (after-move.ts): what those lack is sent by them.
    else if (!this.#kept.spec.mirroredToMove) this.#healer.request(this.#pairId);
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
