import { performance } from 'node:perf_hooks';
import type { Clock } from './ports.ts';

/** This process's own time, on any system: practice agents and specs. Real hosts use agent/host/clock.ts. */
export const systemClock: Clock = {
  now: () => Date.now(),
  bootMs: () => performance.now(),
  setTimeout(run, ms) {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};
