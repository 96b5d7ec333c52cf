import { units } from './messages/units.ts';

const BINARY_UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** 1536 -> "1.5 KiB". At most three significant digits. */
export function bytes(count: number): string {
  let value = Math.max(0, count);
  let unit = 0;
  while (value >= 1024 && unit < BINARY_UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${Number(value.toFixed(digits))} ${BINARY_UNITS[unit]}`;
}

/** Bytes per second. */
export function rate(bps: number): string {
  return `${bytes(bps)}/s`;
}

/** Share 0..1 as whole percent; never 100 % before all is done. */
export function percent(share: number): string {
  return `${percentNumber(share)} %`;
}

export function percentNumber(share: number): number {
  const clamped = Math.min(1, Math.max(0, share));
  return clamped >= 1 ? 100 : Math.min(99, Math.floor(clamped * 100 + 1e-9));
}

export function share(done: number, total: number): number {
  return total > 0 ? Math.min(1, done / total) : 0;
}

/** "3 machines", "1 machine". */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

/** ["a", "b", "c"] -> "a, b and c"; longer lists are cut: "a, b and 4 more". */
export function list(names: readonly string[], max = 3): string {
  const shown = names.length > max ? [...names.slice(0, max - 1), units.more(names.length - max + 1)] : names;
  if (shown.length <= 1) return shown[0] ?? '';
  return units.and(shown.slice(0, -1).join(', '), shown.at(-1) ?? '');
}
