import { readFileSync } from 'node:fs';
import type { Clock } from '../ports.ts';

const UPTIME = '/proc/uptime';

/**
 * The host's clocks. Node offers no clock that counts while the host sleeps, so the time since boot is read from
 * /proc/uptime (CLOCK_BOOTTIME, proc(5)); its resolution is 10 ms.
 */
export function hostClock(): Clock {
  return {
    now: () => Date.now(),
    bootMs: () => parseUptime(readFileSync(UPTIME, 'latin1')),
    setTimeout: (run, ms) => {
      const timer = setTimeout(run, ms);
      return { cancel: () => clearTimeout(timer) };
    },
  };
}

/** Milliseconds since boot from "12345.67 23456.78". */
export function parseUptime(text: string): number {
  const seconds = /^(\d+)\.(\d\d)\b/.exec(text);
  if (!seconds) throw new Error(`${UPTIME} reads "${text.trim()}"`);
  return Number(seconds[1]) * 1000 + Number(seconds[2]) * 10;
}
