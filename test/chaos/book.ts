import { modeOf } from '../../agent/protocol/index.ts';
import type { PairSight } from '../lab/protected-fleet.ts';
import { wayName } from './cast.ts';

/** What was seen of one machine, look by look. */
interface Seen {
  armed: number;
  all: number;
  /** The ways its copy was kept, in which it was seen to be in place. */
  modes: Set<string>;
}

/** Book of what the agents show of the machines. Pure. */
export class Book {
  readonly #seen = new Map<string, Seen>();

  /** `ready`: its copy is as it is to be. */
  saw(
    machine: string,
    { record, owner, members }: Pick<PairSight, 'record' | 'owner' | 'members'>,
    ready: boolean,
  ): void {
    const seen = this.#seen.get(machine) ?? { armed: 0, all: 0, modes: new Set<string>() };
    this.#seen.set(machine, seen);
    seen.all += 1;
    if (record?.armed) seen.armed += 1;
    const spec = owner ? members[owner]?.spec : undefined;
    if (ready && record && spec) seen.modes.add(wayName(modeOf({ record, spec })));
  }

  /** Share of the looks in which they were armed. */
  armedShare(machines: readonly string[]): number {
    const of = (what: 'armed' | 'all'): number =>
      machines.reduce((sum, machine) => sum + (this.#seen.get(machine)?.[what] ?? 0), 0);
    return of('armed') / Math.max(1, of('all'));
  }

  modes(machine: string): string[] {
    return [...(this.#seen.get(machine)?.modes ?? [])].sort();
  }
}
