import type { ReplicationMode } from '../../agent/protocol/index.ts';
import type { Keeper } from '../lab/coordinated/attended.ts';
import type { FleetPlan } from '../lab/protected-fleet.ts';
import { FIRST_WAY } from './kinds-mode.ts';

/** Which machines take part, and how their copies are kept. Pure. */

const NAMES = ['erp', 'shop', 'mail', 'wiki'] as const;
export const MOST_MACHINES = NAMES.length;

export type Cast = Pick<FleetPlan, 'machines'> & Required<Pick<FleetPlan, 'loose' | 'attended' | 'guests'>>;

/**
 * The first is mirrored and armed; how the second's copy is kept changes all the time, and a person decides about it; the copies
 * of the others are somebody else's. Who keeps a copy is chosen when a machine is protected, so the seed chooses: with an odd one
 * the third machine's disks are shared, with an even one an external replication keeps them, and the fourth's the other way round.
 */
export function cast(count: number, seed: number): Cast {
  const [, second, ...others] = NAMES.slice(0, count);
  const keepers: Keeper[] = seed % 2 === 0 ? ['external', 'shared'] : ['shared', 'external'];
  return {
    machines: NAMES.slice(0, count),
    loose: second ? { [second]: FIRST_WAY } : {},
    attended: Object.fromEntries(others.map((machine, n) => [machine, keepers[n] ?? 'shared'])),
    // The lab has one on each of its two hosts anyway.
    guests: Math.max(2, count),
  };
}

/** How a copy is kept, in a few words, for the figures. */
export function wayName(mode: ReplicationMode): string {
  if (mode.kind === 'external') return mode.synchronous ? 'external, synchronous' : 'external';
  if (mode.kind !== 'sync') return mode.kind;
  const told = [mode.memory ? ', in memory' : '', mode.goOnMs === undefined ? '' : ', rather go on'];
  return `sync${told.join('')}`;
}
