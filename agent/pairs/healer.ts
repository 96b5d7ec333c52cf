import { randomUUID } from 'node:crypto';
import { compareEpoch } from '../protocol/index.ts';
import type { PairContext } from './context.ts';
import { Slowness } from './slowness.ts';

/** Begins the id of what the agent ordered itself: a person's order goes first. */
export const OWN_ORDER = 'own-';

const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 30_000;
/** How soon a pair is looked at again whose standby cannot take a copy now, ms. */
const LOOK_AGAIN_MS = 2_000;

/**
 * Orders a new copy when the owner asks for one: its copy has fallen behind, and the standby answers. Asked at every
 * look, so it keeps its own pace. A quarantined copy is never touched without a person's order; one that was given and came to
 * nothing in a fault is given again.
 */
export class Healer {
  readonly #context: () => PairContext;
  readonly slowness: Slowness;
  readonly #healing = new Set<string>();
  readonly #pauses = new Map<string, { until: number; ms: number; seenSince: number | null }>();

  constructor(context: () => PairContext) {
    this.#context = context;
    this.slowness = new Slowness(context);
  }

  request(pairId: string): void {
    const { deps } = this.#context();
    if (this.#healing.has(pairId) || this.#pausing(pairId)) return;
    if (!this.#mayCopy(pairId)) return;
    this.#healing.add(pairId);
    this.#heal(pairId)
      .catch((error) => deps.log('warn', `healing ${pairId}: ${String(error)}`))
      .finally(() => this.#healing.delete(pairId));
  }

  #mayCopy(pairId: string): boolean {
    const context = this.#context();
    const pair = context.store.get(pairId);
    if (!pair || pair.notes.ended || context.tasks.running(pairId)) return false;
    if (context.vmState(pair.spec.workload.uuid) !== 'running') return false;
    return context.deps.peers.sight(context.other(pair.spec))?.reachable === true;
  }

  async #heal(pairId: string): Promise<void> {
    const context = this.#context();
    if (!(await this.slowness.mayHeal(pairId))) return this.#pause(pairId, LOOK_AGAIN_MS);
    await context.alignMembers(pairId);
    const pair = context.pair(pairId);
    const { workload } = pair.spec;
    const standbyName = context.nameOf(context.other(pair.spec));
    const held = await context.deps.peers.to(context.other(pair.spec)).call('record.read', { pairId });
    // One that has not learnt yet that it was superseded is about to set its copy aside.
    const older =
      held.ok && held.value.record && compareEpoch(held.value.record.epoch, pair.record.epoch) !== 0;
    const wants = pair.notes.wantsStandby;
    const over = wants != null && compareEpoch(wants, pair.record.epoch) === 0;
    if (!held.ok || older || (held.value.quarantined && !over)) return this.#pause(pairId, LOOK_AGAIN_MS);
    const ordered = await context.tasks.order('resync', {
      id: `${OWN_ORDER}${randomUUID()}`,
      pairId,
      subject: workload.name,
      data: { pairId, standbyName, subject: workload.name, overQuarantine: over, remote: null },
    });
    if (!ordered.ok) return this.#pause(pairId, LOOK_AGAIN_MS);
    context.audit('heal', pair, `${standbyName} answers: ${workload.name} is brought up to date there.`);
    const task = await context.tasks.settled(ordered.value.id);
    if (task?.state === 'done') this.#pauses.delete(pairId);
    else
      this.#pause(pairId, Math.min((this.#pauses.get(pairId)?.ms ?? FIRST_PAUSE_MS) * 2, LONGEST_PAUSE_MS));
  }

  /** Over at once when the standby has come back since: what failed may have been its absence. */
  #pausing(pairId: string): boolean {
    const { clock } = this.#context().deps;
    const pause = this.#pauses.get(pairId);
    return pause !== undefined && pause.until > clock.bootMs() && pause.seenSince === this.#seenSince(pairId);
  }

  #seenSince(pairId: string): number | null {
    const context = this.#context();
    const spec = context.store.kept(pairId)?.spec;
    return spec ? (context.deps.peers.sight(context.other(spec))?.since ?? null) : null;
  }

  #pause(pairId: string, ms: number): void {
    const until = this.#context().deps.clock.bootMs() + ms;
    this.#pauses.set(pairId, { until, ms, seenSince: this.#seenSince(pairId) });
  }
}
