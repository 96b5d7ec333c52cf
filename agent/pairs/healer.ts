import { randomUUID } from 'node:crypto';
import type { PairContext } from './context.ts';
import type { StartGate } from './start-gate.ts';
import type { StoredPair } from './store.ts';

const LOOK_EVERY_MS = 3_000;
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 300_000;

/**
 * Looks every few seconds for pairs whose copy has fallen behind and whose standby answers again, and orders a new
 * copy. A quarantined copy is never touched: the standby refuses, and it needs a person's order.
 */
export class Healer {
  readonly #context: PairContext;
  readonly #healing = new Set<string>();
  readonly #pauses = new Map<string, { until: number; ms: number }>();
  #timer: { cancel(): void } | null = null;
  #stopped = false;

  constructor(context: PairContext) {
    this.#context = context;
  }

  start(gate: StartGate): void {
    this.#timer = this.#context.deps.clock.setTimeout(() => {
      this.#look(gate)
        .catch((error) => this.#context.deps.log('warn', `healer: ${String(error)}`))
        .finally(() => {
          if (!this.#stopped) this.start(gate);
        });
    }, LOOK_EVERY_MS);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #look(gate: StartGate): Promise<void> {
    for (const pair of this.#context.store.all()) {
      await gate.consider(pair.spec.pairId);
      if (this.#needsCopy(pair)) this.#begin(pair);
    }
  }

  /** Not awaited: one long copy must not keep other pairs waiting. */
  #begin(pair: StoredPair): void {
    const { pairId } = pair.spec;
    this.#healing.add(pairId);
    this.#heal(pair)
      .catch((error) => this.#context.deps.log('warn', `healing ${pairId}: ${String(error)}`))
      .finally(() => this.#healing.delete(pairId));
  }

  #needsCopy({ spec, record, notes }: StoredPair): boolean {
    const context = this.#context;
    const { pairId } = spec;
    if (notes.ended || record.owner !== context.deps.selfHostId() || !record.begun) return false;
    if (record.replica.state === 'in-sync' || context.tasks.running(pairId) || this.#healing.has(pairId))
      return false;
    if (context.vmState(spec.workload.uuid) !== 'running') return false;
    if (!context.deps.peers.sight(context.other(spec))?.reachable) return false;
    return (this.#pauses.get(pairId)?.until ?? 0) <= context.deps.clock.bootMs();
  }

  async #heal(pair: StoredPair): Promise<void> {
    const context = this.#context;
    const { pairId, workload } = pair.spec;
    const standbyName = context.nameOf(context.other(pair.spec));
    const other = await context.deps.peers.to(context.other(pair.spec)).call('record.read', { pairId });
    if (!other.ok || other.value.quarantined) return;
    const ordered = await context.tasks.order('resync', {
      id: randomUUID(),
      pairId,
      subject: workload.name,
      data: { pairId, standbyName, subject: workload.name, overQuarantine: false, remote: null },
    });
    if (!ordered.ok) return;
    context.audit('heal', pair, `${standbyName} answers: ${workload.name} is copied to it anew.`);
    const task = await context.tasks.settled(ordered.value.id);
    if (task?.state === 'done') this.#pauses.delete(pairId);
    else {
      const ms = Math.min((this.#pauses.get(pairId)?.ms ?? FIRST_PAUSE_MS) * 2, LONGEST_PAUSE_MS);
      this.#pauses.set(pairId, { until: context.deps.clock.bootMs() + ms, ms });
    }
  }
}
