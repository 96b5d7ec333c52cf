import type { FleetSnapshot } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';
import { askTitle, openOf, touchedOf } from '../changes/words.ts';
import { byName, type Headline, hostName, pairHeadline } from './headline-parts.ts';

/** Somebody changed a machine so that its standby cannot follow, or has been at a copy: a person has to act. */
export function changed(fleet: FleetSnapshot): Headline | null {
  const pairs = Object.values(fleet.pairs).sort(byName);
  const touched = pairs.find((pair) => touchedOf(pair) !== null);
  if (touched) {
    const text = m.changes.touched(touched.name, hostName(fleet, touched.standby));
    return pairHeadline(
      touched,
      'danger',
      'alert',
      text,
      `${touchedOf(touched)?.text} ${m.changes.touchedText}`,
    );
  }
  const asked = pairs.find((pair) => openOf(pair)?.ask);
  const ask = asked && openOf(asked)?.ask;
  if (!asked || !ask) return null;
  const text = askTitle(asked, (id) => hostName(fleet, id));
  return pairHeadline(
    asked,
    openOf(asked)?.lacks ? 'danger' : 'attention',
    'alert',
    text,
    `${ask.message} ${ask.next}`,
  );
}
