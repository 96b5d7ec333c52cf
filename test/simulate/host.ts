import type { Permission } from '../../agent/lease/deadline-file.ts';
import type { GuestState, Site, Wanted } from '../../agent/lease/site.ts';
import { SimulatedGuard } from './guard.ts';
import { Machine } from './machine.ts';
import { SimulatedSite } from './site.ts';
import type { World } from './world.ts';

/** One simulated machine of the pair; for members also guard, guest, mirror and image. */
export class Host extends Machine {
  readonly guard: SimulatedGuard;

  guest: GuestState = 'none';
  wanted: Wanted = 'run';
  /** Counts QEMU's processes: a guard's memory is of one of them. */
  process = 0;
  #begunGuest = false;
  #stoppedFrom: GuestState = 'running';
  #stoppedAt = 0;
  /** Started or continued by an admin past the hook; the guard has to end it. */
  intruder = false;
  intrudedAt = Number.NEGATIVE_INFINITY;
  /** QEMU does not answer and its guest does nothing; the process is there. */
  hung = false;
  /** An unprotected machine of somebody else's on this host. */
  bystander: GuestState = 'running';
  permission: Permission | null = null;
  /** When the permission was written, on the local clock. */
  permittedAt = 0;
  /** Highest acknowledged write this image contains, in the lineage it follows. */
  image = 0;
  /** Highest of those that is on disk, whatever becomes of this host. */
  flushed = 0;
  /** Marker on its disk: it acknowledged from memory, and that memory is gone. */
  unclean = false;
  /** False while a copy onto this image is under way. */
  whole = true;
  exportOpen = false;
  quarantined = false;
  mirror: 'off' | 'copying' | 'active' | 'following' = 'off';
  /** A comparison found that the copy is not the same as this one: in this epoch it counts no longer. On disk. */
  distrustedIn: number | null = null;
  /** Whom the mirror leads to. */
  mirrorTo = '';
  /** The guest was shut down in order, with a mirror that had everything. */
  endedWhole = false;
  /** Mistake `thaw-in-sync` only: QEMU's own timer has let the mirror go, and nobody noticed. */
  leaking = false;
  /** The agent takes a guest's memory in: its process ends with the agent. */
  receiving = false;
  /** Epoch in which that began. */
  receivingIn = 0;
  /** All of that memory is there. */
  arrived = false;
  unreachableSince: number | null = null;
  copies = 0;
  startsFail = 0;
  capacity = true;
  targetBroken = false;
  /** Its process has disks of an external replication open that the other host's promote took away. */
  demoted = false;
  /** Its disks answer with errors. */
  diskFault = false;
  hypervisorDown = false;

  constructor(world: World, id: string, isMember: boolean) {
    super(world, id, isMember);
    this.guard = new SimulatedGuard(this);
  }

  protected makeSite(): Site | null {
    return this.isMember ? new SimulatedSite(this, this.life) : null;
  }

