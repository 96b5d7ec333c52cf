import type { DrillSettings, VerifySettings } from '../protocol/index.ts';

/** Who ordered what the timetable did. */
export const TIMETABLE = 'timetable';
/** A time that was missed by more than this (the host was off, say) is left out, ms. */
const LATE_MS = 6 * 3_600_000;
const DAY_MS = 24 * 3_600_000;

type Times = Pick<DrillSettings | VerifySettings, 'every' | 'hour'>;

/** Whether a drill, or a comparison, is due: its time has come, not long ago, and none was made since. By this host's local time. */
export function isDue(times: Times, lastAt: number, now: number): boolean {
  const slot = slotBefore(times, now);
  return slot !== null && now - slot <= LATE_MS && lastAt < slot;
}

/** The next time after `now`; null without a timetable. */
export function nextSlot(times: Times, now: number): number | null {
  for (let day = 0; day <= 32; day += 1) {
    const slot = slotOf(times, now + day * DAY_MS);
    if (slot !== null && slot > now) return slot;
  }
  return null;
}

function slotBefore(times: Times, now: number): number | null {
  for (let day = 0; day <= 1; day += 1) {
    const slot = slotOf(times, now - day * DAY_MS);
    if (slot !== null && slot <= now) return slot;
  }
  return null;
}

/** The time on the day of `at`: weekly on Mondays, monthly on the first. */
function slotOf({ every, hour }: Times, at: number): number | null {
  const date = new Date(at);
  const wanted = every === 'weekly' ? date.getDay() === 1 : every === 'monthly' && date.getDate() === 1;
  if (!wanted) return null;
  return new Date(date.getFullYear(), date.getMonth(), date.getDate(), hour).getTime();
}
