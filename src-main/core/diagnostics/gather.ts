import { release } from 'node:os';
import type { AppInfo, AuditView, Diagnostics, FleetSnapshot, Settings } from '../../contract/index.ts';
import { redact, redactText } from './redact.ts';

export interface DiagnosticsSource {
  info: AppInfo;
  settings: Settings;
  fleet: FleetSnapshot;
  audit: AuditView[];
  log: string;
  /** Passwords and passphrases known to this console: taken out wherever they occur. */
  secrets: string[];
  now: number;
}

/** What goes into a diagnostics file: for whoever helps, and readable by the person who gives it away. */
export function gather(source: DiagnosticsSource): Diagnostics {
  const { info, settings, fleet, audit, log, secrets, now } = source;
  const { notices, ...app } = info;
  const json = (value: unknown): string => JSON.stringify(redact(value, secrets), null, 2);
  const agents = Object.values(fleet.hosts).map(
    ({ name, role, agentVersion, connection, clockAheadMs, facts }) => ({
      name,
      role,
      agentVersion,
      connection: connection.state,
      clockAheadMs,
      os: facts?.os ?? null,
      kernel: facts?.kernel ?? null,
      hypervisor: facts?.hypervisor ?? null,
    }),
  );
  const versions = { ...app, node: process.version, versions: process.versions, system: release(), agents };
  const day = new Date(now).toISOString().slice(0, 16).replace(/[:T]/g, '-');
  return {
    name: `understudy-diagnostics-${day}.txt`,
    parts: [
      { part: 'versions', text: json(versions) },
      { part: 'settings', text: json(settings) },
      { part: 'notices', text: json(notices) },
      { part: 'fleet', text: json(fleet) },
      { part: 'audit', text: json(audit) },
      { part: 'log', text: redactText(log, secrets) },
    ],
  };
}
