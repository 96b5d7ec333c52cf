import { randomUUID } from 'node:crypto';
import type { ReplicationMode } from '../../../agent/protocol/index.ts';
import { askAgent } from '../agent-client.ts';
import { done, keep } from '../modes/points.ts';
import type { ProtectedFleet } from '../protected-fleet.ts';
import { tellGuest } from '../recorder.ts';
import { BareMirror } from './bare-mirror.ts';

/** How fast the first disk takes writes: small ones with an fsync each, and large ones in sequence. */
export interface Speed {
  fsyncPerS: number;
  sequentialMBs: number;
}

/** Of each way to keep a copy, what was measured in one round. */
export type Round = Record<string, Speed>;

/** For making the file, and for a machine that is slow to answer. */
const MARGIN_S = 60;

/** Ways to keep a copy that are measured, besides none and QEMU's own mirror; each builds on the one before. */
const WAYS: Record<string, ReplicationMode> = {
  sync: { kind: 'sync' },
  memory: { kind: 'sync', memory: true },
  async: { kind: 'async', rpoS: 20 },
  // Between two points: what one of them costs is said by gapMs and sealS.
  interval: { kind: 'interval', everyS: 3_600, retention: { last: 2, hourly: 0, daily: 0, weekly: 0 } },
};

/** One after the other on the same machine, within a minute or two: what else the computer does meanwhile meets all of them. */
export async function oneRound(fleet: ProtectedFleet, machine: string, ms: number): Promise<Round> {
  const { home } = fleet.lab.guest(machine);
  const standby = fleet.hypervisors.find((host) => host !== home) ?? '';
  const none = await speed(fleet, machine, ms);
  const mirror = new BareMirror(fleet, machine, home, standby);
  await mirror.start();
  const bare = await speed(fleet, machine, ms).finally(() => mirror.end());
  await fleet.protect(machine, WAYS.sync);
  const round: Round = { none, bare };
  for (const [way, mode] of Object.entries(WAYS)) {
    if (way !== 'sync') await keep(fleet, machine, mode);
    round[way] = await speed(fleet, machine, ms);
  }
  const order = { requestId: randomUUID(), actor: 'lab', pairId: fleet.pairId(machine) };
  const ended = await askAgent(fleet.lab, home, 'protect.end', order);
  await done(fleet, home, ended?.task.id);
  return round;
}

async function speed(fleet: ProtectedFleet, machine: string, ms: number): Promise<Speed> {
  const fsync = await measured(fleet, machine, 'fsync', ms);
  const sequential = await measured(fleet, machine, 'sequential', ms);
  return {
    fsyncPerS: fsync.amount / fsync.seconds,
    sequentialMBs: sequential.amount / 1e6 / sequential.seconds,
  };
}

async function measured(
  fleet: ProtectedFleet,
  machine: string,
  what: 'fsync' | 'sequential',
  ms: number,
): Promise<{ amount: number; seconds: number }> {
  const answer = await tellGuest(fleet.lab, machine, `${what} ${ms}`, ms / 1000 + MARGIN_S);
  const [, amount, ns] = new RegExp(`^${what} (\\d+) (\\d+)$`).exec(answer) ?? [];
  if (amount === undefined || ns === undefined) throw new Error(`${what}: ${answer}`);
  return { amount: Number(amount), seconds: Number(ns) / 1e9 };
}

export interface Ratio {
  toBare: number;
  toNone: number;
}

/** Of each way, the middle one of the rounds' own ratios: what disturbs a round disturbs all ways in it. */
export function ratiosOf(rounds: readonly Round[]): Record<string, { fsync: Ratio; sequential: Ratio }> {
  const ways = Object.keys(rounds[0] ?? {}).filter((way) => way !== 'none');
  const ratio = (way: string, to: string, of: keyof Speed): number =>
    middle(rounds.map((round) => (round[way]?.[of] ?? Number.NaN) / (round[to]?.[of] ?? Number.NaN)));
  const both = (way: string, of: keyof Speed): Ratio => ({
    toBare: ratio(way, 'bare', of),
    toNone: ratio(way, 'none', of),
  });
  return Object.fromEntries(
    ways.map((way) => [way, { fsync: both(way, 'fsyncPerS'), sequential: both(way, 'sequentialMBs') }]),
  );
}

/** The middle ones of what was measured. */
export function speedsOf(rounds: readonly Round[]): Round {
  const of = (way: string, what: keyof Speed): number =>
    middle(rounds.map((round) => round[way]?.[what] ?? Number.NaN));
  return Object.fromEntries(
    Object.keys(rounds[0] ?? {}).map((way) => [
      way,
      { fsyncPerS: of(way, 'fsyncPerS'), sequentialMBs: of(way, 'sequentialMBs') },
    ]),
  );
}

function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  return Math.round((((low ?? 0) + (high ?? 0)) / 2) * 1000) / 1000;
}
