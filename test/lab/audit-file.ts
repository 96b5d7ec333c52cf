import { existsSync, readFileSync } from 'node:fs';
import type { AuditEntry } from '../../agent/protocol/index.ts';
import type { Lab } from './running-lab.ts';

const FILE = '/var/lib/understudy/audit.log';

export interface HostEntry extends AuditEntry {
  host: string;
}

function readEntries(file: string): AuditEntry[] {
  if (!existsSync(file)) return [];
  const entries: AuditEntry[] = [];
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    // A torn line is what a power cut leaves.
    try {
      if (line !== '') entries.push(JSON.parse(line) as AuditEntry);
    } catch {}
  }
  return entries;
}

/** An agent's whole history as it lies on its disk, oldest first; also of a host that is off. */
export function auditOf(lab: Lab, host: string): HostEntry[] {
  const file = lab.pathOn(host, FILE);
  return [...readEntries(`${file}.1`), ...readEntries(file)].map((entry) => ({ ...entry, host }));
}

/** The histories of all hosts in one, by time: the lab's hosts share one clock. */
export function auditOfAll(lab: Lab, sinceMs = 0): HostEntry[] {
  return lab.hosts
    .flatMap((host) => auditOf(lab, host.name))
    .filter((entry) => entry.at >= sinceMs)
    .sort((a, b) => a.at - b.at);
}
