const UNITS: Record<string, number> = { s: 1, min: 60, h: 3_600, d: 86_400, day: 86_400, days: 86_400 };

/** "30 s", "15 min", "4 h", "1 day"; a bare number is seconds. Null when it is none. */
export function secondsOf(text: string): number | null {
  const [, number, unit = 's'] = /^\s*(\d{1,6})\s*([a-z]+)?\s*$/i.exec(text) ?? [];
  const factor = UNITS[unit.toLowerCase()];
  return number === undefined || factor === undefined ? null : Number(number) * factor;
}
