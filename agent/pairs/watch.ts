import type { HypervisorEvent } from '../hypervisor/hypervisor.ts';
import type { LeaseRecord } from '../lease/record.ts';
import type { VmInfo } from '../protocol/index.ts';
import { leftByOthers, noteMovedAway } from './changes/moved-away.ts';
import type { PairContext } from './context.ts';
import { coordinatedModeOf } from './coordinated/mode.ts';
import { handedOver } from './handed-over.ts';
import type { HostSite } from './site.ts';
import { isLive, type StoredPair } from './store.ts';

/** What happens on this host to protected guests, written down for the lease's decisions and for people. */
export class Watch {
  readonly #context: PairContext;
  readonly #siteOf: (pairId: string) => HostSite | null;
  /** Pairs whose guest somebody undefined here. */
  readonly #undefined = new Set<string>();

  constructor(context: PairContext, siteOf: (pairId: string) => HostSite | null) {
    this.#context = context;
    this.#siteOf = siteOf;
  }

  /** Brings what a restarted agent finds in line with what it had written down. */
  async reconcile(pair: StoredPair): Promise<void> {
    const vm = this.#context.vm(pair.spec.workload.uuid);
    if (vm) await this.#seen(pair, vm);
    await this.recordChanged(pair.spec.pairId, pair.record);
  }

  async hypervisorEvent(event: HypervisorEvent): Promise<void> {
    if (event.kind !== 'vm' && event.kind !== 'stopped') return;
    const pair = this.#context.store.ofVm(event.uuid);
    if (!pair) return;
    if (event.kind === 'stopped') await this.#stopped(pair, event.reason);
    else {
      this.#noteDefinition(pair);
      if (event.vm) await this.#seen(pair, event.vm);
    }
  }

