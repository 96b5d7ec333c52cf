import type { FleetSnapshot } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';
import { target } from '../../lib/objectives.ts';
import { to } from '../../lib/router.ts';
import { objectivesRows } from '../objectives/rows.ts';
import { type Headline, pairHeadline } from './headline-parts.ts';

/** Nothing else is the matter, and yet a failure would cost more, or take longer, than it may. */
export function targetMissed(fleet: FleetSnapshot, now: number): Headline | null {
  const missing = objectivesRows(fleet, now).filter(({ worst }) => worst === 'missed');
  const [first] = missing;
  if (!first?.view) return null;
  const { pair, view, rpo } = first;
  const words = m.objectives;
  const text = rpo === 'missed' ? words.banner(pair.name) : words.bannerSlow(pair.name);
  const wanted = rpo === 'missed' ? view.targets.rpoS : view.targets.rtoS;
  const found = pairHeadline(pair, 'attention', 'clock', `${text}.`, words.headline(target(wanted)));
  if (missing.length === 1) return found;
  return { ...found, action: { label: words.page.open, href: to.objectives } };
}
