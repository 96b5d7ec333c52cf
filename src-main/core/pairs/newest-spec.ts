import type { PairSpec } from '../../../agent/protocol/index.ts';
import type { Joined } from './inputs.ts';

/** The pair's description in its newest revision that a member showed. */
export function newestSpec({ owner, standby }: Pick<Joined, 'owner' | 'standby'>): PairSpec | undefined {
  const [a, b] = [owner.word?.spec, standby.word?.spec];
  return a && b ? (b.revision > a.revision ? b : a) : (a ?? b);
}
