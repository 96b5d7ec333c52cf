import type { Member } from './member.ts';
import type { Permits } from './permits.ts';
import type { LeaseRecord } from './record.ts';
import { handOver } from './transitions.ts';

/** `done`, `unreachable`, or `refused: ` and a stable reason. */
export type OrderDone = (result: string) => void;

/** The owner's side of a switchover: stopped or paused first, mirror drained, then one swap (M). */
export class Giving {
  readonly #member: Member;
  readonly #permits: Permits;
  asked = false;
  #done: OrderDone = () => undefined;

  constructor(member: Member, permits: Permits) {
    this.#member = member;
    this.#permits = permits;
  }

  ask(done: OrderDone): void {
    this.#done('refused: asked-again');
    this.asked = true;
    this.#done = done;
  }

  cancel(): void {
    if (this.asked) this.#end('refused: superseded');
  }

  /** An unknown outcome counts as given away until read back. */
  give(record: LeaseRecord): void {
    const { site, rules, self } = this.#member.parts;
    const guest = site.guest();
    // Of a guest that is gone the copy is complete only if nothing could have been released unrecorded: while armed.
    const drained = site.mirror() === 'whole' || (record.armed && guest === 'none');
    if (record.replica.state !== 'in-sync' || !drained) {
      this.#end('refused: not-in-sync');
      this.#permits.giving = false;
      return;
    }
    this.#permits.giving = true;
    this.#permits.stop(record, 'the machine is stopped, to be handed over');
    // One that is leaving stands still already: the guard's stop comes on top, and need not be waited for.
    if (guest === 'running' || guest === 'paused' || guest === 'faulted') return;
    const done = this.#end(null);
    const swap = handOver(record.epoch.n, self, site.wall(), rules);
    const text = (after: LeaseRecord): string => `handed over to ${after.owner}: epoch ${after.epoch.n}`;
    this.#member.swap(swap, { event: 'hand-over', text, failed: done }, () => done('done'));
  }

  /** Not the owner any more, or the order is answered by `result`. */
  #end(result: string | null): OrderDone {
    const done = this.#done;
    this.asked = false;
    this.#done = () => undefined;
    if (result !== null) done(result);
    return done;
  }
}
