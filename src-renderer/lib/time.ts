import { units } from './messages/units.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "just now", "12 s ago", "4 min ago", "3 h ago", "2 days ago"; future times read "in 12 s". */
export function ago(at: number, now: number): string {
  const passed = now - at;
  if (passed < -SECOND) return units.ahead(span(-passed));
  return passed < 2 * SECOND ? units.justNow : units.ago(span(passed));
}

/** A length of time in its largest sensible unit: "0.8 s", "12 s", "4 min", "3 h", "2 days". */
export function span(ms: number): string {
  if (ms < 10 * SECOND) return units.seconds(Number((Math.max(0, ms) / SECOND).toFixed(ms < SECOND ? 1 : 0)));
  if (ms < 90 * SECOND) return units.seconds(Math.round(ms / SECOND));
  if (ms < 90 * MINUTE) return units.minutes(Math.round(ms / MINUTE));
  if (ms < 36 * HOUR) return units.hours(Math.round(ms / HOUR));
  return units.days(Math.round(ms / DAY));
}

/** A duration a person measures by: "3.4 s", "1 min 05 s", "2 h 10 min". */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / SECOND;
  if (seconds < 60) return units.seconds(seconds < 10 ? seconds.toFixed(1) : Math.round(seconds));
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return units.minutesSeconds(minutes, pad(Math.floor(seconds % 60)));
  return units.hoursMinutes(Math.floor(minutes / 60), pad(minutes % 60));
}

/** Estimated time left, deliberately rough. */
export function remaining(seconds: number): string {
  if (seconds < 5) return units.fewSecondsLeft;
  return units.left(span(seconds * SECOND));
}

/** "14:02:03" today, "21 Nov, 14:02:03" on other days; in the viewer's time zone. */
export function clock(at: number, now: number): string {
  const then = new Date(at);
  const time = timeOfDay(at);
  if (then.toDateString() === new Date(now).toDateString()) return time;
  return `${dayAndMonth(then)}, ${time}`;
}

/** The full date and time, for hovering. */
export function absolute(at: number): string {
  const then = new Date(at);
  const offset = -then.getTimezoneOffset();
  const zone = `UTC${offset < 0 ? '−' : '+'}${pad(Math.floor(Math.abs(offset) / 60))}:${pad(Math.abs(offset) % 60)}`;
  const date = `${then.getFullYear()}-${pad(then.getMonth() + 1)}-${pad(then.getDate())}`;
  return `${date} ${timeOfDay(at)} ${zone}`;
}

const dayAndMonth = (then: Date): string => units.date(then.getDate(), units.months[then.getMonth()] ?? '');

function pad(n: number): string {
  return String(n).padStart(2, '0');
}

/** "14:02:03" */
export function timeOfDay(at: number): string {
  const then = new Date(at);
  return `${pad(then.getHours())}:${pad(then.getMinutes())}:${pad(then.getSeconds())}`;
}

/** "Today", "Yesterday", "21 Nov" or "21 Nov 2025". */
export function dayOf(at: number, now: number, words: { today: string; yesterday: string }): string {
  const then = new Date(at);
  const today = new Date(now);
  if (then.toDateString() === today.toDateString()) return words.today;
  if (then.toDateString() === new Date(now - DAY).toDateString()) return words.yesterday;
  const year = then.getFullYear() === today.getFullYear() ? '' : ` ${then.getFullYear()}`;
  return `${dayAndMonth(then)}${year}`;
}
