import type { HypervisorEvent } from '../hypervisor/hypervisor.ts';
import type { MirrorStatus, VmInfo } from '../protocol/index.ts';
import type { PairContext } from './context.ts';
import { withReplica } from './record.ts';
import { isLive, type StoredPair } from './store.ts';

/** How long a held guest waits for the other member to note *stale* before it goes on alone. */
const STALE_TOLD_MS = 500;

/** What a member does when its guests and mirrors change by themselves. Every method may be repeated. */
export class Primary {
  readonly #context: PairContext;
  /** Pairs whose superseded guest was frozen here already; its process says nothing of it to the hypervisor. */
  readonly #frozen = new Set<string>();
  /** Pairs whose guest somebody undefined here. */
  readonly #undefined = new Set<string>();

  constructor(context: PairContext) {
    this.#context = context;
  }

  /** Brings what a restarted agent finds in line with what it had written down. */
  async reconcile(pair: StoredPair): Promise<void> {
    const { pairId, workload } = pair.spec;
    const vm = this.#context.deps.hypervisor.list().find((candidate) => candidate.uuid === workload.uuid);
    if (vm) await this.#seen(pair, vm);
    const status = this.#context.deps.source.status(pairId);
    if (status) await this.mirrorChanged(pairId, status);
  }

  async mirrorChanged(pairId: string, status: MirrorStatus): Promise<void> {
    const pair = this.#context.store.get(pairId);
    if (!pair || !this.#context.isOwner(pair)) return;
    if (status.state === 'held') await this.#letGo(pair, status);
    else if (status.state === 'broken')
      await this.#recordStale(pair, status.problem?.message ?? 'the mirror ended');
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

  /** Another member owns the machine now: whatever runs here of it neither serves nor writes any more. */
  async superseded(pairId: string): Promise<void> {
    const pair = this.#context.store.get(pairId);
    if (!pair || this.#context.isOwner(pair)) return;
    if (!isLive(this.#context.vmState(pair.spec.workload.uuid)) || this.#frozen.has(pairId)) return;
    this.#frozen.add(pairId);
    const frozen = await this.#context.deps.hypervisor.freeze(pair.spec.workload.uuid);
    this.#context.audit(
      'frozen',
      pair,
      frozen.ok
        ? `${pair.spec.workload.name} ran on ${this.#context.deps.selfName()} without permission and was frozen; ${this.#context.nameOf(pair.record.owner)} owns it.`
        : `${pair.spec.workload.name} runs on ${this.#context.deps.selfName()} without permission and could not be frozen: ${frozen.problem.message}`,
      { owner: pair.record.owner, epoch: String(pair.record.epoch.n) },
    );
    if (!frozen.ok) this.#frozen.delete(pairId);
  }

  async #seen(pair: StoredPair, vm: VmInfo): Promise<void> {
    const context = this.#context;
    const { pairId } = pair.spec;
    if (!context.isOwner(pair)) {
      if (isLive(vm.state)) await this.superseded(pairId);
      return;
    }
    if (isLive(vm.state)) {
      if (!pair.notes.wantRunning || pair.notes.bootId !== context.deps.bootId) {
        await context.setNotes(pairId, (notes) => ({
          ...notes,
          wantRunning: true,
          bootId: context.deps.bootId,
        }));
      }
      // While protection ends the mirror is taken away on purpose.
      const ending = context.tasks.running(pairId)?.kind === 'unprotect';
      if (!ending && !context.deps.source.status(pairId))
        await this.#recordStale(pair, 'the machine was started without its mirror');
    }
    if (vm.name !== pair.spec.workload.name) await this.#renamed(pair, vm.name);
  }

  async #renamed(pair: StoredPair, name: string): Promise<void> {
    const context = this.#context;
    context.audit('vm-renamed', pair, `${pair.spec.workload.name} is now called ${name}.`);
    const definition = await context.deps.hypervisor.definition(pair.spec.workload.uuid);
    await context.store.change(pair.spec.pairId, (current) => {
      if (!current) return null;
      const workload = { ...current.spec.workload, name };
      const definitions = { ...current.spec.definitions };
      if (definition.ok) {
        for (const hostId of current.spec.members) {
          const paths = Object.fromEntries(
            current.spec.disks.map((disk) => [disk.target, disk.paths[hostId] ?? '']),
          );
          definitions[hostId] = context.deps.hypervisor.withDisks(definition.value.text, paths);
        }
      }
      return {
        ...current,
        spec: { ...current.spec, workload, definitions },
        record: { ...current.record, version: current.record.version + 1 },
      };
    });
    await context.exchange(pair.spec.pairId);
  }

  async #stopped(pair: StoredPair, reason: string): Promise<void> {
    const context = this.#context;
    const { pairId } = pair.spec;
    this.#frozen.delete(pairId);
    if (!context.isOwner(pair)) return;
    // A guest that stops because its host shuts down is wanted again when the host is back.
    const meant = reason === 'shutdown' || reason === 'destroyed';
    if (meant && !(await context.deps.hostStopping?.())) {
      await context.setNotes(pairId, (notes) => ({ ...notes, wantRunning: false }));
    }
    context.audit(
      'vm-stopped',
      pair,
      `${pair.spec.workload.name} stopped on ${context.deps.selfName()} (${reason}).`,
    );
    // Ended first: the mirror's own last word may come after the hypervisor's.
    await context.deps.source.end(pairId);
    if (!context.deps.source.endedInSync(pairId))
      await this.#recordStale(pair, 'the machine ended while its copy was not complete');
  }

  /** The copy cannot be reached: say so durably first, only then let the guest's held writes go on (docs/safety.md). */
  async #letGo(pair: StoredPair, status: MirrorStatus): Promise<void> {
    const { source } = this.#context.deps;
    await this.#recordStale(
      pair,
      status.problem?.message ??
        `${this.#context.nameOf(this.#context.other(pair.spec))} does not take the writes`,
    );
    const released = await source.release(pair.spec.pairId);
    if (!released.ok)
      this.#context.deps.log('warn', `release ${pair.spec.pairId}: ${released.problem.message}`);
    await source.end(pair.spec.pairId);
  }

  async #recordStale(pair: StoredPair, why: string): Promise<void> {
    const context = this.#context;
    const { pairId } = pair.spec;
    if (context.store.get(pairId)?.record.replica.state !== 'in-sync') return;
    const after = await context.setRecord(pairId, (record) =>
      withReplica(record, 'stale', context.now(), context.now()),
    );
    context.audit(
      'stale',
      after,
      `The copy of ${pair.spec.workload.name} on ${context.nameOf(context.other(pair.spec))} is no longer current: ${why}.`,
    );
    const told = context.exchange(pairId);
    const limit = new Promise<void>((resolve) => context.deps.clock.setTimeout(resolve, STALE_TOLD_MS));
    await Promise.race([told, limit]);
  }
}