  /** Paused at the end of its live migration, whether the guard has stopped its process too or not. */
  get leaves(): boolean {
    return this.guest === 'leaving' || (this.guest === 'stopped' && this.#stoppedFrom === 'leaving');
  }

  /** A process for the memory that the other host sends. */
  takeIn(): void {
    this.receivingIn = this.node?.record?.epoch.n ?? 0;
    this.receiving = true;
    this.arrived = false;
    // The permit first: the guard ends what it finds without one.
    this.node?.look();
    this.setGuest('incoming');
  }

  /** Nothing comes in any more. */
  dropIncoming(): void {
    if (!this.receiving) return;
    this.receiving = false;
    this.setGuest('none');
    this.tellAgent();
  }

  /** QEMU lets a guest go on by itself whose last piece of memory could not be sent. */
  lastPieceFails(): void {
    if (this.guest === 'leaving') this.setGuest('running');
    else if (this.leaves) this.#stoppedFrom = 'running';
  }

  override killAgent(): void {
    super.killAgent();
    if (!this.receiving) return;
    this.receiving = false;
    this.setGuest('none');
  }

  /** The copy is kept by points, as this agent knows the record. */
  get byPoints(): boolean {
    if (this.world.attended) return false;
    return (this.node?.record ?? this.world.truth())?.replica.mode !== 'sync';
  }

  get distrusts(): boolean {
    return this.distrustedIn !== null && this.distrustedIn === this.node?.record?.epoch.n;
  }

  get running(): boolean {
    return this.guest === 'running' && this.power === 'on' && !this.frozen;
  }

  trueMs(localMs: number): number {
    return localMs / this.rate;
  }

  /** Until when two running copies are the guard's named exceptions: thawed, killed, or an admin's own doing. */
  get excusedUntil(): number {
    const { guardPollMs } = this.world;
    return Math.max(this.thawedAt, this.guard.backAt, this.intrudedAt + guardPollMs) + guardPollMs + 10;
  }

  /** The guest this world begins with. */
  beginWith(permission: Permission): void {
    this.permission = permission;
    this.guest = 'running';
    this.process = 1;
    this.#begunGuest = true;
    this.mirror = 'active';
    this.mirrorTo = this.world.other(this).id;
  }

  /** Whatever has the copy open ends without putting on disk what it acknowledged from memory. */
  loseMemory(): void {
    if (!this.exportOpen) return;
    this.exportOpen = false;
    // Points are flushed before they count, whatever their layer is kept in.
    if (!this.world.inMemory || this.byPoints) return;
    this.unclean = true;
    this.image = Math.min(this.image, this.flushed);
    this.world.note(this.id, 'its copy ended uncleanly');
  }

  /** Closed in order: everything is on disk. */
  closeInOrder(): void {
    if (this.exportOpen && !this.unclean) this.flushed = this.image;
    this.exportOpen = false;
  }

  protected onPowerOff(): void {
    this.setGuest('none');
    this.permission = null;
    this.loseMemory();
    this.mirror = 'off';
    this.endedWhole = false;
    this.intruder = false;
    this.hung = false;
    this.receiving = false;
    this.guard.forget();
  }

  /** Every QEMU of this host as the guard finds it; only `protects` says which are its business. */
  machines(): { uuid: string; end: () => void }[] {
    const touch = (): void => {
      this.bystander = 'none';
      this.world.violate('I5', `an unprotected machine on ${this.id} was touched`);
    };
    return [
      { uuid: 'bystander', end: touch },
      { uuid: 'pair', end: () => this.setGuest('none') },
    ];
  }

  protected onThaw(): void {
    this.guard.soon();
  }

  setGuest(state: GuestState): void {
    if (this.guest === state) return;
    const before = this.guest;
    this.guest = state;
    if (state === 'running') this.endedWhole = false;
    this.world.note(this.id, `guest: ${before} -> ${state}`);
    if (state === 'stopped') this.#stoppedAt = this.world.kernel.now;
    if (before === 'stopped' && state === 'running')
      this.#timerRanOn(this.world.kernel.now - this.#stoppedAt);
    if (before === 'none') {
      this.process += 1;
      this.demoted = false;
      this.endedWhole = false;
    }
    if (state === 'none' || before === 'none') {
      this.mirror = 'off';
      this.leaking = false;
      this.#begunGuest = false;
      this.hung = false;
    }
    this.#firstInstruction();
    if (state !== 'none') this.guard.soon();
    this.world.watch();
    this.tellAgent();
  }

  /** SIGSTOP. */
  stopGuest(): void {
    this.world.frozenBy(this);
    this.#stoppedFrom = this.guest;
    this.setGuest('stopped');
  }

  /** SIGCONT. */
  unstopGuest(): void {
    if (this.guest === 'stopped') this.setGuest(this.#stoppedFrom);
  }

  /** The disks are well again: a guest that was stopped while faulted goes on as it was. */
  mendFault(): void {
    if (this.#stoppedFrom === 'faulted') this.#stoppedFrom = 'running';
  }

  /** An admin is about to start or continue what no permission lets run. */
  intrude(): void {
    this.intruder = true;
    this.intrudedAt = this.world.kernel.now;
  }

  /** Permitted now, whoever started it. */
  adopt(): void {
    if (!this.intruder) return;
    this.intruder = false;
    this.#firstInstruction();
  }

  #firstInstruction(): void {
    if (this.guest !== 'running' || this.#begunGuest || this.intruder) return;
    this.#begunGuest = true;
    this.world.firstInstruction(this);
  }

  /** A shutdown in order from inside the guest, or by the agent. */
  shutDown(): void {
    if (this.guest !== 'running') return;
    const whole = this.mirror === 'active' && (this.world.attended || this.world.replicates(this));
    this.setGuest('none');
    this.endedWhole = whole;
    this.tellAgent();
  }

  /** An event of the hypervisor or the mirror reaches the agent, when it runs. */
  tellAgent(): void {
    this.inAgent(this.life, () => this.node?.look());
  }

  /** QEMU's reconnect-delay runs on while it is stopped; the forwarder of docs/replication.md has no such timer. */
  #timerRanOn(stoppedMs: number): void {
    const timer = !this.world.rules.staleBeforeThaw && this.mirror === 'active';
    if (!timer || stoppedMs < 100 || this.world.replicates(this)) return;
    this.mirror = 'off';
    this.leaking = true;
  }

  permit(permission: Permission): void {
    const before = this.permission?.kind === 'deadline' ? this.permission.ms : Number.POSITIVE_INFINITY;
    const longer = permission.kind === 'deadline' && permission.ms > this.clock() && permission.ms >= before;
    const extends_ = longer && this.guest === 'running';
    this.permission = permission;
    this.permittedAt = this.clock();
    if (!extends_ || this.guard.idle) this.guard.soon();
  }
}
