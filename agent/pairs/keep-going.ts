import { compareEpoch, ProblemError } from '../protocol/index.ts';
import type { PairContext } from './context.ts';

/** How soon an owner that could not begin tries again, ms. */
const PAUSE_MS = 3_000;

/** What is begun for a pair whenever nothing is at work, by whoever owns its machine. */
export interface Kept {
  /** For the log: "following". */
  word: string;
  /** Nothing of it is at work. */
  idle(pairId: string): boolean;
  /** What has to be right before the other host is asked. */
  before?(pairId: string): Promise<void>;
  /** `over`: a person ordered it over a quarantined copy. Throws ProblemError. */
  begin(pairId: string, over: boolean): Promise<void>;
}

/**
 * Keeps something going: asked at every look of an owner that sees nothing at work, so it keeps its own pace. A quarantined
 * copy is never touched without a person's order, nor is one whose host knows of another epoch.
 */
export class KeepGoing {
  readonly #context: () => PairContext;
  readonly #kept: Kept;
  readonly #busy = new Set<string>();
  /** Until when it is not tried again, by pair; ms of the host's clock. */
  readonly #pauses = new Map<string, number>();

  constructor(context: () => PairContext, kept: Kept) {
    this.#context = context;
    this.#kept = kept;
  }

  request(pairId: string): void {
    const { deps } = this.#context();
    if (this.#busy.has(pairId) || (this.#pauses.get(pairId) ?? 0) > deps.clock.bootMs()) return;
    if (!this.#may(pairId)) return;
    this.#busy.add(pairId);
    this.#begin(pairId)
      .catch((error) => {
        this.#pause(pairId);
        const level = error instanceof ProblemError ? 'info' : 'warn';
        deps.log(level, `${this.#kept.word} ${pairId}: ${String(error)}`);
      })
      .finally(() => this.#busy.delete(pairId));
  }

  #pause(pairId: string): void {
    this.#pauses.set(pairId, this.#context().deps.clock.bootMs() + PAUSE_MS);
  }

  #may(pairId: string): boolean {
    const context = this.#context();
    const pair = context.store.get(pairId);
    if (!pair || pair.notes.ended || context.tasks.running(pairId) || !this.#kept.idle(pairId)) return false;
    if (context.vmState(pair.spec.workload.uuid) !== 'running') return false;
    return context.deps.peers.sight(context.other(pair.spec))?.reachable === true;
  }

  async #begin(pairId: string): Promise<void> {
    const context = this.#context();
    await this.#kept.before?.(pairId);
    const pair = context.pair(pairId);
    const held = await context.deps.peers.to(context.other(pair.spec)).call('record.read', { pairId });
    const older =
      held.ok && held.value.record && compareEpoch(held.value.record.epoch, pair.record.epoch) !== 0;
    const wants = pair.notes.wantsStandby;
    const over = wants != null && compareEpoch(wants, pair.record.epoch) === 0;
    if (!held.ok || older || (held.value.quarantined && !over)) return this.#pause(pairId);
    await this.#kept.begin(pairId, over);
  }
}