  /** A newer record: who lost a machine that ran there keeps that copy aside until a person decides. */
  async recordChanged(pairId: string, after: LeaseRecord): Promise<void> {
    const pair = this.#context.store.get(pairId);
    if (!pair) return;
    await this.#noteHistory(pair, after);
    if (after.owner === this.#context.self) {
      if (after.begun) await this.#owns(pair, after);
      await this.#context.alignMembers(pairId);
    } else if (this.#losesIt(pair, after)) await this.#setAside(pair, after);
    else {
      if (pair.notes.ranAt !== null && !pair.notes.quarantine) await this.#gaveAway(pair, after);
      const counted = after.members.includes(this.#context.self);
      if (counted && after.replica.state === 'in-sync') await this.#wholeCopy(pair);
    }
  }

  async #noteHistory({ spec: { pairId } }: StoredPair, after: LeaseRecord): Promise<void> {
    const chosen = this.#context.nodes.chosen(pairId);
    if (chosen?.record !== after || !after.members.includes(this.#context.self)) return;
    await this.#context.setNotes(pairId, (notes) => ({ ...notes, history: chosen.ballot.force }));
  }

  /** From here on what its disks hold came of this host's own epoch. */
  async #owns({ spec, notes: { ranAt } }: StoredPair, { epoch }: LeaseRecord): Promise<void> {
    if (ranAt?.n === epoch.n && ranAt.by === epoch.by) return;
    await this.#context.setNotes(spec.pairId, (notes) => ({
      ...notes,
      ranAt: epoch,
      quarantine: null,
      // What the guest writes from here on no standby of before can know.
      generation: null,
      point: null,
      prints: null,
      touched: null,
      changed: null,
    }));
  }

  /** It ran here by right, and now belongs to the other without having been given. */
  #losesIt(pair: StoredPair, after: LeaseRecord): boolean {
    const { quarantine, ranAt } = pair.notes;
    // There is but one set of disks: nothing here could differ from what the other has.
    if (quarantine || after.replica.mode === 'shared') return false;
    if (ranAt === null) return this.#isForgottenCopy(pair);
    const given = after.epoch.n === ranAt.n + 1 && after.change === 'hand-over';
    return !given;
  }

  /**
   * A host that has lost its own record (damaged, deleted) but still has the machine was an owner once: its copy is as
   * much a person's to decide about as that of an owner that knows it was superseded. A fresh standby has no machine.
   */
  #isForgottenCopy({ notes, spec }: StoredPair): boolean {
    return notes.image === 'none' && this.#context.vmState(spec.workload.uuid) !== null;
  }

  /** Given to the other host: the images here stay as they are, and both hosts' read alike until it goes on there. */
  async #gaveAway(pair: StoredPair, after: LeaseRecord): Promise<void> {
    const { ranAt } = pair.notes;
    const generation = (await this.#leftWhole(pair)) ? handedOver(after) : null;
    await this.#context.setNotes(pair.spec.pairId, (notes) =>
      // Meanwhile it may have been taken back.
      notes.ranAt?.n === ranAt?.n && notes.ranAt?.by === ranAt?.by
        ? { ...notes, ranAt: null, generation, changed: null, prints: null }
        : notes,
    );
  }

  /**
   * Its mirror ended in order while the guest stood still or had shut down: nothing was on its way to one side only. A host
   * that has booted since may have lost what its cache held.
   */
  async #leftWhole(pair: StoredPair): Promise<boolean> {
    const { spec, notes } = pair;
    if (coordinatedModeOf(pair)) return false;
    const { source, target, bootId } = this.#context.deps;
    if (!source.ready || !source.endedInSync(spec.pairId) || notes.bootId !== bootId) return false;
    const settled = await target.settle(this.#context.disks(spec, this.#context.self));
    return settled.ok;
  }

  async #setAside(pair: StoredPair, after: LeaseRecord): Promise<void> {
    const context = this.#context;
    const ownEpoch = pair.notes.ranAt ?? { n: 0, by: '' };
    await context.setNotes(pair.spec.pairId, (notes) => ({
      ...notes,
      moving: false,
      quarantine: notes.quarantine ?? { since: context.now(), ownEpoch, supersededBy: after.epoch },
    }));
    context.audit(
      'superseded',
      pair,
      `${pair.spec.workload.name} now belongs to ${context.nameOf(after.owner)}; the copy on ${context.deps.selfName()} is set aside and starts nothing.`,
      { ownEpoch: String(ownEpoch.n), newEpoch: String(after.epoch.n), change: after.change },
    );
  }

  /** Once the copy is whole, those set aside for safety's sake are dropped; those of a quarantine stay. */
  async #wholeCopy(pair: StoredPair): Promise<void> {
    const { pairId } = pair.spec;
    if (pair.notes.quarantine) return;
    const spare = pair.notes.aside.filter((aside) => !aside.keep);
    if (pair.notes.image === 'complete' && spare.length === 0) return;
    const sealed = pair.notes.point?.kind === 'seal';
    await this.#context.setNotes(pairId, (notes) => ({
      ...notes,
      image: 'complete',
      point: null,
      touched: null,
      unmade: [],
      prints: null,
    }));
    const disks = this.#context.disks(pair.spec, this.#context.self);
    if (sealed) await this.#context.deps.target.points.undo(pairId, 'seal', disks);
    await this.#context.deps.target.discard(spare.map((aside) => aside.path));
    await this.#context.setNotes(pairId, (notes) => ({
      ...notes,
      aside: notes.aside.filter((aside) => aside.keep),
    }));
  }

  /** Told once each time somebody takes the definition away. */
  #noteDefinition(pair: StoredPair): void {
    const { pairId, workload } = pair.spec;
    if (!this.#context.isOwner(pair) || !this.#context.isUndefined(workload.uuid)) {
      this.#undefined.delete(pairId);
    } else if (!this.#undefined.has(pairId)) {
      this.#undefined.add(pairId);
      this.#context.audit(
        'vm-undefined',
        pair,
        `${workload.name} was undefined on ${this.#context.deps.selfName()} by somebody else; it is gone there once it stops.`,
      );
    }
  }

  async #seen(pair: StoredPair, vm: VmInfo): Promise<void> {
    const context = this.#context;
    const { pairId } = pair.spec;
    if (!context.isOwner(pair)) return;
    if (isLive(vm.state)) {
      if (vm.state === 'running') this.#siteOf(pairId)?.stoppedBy(null);
      if (!pair.notes.wantRunning || pair.notes.bootId !== context.deps.bootId)
        await context.setNotes(pairId, (notes) => ({
          ...notes,
          wantRunning: true,
          bootId: context.deps.bootId,
        }));
    }
  }

  async #stopped(pair: StoredPair, reason: string): Promise<void> {
    const context = this.#context;
    const { pairId, workload } = pair.spec;
    // An undefined machine is forgotten with its end, often before that can be read: nobody says how it ended, and it has
    // no definition to start from. It stays down like one that somebody stopped.
    const untold = reason === 'failed' && context.isUndefined(workload.uuid);
    const meant = reason === 'shutdown' || reason === 'destroyed' || untold;
    const site = this.#siteOf(pairId);
    const away = reason === 'migrated' && context.isOwner(pair) && leftByOthers(pair);
    // At once, before anybody looks: a guest that somebody stopped must not be started again meanwhile.
    if (meant || away) site?.stoppedBy('with-host');
    context.audit('vm-stopped', pair, `${workload.name} stopped on ${context.deps.selfName()} (${reason}).`, {
      reason,
    });
    if (!context.isOwner(pair)) return;
    // A guest that stops because its host shuts down is wanted again when the host is back.
    const withHost = meant && (await context.deps.hostStopping?.()) === true;
    // Ended first: the mirror's own last word may come after the hypervisor's.
    await context.deps.source.end(pairId);
    if (away) {
      await noteMovedAway(context, pairId);
      return site?.stoppedBy('meant');
    }
    if (!meant || withHost) return;
    const moving = context.store.kept(pairId)?.notes.moving === true;
    site?.stoppedBy(moving ? null : 'meant');
    if (!moving) await context.setNotes(pairId, (notes) => ({ ...notes, wantRunning: false }));
  }
}
