import type { AutomationChange } from '../../contract/index.ts';
import { clockTime } from '../pairs/time.ts';

/** The change as it stands in the audit log. */
export function changeInWords(change: AutomationChange, now: number): string {
  const parts: string[] = [];
  if (change.policy !== undefined) parts.push(`policy ${change.policy}`);
  if (change.profile !== undefined) parts.push(`lease ${change.profile}`);
  if (change.drill !== undefined) parts.push('armed without a passed drill');
  if (change.paused !== undefined) parts.push(change.paused ? 'pause of automation' : 'end of the pause');
  if (change.maintenance === null) parts.push('end of maintenance');
  else if (change.maintenance !== undefined) {
    const { until, reason } = change.maintenance;
    parts.push(`maintenance until ${clockTime(until, now)}${reason ? ` (${reason})` : ''}`);
  }
  return parts.join(', ') || 'no change';
}
