import type { Permission } from '../../agent/lease/deadline-file.ts';
import { otherMember } from '../../agent/lease/record.ts';
import type { GuestState, MirrorState, Site, Wanted } from '../../agent/lease/site.ts';
import { keepCopy } from './copying.ts';
import type { Host } from './host.ts';

/** Heartbeat of the forwarder: how long a silent target goes unnoticed (docs/replication.md). */
const NOTICE_MS = 300;

/** What one life of an agent sees and does on its simulated host. Orders outlive it; answers do not. */
export class SimulatedSite implements Site {
  readonly #host: Host;
  readonly #life: number;
  readonly booted: boolean;

  constructor(host: Host, life: number) {
    this.#host = host;
    this.#life = life;
    this.booted = host.boots > 0 && host.guest === 'none' && host.permission === null;
  }

  guest(): GuestState {
    this.#dropWhatIsOver();
    return this.#host.receiving ? 'incoming' : this.#host.guest;
  }

  /** Another epoch that is not this host's: nobody sends the rest (agent/pairs/moving/receiver.ts, `recordChanged`). */
  #dropWhatIsOver(): void {
    const host = this.#host;
    const record = host.node?.record;
    if (!host.receiving || !record || record.owner === host.id || record.epoch.n === host.receivingIn) return;
    host.world.kernel.after(0, () => host.dropIncoming());
  }

  wanted(): Wanted {
    return this.#host.wanted;
  }

  mirror(): MirrorState {
    const host = this.#host;
    this.#endForeignMirror();
    // Without the forwarder the agent hears nothing of a frozen QEMU's mirror.
    const blind = host.guest === 'stopped' && host.mirror === 'active' && !host.world.rules.staleBeforeThaw;
    if (host.leaking || blind) return 'whole';
    if (host.byPoints) return this.#following();
    if (host.mirror === 'following') host.mirror = 'off';
    // As good as none, as in agent/pairs/site.ts.
    if (host.distrusts && (host.mirror === 'active' || host.guest === 'none')) return 'off';
    if (host.guest === 'none') return host.endedWhole ? 'whole' : 'off';
    if (host.leaves && host.wanted === 'moving' && host.endedWhole) return 'whole';
    if (host.mirror === 'off') return 'off';
    if (host.mirror === 'copying') return 'copying';
    const { now } = host.world.kernel;
    if (host.world.replicates(host)) host.unreachableSince = null;
    else host.unreachableSince ??= now;
    const silent = host.unreachableSince !== null && now - host.unreachableSince >= NOTICE_MS;
    if (!silent) return this.#whole();
    // Nothing is held where nothing is copied: the other host only has not proved anything for a while.
    if (!host.world.attended) return 'held';
    host.mirror = 'off';
    host.unreachableSince = null;
    return 'off';
  }

  /** Never counted on: it lacks what was written since the last point. */
  #following(): MirrorState {
    const host = this.#host;
    if (host.mirror !== 'following') host.mirror = 'off';
    return host.mirror === 'off' || host.guest === 'none' ? 'off' : 'copying';
  }

  /** To a former standby: it says nothing of the copy that is counted on (agent/pairs/context.ts, `membersAligned`). */
  #endForeignMirror(): void {
    const host = this.#host;
    const record = host.node?.record;
    if (host.mirror === 'off' || !record || record.owner !== host.id) return;
    if (host.mirrorTo !== otherMember(record, host.id)) host.mirror = 'off';
  }

  /** The agent has seen it whole: another copy would be news. */
  #whole(): MirrorState {
    this.#host.told.delete('copy-starts');
    return 'whole';
  }

  exportOpen(): boolean {
    return this.#host.exportOpen;
  }

  unclean(): boolean {
    return this.#host.unclean;
  }

  canHost(): boolean {
    return this.#host.capacity && !this.#host.quarantined;
  }

  guardFit(): boolean {
    return true;
  }

  guardOn(epoch: number): boolean {
    const { permission } = this.#host;
    return this.#host.guard.alive && permission?.kind === 'deadline' && permission.epoch.n === epoch;
  }

  permit(permission: Permission): void {
    const before = this.#host.permission;
    const news = before?.kind !== permission.kind || before.epoch.n !== permission.epoch.n;
    if (news) this.#host.world.acted(this.#host, `permit ${permission.kind}`);
    this.#host.permit(permission);
  }

  /** QEMU with the guest paused. libvirt's hook refuses it without a permission (docs/safety.md). */
  startGuest(done: (started: boolean) => void): void {
    const host = this.#host;
    const { life, boots } = host;
    host.world.acted(host, 'start');
    // Over at once: one that comes late has to fail (docs/external.md).
    host.world.promote(host);
    if (host.receiving) {
      host.world.kernel.after(host.world.random.between(2, 30), () => {
        if (host.power !== 'on' || host.boots !== boots) return;
        // One that the guard has stopped takes nothing in.
        const arrived = host.receiving && host.arrived && host.guest === 'incoming';
        if (!arrived) host.dropIncoming();
        host.receiving = false;
        if (arrived) host.setGuest('paused');
        this.#answer(life, () => done(arrived));
      });
      return;
    }
    const ms = host.world.random.chance(0.5)
      ? host.world.random.between(2, 30)
      : host.world.random.between(200, 900);
    host.world.kernel.after(ms, () => {
      if (host.power !== 'on' || host.boots !== boots) return;
      const allowed = host.permission !== null && host.permission.kind !== 'ended';
      const able = host.startsFail <= 0 && !host.diskFault && !host.hypervisorDown;
      const free = !host.world.keepsDisks(host);
      const started = allowed && able && free && host.guest === 'none';
      if (host.startsFail > 0) host.startsFail -= 1;
      if (started) host.setGuest('paused');
      this.#answer(life, () => done(started));
    });
  }

  continueGuest(): void {
    this.#host.world.acted(this.#host, 'continue');
    const { guest, hypervisorDown } = this.#host;
    if ((guest === 'paused' || guest === 'leaving') && !hypervisorDown) this.#host.setGuest('running');
  }

  dropIncoming(): void {
    this.#host.world.acted(this.#host, 'drop incoming');
    this.#host.dropIncoming();
  }

  closeExport(done: () => void): void {
    const host = this.#host;
    const { life, boots } = host;
    host.world.acted(host, 'close export');
    host.world.kernel.after(host.world.random.between(1, 30), () => {
      if (host.boots === boots) host.closeInOrder();
      this.#answer(life, done);
    });
  }

  openExport(): void {
    if (this.#host.world.attended) return;
    if (this.#host.quarantined || this.#host.exportOpen) return;
    this.#host.world.acted(this.#host, 'open export');
    this.#host.exportOpen = true;
  }

  releaseMirror(): void {
    if (this.#host.mirror !== 'off') this.#host.world.acted(this.#host, 'release mirror');
    this.#host.endedWhole = false;
    this.#host.mirror = 'off';
    this.#host.leaking = false;
    this.#host.unreachableSince = null;
  }

  startMirror(): void {
    // Told once, however often it is tried until it is whole.
    if (!this.#host.told.has('copy-starts')) this.#host.world.acted(this.#host, 'start mirror');
    keepCopy(this.#host.world, this.#host);
  }

  quarantine(): void {
    // There is one set of disks: nothing here could differ from what the other has.
    if (this.#host.world.keeper === 'shared') return;
    if (!this.#host.quarantined) this.#host.world.acted(this.#host, 'quarantine');
    this.#host.quarantined = true;
    this.#host.closeInOrder();
  }

  wall(): number {
    return this.#host.world.wall();
  }

  #answer(life: number, run: () => void): void {
    if (life === this.#life) this.#host.afterLocal(life, 0, run);
  }
}
