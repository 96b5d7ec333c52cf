import type { Clock, Log } from '../../../agent/ports.ts';

export const clock: Clock = {
  now: () => Date.now(),
  bootMs: () => performance.now(),
  setTimeout(run, ms) {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Diagnostics of the parts under test, shown only when asked for. */
export const quiet: Log = (level, text) => {
  if (process.env.UNDERSTUDY_TEST_LOG)
    process.stderr.write(`${((performance.timeOrigin + performance.now()) % 100000) | 0} ${level} ${text}\n`);
};

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/**
 * Waits for a state; the limit only ends a test that has failed. It is long: the copier gives way to everybody, and on a busy
 * machine compares a few hundred MiB a minute.
 */
export async function until(state: () => boolean | Promise<boolean>, limitMs = 120_000): Promise<void> {
  const started = performance.now();
  while (!(await state())) {
    if (performance.now() - started > limitMs) throw new Error('the awaited state did not come');
    await sleep(5);
  }
}

/** Fails when the state does not hold all the while. (Being slow cannot make it pass or fail wrongly.) */
export async function stays(state: () => boolean, ms: number): Promise<void> {
  const started = performance.now();
  while (performance.now() - started < ms) {
    if (!state()) throw new Error('a state that had to stay was left');
    await sleep(5);
  }
}
