import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import type { Clock } from './ports.ts';

/** The host's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  bootMs,
  setTimeout(run, ms) {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

/**
 * /proc/uptime is CLOCK_BOOTTIME, which counts suspend; os.uptime() does the same on other systems only roughly,
 * but they run practice agents alone.
 */
function bootMs(): number {
  try {
    return Number.parseFloat(readFileSync('/proc/uptime', 'latin1')) * 1000;
  } catch {
    return uptime() * 1000;
  }
}
