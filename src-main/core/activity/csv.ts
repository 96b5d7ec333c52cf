import type { Fleet } from '../fleet/fleet.ts';
import { type AuditTable, CONSOLE } from '../storage/audit-table.ts';

const HEAD = ['time', 'said by', 'number', 'actor', 'event', 'machine', 'text', 'evidence'];

/** The merged history as RFC 4180 has it: oldest first, times in UTC. */
export function auditCsv(
  deps: { table: AuditTable; fleet: Fleet; now: () => number },
  pairId: string | null,
): { name: string; text: string } {
  const machines = new Map(deps.fleet.pairs().map((pair) => [pair.id, pair.name]));
  const rows = deps.table.all(pairId).map(({ source, entry }) => [
    new Date(entry.at).toISOString(),
    source === CONSOLE ? 'this console' : deps.fleet.nameOf(source),
    String(entry.seq),
    entry.actor,
    entry.event,
    entry.pairId === undefined ? '' : (machines.get(entry.pairId) ?? entry.pairId),
    entry.text,
    Object.entries(entry.evidence ?? {})
      .map(([who, what]) => `${who}: ${what}`)
      .join('; '),
  ]);
  const about = pairId === null ? 'all' : (machines.get(pairId) ?? 'machine').replace(/[^\w.-]+/g, '-');
  const day = new Date(deps.now()).toISOString().slice(0, 10);
  return {
    name: `understudy-history-${about}-${day}.csv`,
    text: [HEAD, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join(''),
  };
}

/** Always quoted. A spreadsheet must not take what a guest is called for a formula. */
export function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}
