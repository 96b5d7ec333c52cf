import { VERIFY_DEFAULTS, type VerifyResult } from '../../../agent/protocol/index.ts';
import type { VerifyView } from '../../contract/index.ts';
import type { Joined } from './inputs.ts';
import { newestSpec } from './newest-spec.ts';

/** What both members say of comparisons, about the copy on the standby now. */
export function verifyOf({ owner, standby }: Joined): VerifyView | null {
  const told = [owner.word?.verify, standby.word?.verify].filter((status) => status !== undefined);
  if (told.length === 0) return null;
  const results = told.flatMap((status) => status.results).sort((a, b) => b.at - a.at);
  return {
    hostId: standby.id,
    settings: newestSpec({ owner, standby })?.verify ?? VERIFY_DEFAULTS,
    state: owner.word?.verify?.distrusted ? 'differs' : stateOf(results, standby.id),
    results,
    next: owner.word?.verify?.next ?? null,
  };
}

/** One that differed and is distrusted no more has been compared anew since, or is another copy. */
function stateOf(results: VerifyResult[], standby: string): VerifyView['state'] {
  const last = results.find(({ host, outcome }) => host === standby && outcome !== 'cancelled');
  if (!last || last.outcome === 'cancelled') return 'never';
  return last.outcome === 'differs' ? 'repaired' : last.outcome;
}
