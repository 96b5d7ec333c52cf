import type { PairContext } from './context.ts';
import { beginHere } from './standby.ts';
import { isLive, type StoredPair } from './store.ts';

/**
 * Decides after a boot of the host whether a protected guest may be started: the other member is asked first.
 * Still the owner: it starts. Superseded: it starts nothing. Cannot ask: it waits and says so.
 */
export class StartGate {
  readonly #context: PairContext;
  readonly #waiting = new Map<string, { since: number; reason: string }>();
  readonly #deciding = new Set<string>();
  readonly #changed: (pairId: string) => void;

  constructor(context: PairContext, changed: (pairId: string) => void) {
    this.#context = context;
    this.#changed = changed;
  }

  waiting(pairId: string): { since: number; reason: string } | null {
    return this.#waiting.get(pairId) ?? null;
  }

  /** Looks at one pair; called at the start and again whenever something changed that could decide it. */
  async consider(pairId: string): Promise<void> {
    if (this.#deciding.has(pairId)) return;
    const pair = this.#context.store.get(pairId);
    if (!pair || !this.#wants(pair)) return this.#stopWaiting(pairId);
    this.#deciding.add(pairId);
    try {
      await this.#ask(pair);
    } finally {
      this.#deciding.delete(pairId);
    }
  }

  #wants(pair: StoredPair): boolean {
    const { notes, spec, record } = pair;
    if (notes.ended || !record.begun || !this.#context.isOwner(pair)) return false;
    // A first protection cut short by the boot is taken back, and that starts the guest if its host would have.
    if (this.#context.tasks.running(spec.pairId)?.kind === 'protect') return false;
    // In the same boot a stopped guest was stopped by somebody who meant it, or crashed: not ours to start here.
    if (notes.bootId === this.#context.deps.bootId) return false;
    if (isLive(this.#context.vmState(spec.workload.uuid))) return false;
    return notes.wantRunning || spec.autostartBefore;
  }

  async #ask(pair: StoredPair): Promise<void> {
    const context = this.#context;
    const { pairId, workload } = pair.spec;
    const otherName = context.nameOf(context.other(pair.spec));
    if (!context.deps.hypervisor.reachable) {
      return this.#wait(pairId, `${context.deps.selfName()}'s hypervisor does not answer yet`);
    }
    if (context.vmState(workload.uuid) === null) {
      // Somebody took it away on purpose: bringing it back at a boot, months later perhaps, is no answer to that.
      return this.#wait(pairId, `${workload.name} is no longer defined on ${context.deps.selfName()}`);
    }
    const asked = await context.exchange(pairId);
    if (!asked.ok) {
      return this.#wait(pairId, `${otherName} cannot be asked whether it runs ${workload.name}`);
    }
    this.#stopWaiting(pairId);
    if (!this.#wants(asked.value)) return;
    context.audit(
      'start-allowed',
      pair,
      `${otherName} confirms that ${workload.name} still belongs to ${context.deps.selfName()}; it starts.`,
      {
        epoch: String(asked.value.record.epoch.n),
      },
    );
    try {
      await beginHere(context, pairId, () => undefined);
    } catch (error) {
      context.audit(
        'start-failed',
        pair,
        `${workload.name} could not be started: ${error instanceof Error ? error.message : String(error)}`,
      );
      this.#wait(pairId, `${workload.name} could not be started; it is tried again`);
    }
  }

  #wait(pairId: string, reason: string): void {
    const known = this.#waiting.get(pairId);
    const pair = this.#context.store.get(pairId);
    if (known?.reason === reason || !pair) return;
    this.#waiting.set(pairId, { since: known?.since ?? this.#context.now(), reason });
    this.#context.audit('start-waits', pair, `${pair.spec.workload.name} is not started: ${reason}.`);
    this.#changed(pairId);
  }

  #stopWaiting(pairId: string): void {
    if (this.#waiting.delete(pairId)) this.#changed(pairId);
  }
}
