import type { Clock } from '../ports.ts';
import type { PairContext } from './context.ts';
import { isLive } from './store.ts';

/** Resolves after `ms`, or rejects at once when `signal` aborts. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    const onAbort = (): void => {
      timer.cancel();
      reject(new Error('aborted'));
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** True when the guest has stopped within `limitMs`, false when it still lives then. Rejects when aborted. */
export function vmStopped(
  context: PairContext,
  uuid: string,
  limitMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { clock, hypervisor } = context.deps;
  return new Promise((resolve, reject) => {
    const finish = (end: () => void): void => {
      unsubscribe();
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      end();
    };
    const onAbort = (): void => finish(() => reject(new Error('aborted')));
    const unsubscribe = hypervisor.subscribe(() => {
      if (!isLive(context.vmState(uuid))) finish(() => resolve(true));
    });
    const timer = clock.setTimeout(() => finish(() => resolve(!isLive(context.vmState(uuid)))), limitMs);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else if (!isLive(context.vmState(uuid))) finish(() => resolve(true));
  });
}

/** How long an agent that starts with its host waits for the hypervisor to answer too. */
const HYPERVISOR_LIMIT_MS = 60_000;

/** Resolves once the hypervisor answers, or after a while; whoever asks it then is told why it does not. */
export function hypervisorAnswers({ deps: { clock, hypervisor } }: PairContext): Promise<void> {
  if (hypervisor.reachable) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      unsubscribe();
      timer.cancel();
      resolve();
    };
    const unsubscribe = hypervisor.subscribe((event) => {
      if (event.kind === 'reachable' && event.reachable) finish();
    });
    const timer = clock.setTimeout(finish, HYPERVISOR_LIMIT_MS);
  });
}
