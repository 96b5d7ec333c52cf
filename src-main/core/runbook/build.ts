import type { FleetSnapshot, HostView } from '../../contract/index.ts';
import { factsOf, loginOf, type OnHosts, onHosts, type SheetFacts } from './facts.ts';
import type { HostLine, Runbook } from './model.ts';
import { sheetOf } from './sheet.ts';

/** All that a runbook is made from. Without the time of day: the same fleet gives the same one. */
export interface RunbookFacts {
  hosts: HostLine[];
  machines: SheetFacts[];
  practice: boolean;
}

export function gather(fleet: FleetSnapshot, practice: boolean): RunbookFacts {
  const on = onHosts(fleet);
  const machines = Object.values(fleet.pairs)
    .flatMap((pair) => factsOf(fleet, pair, on) ?? [])
    .sort((a, b) => a.machine.localeCompare(b.machine, 'en') || a.pairId.localeCompare(b.pairId));
  const hosts = Object.values(fleet.hosts)
    .sort((a, b) => a.name.localeCompare(b.name, 'en'))
    .map((host) => hostLine(host, on));
  return { hosts, machines, practice };
}

/** @param pairId null: of all machines */
export function runbookOf(
  { hosts, machines, practice }: RunbookFacts,
  pairId: string | null = null,
): Runbook {
  const wanted = machines.filter((one) => pairId === null || one.pairId === pairId);
  return { hosts, sheets: wanted.map(sheetOf), practice };
}

function hostLine(host: HostView, on: OnHosts): HostLine {
  return {
    name: host.name,
    site: host.site,
    login: loginOf(host),
    role: host.role === 'witness' ? 'witness' : 'runs machines',
    runs: (on.runs.get(host.id) ?? []).map(({ name }) => name),
    keeps: (on.keeps.get(host.id) ?? []).map(({ name }) => name),
  };
}
