import type { Permission } from '../deadline-file.ts';
import type { GuestState, MirrorState, Site, Wanted } from '../site.ts';

/** A host for specs: does at once what it is told, and its guard (FORMAT.md) acts whenever the spec says so. */
export class FakeSite implements Site {
  state: GuestState;
  replica: MirrorState = 'whole';
  want: Wanted = 'run';
  booted = false;
  capacity = true;
  fit = true;
  open: boolean;
  permission: Permission | null = null;
  quarantined = false;
  /** What its copy acknowledged from memory may be lost. */
  dirty = false;
  wallMs = 0;
  readonly did: string[] = [];
  readonly #now: () => number;
  #stoppedAt = 0;
  #before: GuestState = 'running';

  constructor(now: () => number, runs: boolean) {
    this.#now = now;
    this.state = runs ? 'running' : 'none';
    this.open = !runs;
    this.replica = runs ? 'whole' : 'off';
  }

  /** One round of the guard. */
  guard(): void {
    const { permission } = this;
    if (this.state === 'none' || permission === null) return;
    if (permission.kind === 'ended') {
      this.state = 'none';
      return;
    }
    const live = permission.kind === 'standing' || permission.ms > this.#now();
    if (!live && this.state !== 'stopped') {
      this.#before = this.state;
      this.#stoppedAt = this.#now();
      this.state = 'stopped';
    } else if (live && this.state === 'stopped' && (permission.resumed ?? 0) > this.#stoppedAt) {
      this.state = this.#before;
    }
  }

  guest(): GuestState {
    return this.state;
  }
  wanted(): Wanted {
    return this.want;
  }
  mirror(): MirrorState {
    return this.replica;
  }
  exportOpen(): boolean {
    return this.open;
  }
  unclean(): boolean {
    return this.dirty;
  }
  canHost(): boolean {
    return this.capacity;
  }
  guardFit(): boolean {
    return this.fit;
  }
  guardOn(epoch: number): boolean {
    return this.permission?.kind === 'deadline' && this.permission.epoch.n === epoch;
  }
  permit(permission: Permission): void {
    this.permission = permission;
  }
  startGuest(done: (started: boolean) => void): void {
    this.did.push('start');
    this.state = 'paused';
    done(true);
  }
  continueGuest(): void {
    this.did.push('continue');
    this.state = 'running';
  }
  dropIncoming(): void {
    this.did.push('drop');
    if (this.state === 'incoming') this.state = 'none';
  }
  closeExport(done: () => void): void {
    this.open = false;
    done();
  }
  openExport(): void {
    this.open = true;
  }
  releaseMirror(): void {
    this.did.push('release');
    this.replica = 'off';
  }
  startMirror(): void {
    this.did.push('mirror');
  }
  quarantine(): void {
    this.quarantined = true;
  }
  wall(): number {
    return this.wallMs;
  }
}
