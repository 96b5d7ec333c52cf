import { gaps, type Outage } from '../lab/recorder.ts';
import type { Client } from './client.ts';
import type { Violation } from './verdict.ts';

/** What the clients found in the end, and the silences they had noticed. */

/** A silence that clients noticed; `from` in Unix ms. */
export interface Silence {
  seconds: number;
  from: number;
}

export interface Counts {
  acked: number;
  missing: number;
  /** Acknowledged records that went with a failover to a point, as was shown beforehand. */
  forgiven: number;
}

export interface Writes extends Counts {
  outages: { count: number; medianS: number; maxS: number; worst: Silence[] };
  /** By machine. */
  of: Record<string, Counts>;
}

/** A shorter silence is no outage here. */
const OUTAGE_S = 1;
/** How many of the longest are told one by one. */
const WORST = 10;

export const rounded = (value: number): number => Math.round(value * 100) / 100;

/** Asks every machine, wherever it runs now, for everything its client was told is kept. */
export async function judgeWrites(
  clients: readonly Pick<Client, 'machine' | 'acked' | 'judge'>[],
  violations: Violation[],
): Promise<Writes> {
  const of: Record<string, Counts> = {};
  const silences: Outage[] = [];
  for (const client of clients) {
    const unreadable = (error: unknown) => {
      const text = `the records of ${client.machine} cannot be read: ${String(error)}`;
      violations.push({ invariant: 'I4', at: Date.now(), text });
      return { acked: client.acked, missing: 0, forgiven: 0, examples: [], acknowledged: [] };
    };
    const { acked, missing, forgiven, examples, acknowledged } = await client.judge().catch(unreadable);
    silences.push(...gaps(acknowledged, OUTAGE_S));
    of[client.machine] = { acked, missing, forgiven };
    if (missing === 0) continue;
    const text = `${missing} acknowledged records of ${client.machine} are missing, such as ${examples.join(', ')}`;
    violations.push({ invariant: 'I4', at: Date.now(), text });
  }
  const sum = (what: keyof Counts): number => Object.values(of).reduce((all, one) => all + one[what], 0);
  const [acked, missing, forgiven] = [sum('acked'), sum('missing'), sum('forgiven')];
  return { acked, missing, forgiven, outages: outagesOf(silences), of };
}

function outagesOf(silences: Outage[]): Writes['outages'] {
  const seconds = silences.map((silence) => silence.seconds).sort((a, b) => a - b);
  const worst = silences
    .toSorted((a, b) => b.seconds - a.seconds)
    .slice(0, WORST)
    .map(({ seconds: length, from }) => ({ seconds: rounded(length), from }));
  const medianS = rounded(seconds[Math.floor(seconds.length / 2)] ?? 0);
  return { count: seconds.length, medianS, maxS: rounded(seconds.at(-1) ?? 0), worst };
}
