import type { Check } from '../../../protocol/index.ts';

/** Writes checks for one subject on one host. */
export interface Finding {
  ok(message: string): Check;
  warning(message: string, next: string, fix?: string): Check;
  failed(message: string, next: string, fix?: string): Check;
}

export function finding(host: string, id: string, title: string): Finding {
  const check = (state: Check['state'], message: string, next: string, fix?: string): Check => ({
    id,
    state,
    host,
    title,
    message,
    next,
    ...(fix === undefined ? {} : { fix }),
  });
  return {
    ok: (message) => check('ok', message, ''),
    warning: (message, next, fix) => check('warning', message, next, fix),
    failed: (message, next, fix) => check('failed', message, next, fix),
  };
}

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

/** "12.5 GiB", "512 MiB". */
export function size(bytes: number): string {
  if (bytes >= GIB) return `${(bytes / GIB).toFixed(bytes >= 10 * GIB ? 0 : 1)} GiB`;
  return `${Math.round(bytes / MIB)} MiB`;
}

/** "a", "a and b", "a, b and c". */
export function list(words: string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} and ${last}`;
}
