import { stateOf } from '../../../agent/guard/guard.spec-kit.ts';
import { waitFor } from '../run.ts';
import { bootMs, type GuardHost } from './guard-host.ts';

export interface Summary {
  median: number;
  p99: number;
  max: number;
}

export interface Expiries {
  /** From the deadline to the signal, by the guard's own clock reading. */
  signalMs: Summary;
  /** From the deadline until an ordinary process outside saw state T; includes that process' own wait for a CPU. */
  seenMs: Summary;
}

export function summary(values: number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  /** Nearest rank. */
  const at = (share: number): number => {
    const value = sorted[Math.ceil(sorted.length * share) - 1];
    return Math.round((value ?? Number.NaN) * 10) / 10;
  };
  return { median: at(0.5), p99: at(0.99), max: at(1) };
}

async function expire(host: GuardHost, pid: number): Promise<{ signal: number; seen: number }> {
  const deadline = Math.ceil(bootMs()) + 250;
  host.permit(`deadline ${deadline} resumed ${Math.ceil(bootMs())}`);
  await host.state('runs');
  await waitFor('nearly there', 5_000, () => bootMs() > deadline - 20, 5);
  while (stateOf(pid) !== 'T') if (bootMs() > deadline + 5_000) throw new Error('never stopped');
  const seen = bootMs() - deadline;
  await host.state('stopped');
  const since = host.status().processes.find((each) => each.uuid === host.uuid)?.since ?? 0;
  return { signal: since - deadline, seen };
}

/** Lets the guest's permission run out so often, and continues it each time. */
export async function measureExpiries(host: GuardHost, pid: number, count: number): Promise<Expiries> {
  const all = [];
  for (let n = 0; n < count; n++) {
    all.push(await expire(host, pid));
    host.permit(`standing resumed ${Math.ceil(bootMs())}`);
    await host.state('runs');
  }
  return {
    signalMs: summary(all.map(({ signal }) => signal)),
    seenMs: summary(all.map(({ seen }) => seen)),
  };
}

/** While `work` runs, so many processes on the host want all of a CPU. */
export async function besideBusy<T>(host: GuardHost, count: number, work: () => Promise<T>): Promise<T> {
  const names = Array.from({ length: count }, (_, n) => n + 1).join(' ');
  await host.run(`for n in ${names}; do systemd-run --quiet --unit busy$n sh -c "while :; do :; done"; done`);
  try {
    return await work();
  } finally {
    await host.run('systemctl stop "busy*"');
  }
}
