import type { LeaseRecord } from '../../lease/record.ts';
import { countsAsWhole, isAttended } from '../../lease/transitions.ts';
import type { MirrorStatus } from '../../protocol/index.ts';
import type { PairContext } from '../context.ts';
import type { Attending } from './attending.ts';

/** How long the first look may take after the agent's start, ms: until then the copy is as it was recorded. */
const FIRST_LOOK_MS = 10_000;

/** What kind of copy the record says a pair has, and the looks at one that somebody else keeps. */
export class AttendedCopy {
  readonly #context: PairContext;
  readonly #pairId: string;
  readonly #attending: Attending;
  readonly #since: number;

  constructor(context: PairContext, pairId: string, attending: Attending) {
    this.#context = context;
    this.#pairId = pairId;
    this.#attending = attending;
    this.#since = context.deps.clock.bootMs();
  }

  /** Somebody else keeps it. */
  get is(): boolean {
    const record = this.#record;
    return record !== null && isAttended(record);
  }

  /** Of a kind that lacks what was written last. */
  get lags(): boolean {
    const record = this.#record;
    return record !== null && !countsAsWhole(record);
  }

  request(): void {
    this.#attending.request(this.#pairId);
  }

  /**
   * Looks do not outlive the agent, as a mirror does: what a new one finds recorded holds until it has looked itself, for a while.
   * Such a look is begun by being asked this.
   */
  isFirstLook(state: MirrorStatus['state'] | undefined): boolean {
    if (!this.is || (state !== undefined && state !== 'connecting')) return false;
    const recorded = this.#record?.replica.state === 'in-sync';
    if (!recorded || this.#context.deps.clock.bootMs() - this.#since >= FIRST_LOOK_MS) return false;
    this.request();
    return true;
  }

  get #record(): LeaseRecord | null {
    return this.#context.nodes.record(this.#pairId) ?? null;
  }
}
