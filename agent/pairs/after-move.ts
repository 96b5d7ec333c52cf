import { randomUUID } from 'node:crypto';
import { ProblemError, SYNC } from '../protocol/index.ts';
import type { PairContext } from './context.ts';
import { OWN_ORDER } from './healer.ts';
import { copyData } from './ordering.ts';
import { describe } from './orders/mirror-to-move.ts';

/** How soon it is tried again when it came to nothing, ms. */
const PAUSE_MS = 5_000;

/**
 * Goes back to points where a copy was mirrored for a move only, on whichever host owns the machine afterwards: looked at every second,
 * by what the description says, so it needs no memory of its own.
 */
export class AfterMove {
  readonly #context: () => PairContext;
  readonly #busy = new Set<string>();
  readonly #pauses = new Map<string, number>();

  constructor(context: () => PairContext) {
    this.#context = context;
  }

  look(): void {
    const { deps, store } = this.#context();
    for (const { spec } of store.all()) {
      const { pairId } = spec;
      if (!this.#due(pairId)) continue;
      this.#busy.add(pairId);
      this.#goBack(pairId)
        .catch((error) => {
          deps.log(
            error instanceof ProblemError ? 'info' : 'warn',
            `back to points, ${pairId}: ${String(error)}`,
          );
        })
        .finally(() => {
          this.#busy.delete(pairId);
          this.#pauses.set(pairId, deps.clock.bootMs() + PAUSE_MS);
        });
    }
  }

  #due(pairId: string): boolean {
    const context = this.#context();
    const { deps, store, tasks } = context;
    const pair = store.get(pairId);
    if (!pair?.spec.mirroredToMove || pair.notes.ended || !context.isOwner(pair) || !pair.record.begun)
      return false;
    if (this.#busy.has(pairId) || tasks.running(pairId)) return false;
    if ((this.#pauses.get(pairId) ?? 0) > deps.clock.bootMs()) return false;
    if (context.vmState(pair.spec.workload.uuid) !== 'running') return false;
    return deps.peers.sight(context.other(pair.spec))?.reachable === true;
  }

  async #goBack(pairId: string): Promise<void> {
    const context = this.#context();
    const pair = context.pair(pairId);
    const { replication = SYNC, workload } = pair.spec;
    // Somebody wants more of the copy meanwhile than points can give.
    if (pair.record.policy !== 'manual') {
      await describe(context, pairId, { replication: SYNC, mirroredToMove: false });
      context.audit(
        'stays-mirrored',
        pair,
        `The copy of ${workload.name} stays mirrored: its failover is no longer manual.`,
      );
      return;
    }
    await context.alignMembers(pairId);
    const data = { ...copyData(context, pair, false), replication };
    const order = { id: `${OWN_ORDER}${randomUUID()}`, pairId, subject: workload.name, data };
    const given = await context.tasks.order('mode', order);
    if (given.ok) await context.tasks.settled(given.value.id);
  }
}
