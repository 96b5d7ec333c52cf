import type { FleetSnapshot, HostView, PairHealth, PairView } from '../../contract/index.ts';
import { EXIT, type Outcome } from '../outcome.ts';
import { silent } from '../reach.ts';
import { words } from '../words.ts';
import { freeVms } from './find.ts';

/** Nothing to do about such a pair: it is kept as it is to be, or is on its way there by itself. */
const WELL: readonly PairHealth[] = ['in-sync', 'following', 'copying'];

const isWell = ({ health, stale }: PairView): boolean => WELL.includes(health) && !stale;

/** Hosts, protected machines, and whether anything needs a person. */
export function status(fleet: FleetSnapshot): Outcome {
  const pairs = Object.values(fleet.pairs).sort((a, b) => a.name.localeCompare(b.name));
  const unwell = pairs.filter((pair) => !isWell(pair));
  const lost = silent(fleet);
  const free = freeVms(fleet).map(({ vm }) => vm.name);
  const ok = unwell.length === 0 && lost.length === 0;
  return {
    code: ok ? EXIT.done : EXIT.needsYou,
    json: {
      command: 'status',
      ok,
      hosts: Object.values(fleet.hosts).map(hostFacts),
      machines: pairs.map((pair) => machineFacts(fleet, pair)),
      unprotected: free,
    },
    text: [...table(fleet, pairs), '', ...summary(fleet, pairs.length, unwell, lost, free)].join('\n'),
  };
}

const hostFacts = ({ id, name, site, role, connection, agentVersion, heardAt }: HostView) => ({
  id,
  name,
  site,
  role,
  state: connection.state,
  problem: connection.state === 'offline' ? connection.problem : null,
  agentVersion,
  heardAt,
});

function machineFacts(fleet: FleetSnapshot, pair: PairView) {
  const { id, name, health, sentence, since, automation, replication, stale } = pair;
  return {
    id,
    name,
    ok: isWell(pair),
    runsOn: nameOf(fleet, pair.primary),
    standby: nameOf(fleet, pair.standby),
    health,
    sentence,
    since,
    stale,
    mode: replication.mode.kind,
    policy: automation.policy,
    armed: automation.armed,
    paused: automation.paused,
    obstacles: automation.obstacles.map(({ text }) => text),
  };
}

const nameOf = (fleet: FleetSnapshot, hostId: string): string => fleet.hosts[hostId]?.name ?? hostId;

function table(fleet: FleetSnapshot, pairs: PairView[]): string[] {
  const rows = pairs.map((pair) => [
    isWell(pair) ? '' : '!',
    pair.name,
    `${nameOf(fleet, pair.primary)} -> ${nameOf(fleet, pair.standby)}`,
    pair.sentence,
  ]);
  const width = (at: number): number => Math.max(0, ...rows.map((row) => row[at]?.length ?? 0));
  const widths = [1, width(1), width(2)];
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function summary(
  fleet: FleetSnapshot,
  count: number,
  unwell: PairView[],
  lost: HostView[],
  free: string[],
): string[] {
  const lines: string[] = [];
  if (unwell.length === 0 && lost.length === 0) lines.push(words.allWell(count));
  else lines.push(words.needsYou);
  if (lost.length > 0) lines.push(`  ${words.unanswered(lost.map(({ name }) => name))}`);
  for (const { name, primary, sentence } of unwell)
    lines.push(`  ${name} (${nameOf(fleet, primary)}): ${sentence}`);
  if (free.length > 0) lines.push(words.unprotected(free));
  return lines;
}
