import {
  DRILL_DEFAULTS,
  type DrillResult,
  type DrillStatus,
  type PairRecord,
} from '../../../agent/protocol/index.ts';
import type { DrillView } from '../../contract/index.ts';
import type { Joined } from './inputs.ts';
import { newestSpec } from './newest-spec.ts';

/** What both members say of the trials of the copies, about the copy on the standby now. */
export function drillOf({ record, owner, standby }: Joined): DrillView | null {
  const told = [standby.word?.drill, owner.word?.drill].filter((status) => status !== undefined);
  const [first] = told;
  if (!first) return null;
  const results = told.flatMap((status) => status.results).sort((a, b) => b.at - a.at);
  const here = standby.word?.drill;
  return {
    hostId: standby.id,
    settings: newestSpec({ owner, standby })?.drill ?? DRILL_DEFAULTS,
    ...judged(results, here, standby.id),
    results,
    waived: waivedBy(record),
    next: here?.next ?? null,
  };
}

function judged(
  results: DrillResult[],
  here: DrillStatus | undefined,
  standby: string,
): Pick<DrillView, 'state' | 'stale'> {
  const passed = results.filter(({ outcome }) => outcome === 'passed');
  const own = results.filter(({ host, outcome }) => host === standby && outcome !== 'cancelled');
  if (own[0]?.outcome === 'failed') return { state: 'failed', stale: null };
  if (passed.length === 0) return { state: 'never', stale: null };
  if (own.length === 0) return { state: 'stale', stale: 'moved' };
  const stale = here?.stale ?? null;
  return { state: stale === null ? 'passed' : 'stale', stale };
}

function waivedBy({ drill }: PairRecord): DrillView['waived'] {
  return drill === undefined ? { at: null, by: null } : drill.waived;
}
