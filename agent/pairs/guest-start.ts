import { fail, type Problem, ProblemError, type Result } from '../protocol/index.ts';
import { refuseTouched } from './changes/images.ts';
import { must, type PairContext } from './context.ts';
import { promoteHere } from './coordinated/external.ts';
import { coordinatedModeOf } from './coordinated/mode.ts';
import { inUse, pathsOn } from './coordinated/shared.ts';
import { handedOver } from './handed-over.ts';
import type { KeptPair } from './store.ts';

/** What of the host's site a start takes part in (site.ts). */
interface Arriving {
  /** The guest's memory comes in, or is about to. */
  receiving: boolean;
  /** Ends the taking in. */
  drop: () => void;
}

/** How an owner's guest comes to stand on this host, its first or next instruction still to come. */
export class GuestStart {
  readonly #context: PairContext;
  readonly #pairId: string;
  readonly #site: Arriving;
  /** The last start, and QEMU's noting what the guest writes from its next instruction on. */
  #ready: Promise<void> = Promise.resolve();

  constructor(context: PairContext, pairId: string, site: Arriving) {
    this.#context = context;
    this.#pairId = pairId;
    this.#site = site;
  }

  /** Resolves once nothing keeps the guest from going on; never rejects. */
  get ready(): Promise<void> {
    return this.#ready;
  }

  /** Rejects with a ProblemError. */
  run(): Promise<void> {
    const generation = this.#takenOver();
    const started = this.#start();
    this.#ready = started.then(
      () => this.#beginDistance(generation),
      () => undefined,
    );
    return started;
  }

  async #start(): Promise<void> {
    const { deps } = this.#context;
    if (!this.#site.receiving) await refuseTouched(this.#context, this.#pairId);
    const noted = this.#context.setNotes(this.#pairId, (notes) => ({
      ...notes,
      wantRunning: true,
      moving: false,
      bootId: deps.bootId,
      quarantine: null,
      image: 'complete',
    }));
    // What it writes from here on is its own: nobody takes it for the empty layer over a point.
    await deps.target.restore.keepSurfaced(this.#pairId);
    if (this.#site.receiving && deps.hypervisor.migration) {
      const arrived = await deps.hypervisor.migration.arrive(this.#uuid);
      await noted;
      if (!arrived.ok) this.#site.drop();
      this.#site.receiving = false;
      return must(arrived);
    }
    await noted;
    // From here on it is the machine's own disk. Whoever decided that has looked at the marker, or a person has.
    await deps.target.forgetUnclean(this.#pairId);
    await this.#refuseWhileOtherHasIt();
    await this.#boot();
  }

  async #boot(): Promise<void> {
    const { deps, self } = this.#context;
    const { hypervisor, guard, source } = deps;
    const uuid = this.#uuid;
    // What is left of a mirror of the process before must be gone before this one has disks.
    await source.end(this.#pairId);
    if (this.#context.isUndefined(uuid)) {
      must(await hypervisor.define(this.#kept.spec.definitions[self] ?? ''));
      await hypervisor.setAutostart(uuid, false);
    }
    await this.#makeWritable();
    guard.allowStart(uuid);
    const started = await hypervisor.prepareRun(uuid);
    guard.endStart(uuid);
    must(started);
  }

  /**
   * A copy that somebody else keeps: an external one is promoted, also where this host had it last, since nobody says so; of
   * shared disks it is only looked whether another process has them still, so that this can be said in words.
   */
  async #makeWritable(): Promise<void> {
    const pair = this.#context.store.get(this.#pairId);
    const mode = pair && coordinatedModeOf(pair);
    if (!pair || !mode) return;
    if (mode.kind === 'external') return must(await promoteHere(this.#context, pair));
    const problem = await inUse(this.#context, pathsOn(pair.spec.disks, this.#context.self));
    if (problem) throw new ProblemError(problem);
  }

  /**
   * Taken over by hand-over, both copies are the same until the guest goes on: the name of what they hold. Null in an epoch
   * that has begun: a start then comes after writes that nobody noted.
   */
  #takenOver(): string | null {
    const record = this.#context.nodes.record(this.#pairId);
    const pair = this.#context.store.get(this.#pairId);
    if (pair && coordinatedModeOf(pair)) return null;
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
    const asked = await this.#context.deps.peers
      .to(record.former)
      .call('move.return', { pairId: this.#pairId });
    if (!asked.ok || !asked.value.returns) return;
    const { name } = this.#kept.spec.workload;
    throw new ProblemError({
      kind: 'memory-gone',
      message: `The memory of ${name} did not arrive on ${this.#context.deps.selfName()}.`,
      next: `It goes on where it was, on ${this.#context.nameOf(record.former)}.`,
    });
  }

  get #kept(): KeptPair {
    const kept = this.#context.store.kept(this.#pairId);
    if (kept === null) throw new Error(`no pair ${this.#pairId}`);
    return kept;
  }

  get #uuid(): string {
    return this.#kept.spec.workload.uuid;
  }
}

const unexpected = (error: unknown): Problem => ({
  kind: 'distance-unknown',
  message: `QEMU could not be asked to note what the machine writes (${String(error)}).`,
  next: 'Both sides are compared instead, by itself.',
});
