import type { TellingSettings } from '../protocol/index.ts';

const FORMATS = {
  time: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  day: { day: 'numeric', month: 'short' },
  full: {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
  },
} as const;

/** They are costly to make, and asked for every second. */
const made = new Map<string, Intl.DateTimeFormat>();

function formatted(kind: keyof typeof FORMATS, at: number, zone: string): string {
  const key = `${kind} ${zone}`;
  const format = made.get(key) ?? new Intl.DateTimeFormat('en-GB', { ...FORMATS[kind], timeZone: zone });
  made.set(key, format);
  return format.format(at);
}

const minutes = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

/** Quiet hours may reach over midnight. Their end is no part of them. `now`: wall clock, ms. */
export function isQuiet({ quiet, zone }: Pick<TellingSettings, 'quiet' | 'zone'>, now: number): boolean {
  if (quiet === null) return false;
  const [from, to, at] = [quiet.from, quiet.to, formatted('time', now, zone)].map(minutes) as [
    number,
    number,
    number,
  ];
  return from < to ? at >= from && at < to : at >= from || at < to;
}

/** "03:02", or "29 Nov 23:58" of another day, in the zone of the settings. */
export function clockTime(at: number, now: number, zone: string): string {
  const day = formatted('day', at, zone);
  const time = formatted('time', at, zone);
  return day === formatted('day', now, zone) ? time : `${day} ${time}`;
}

/** "30 Nov 2026, 03:02:11 UTC". */
export const fullTime = (at: number, zone: string): string => formatted('full', at, zone);
