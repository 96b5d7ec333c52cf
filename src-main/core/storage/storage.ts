import type { Problem } from '../../../agent/protocol/index.ts';
import { AuditTable } from './audit-table.ts';
import { CommandTable } from './command-table.ts';
import { openDatabase } from './database.ts';
import { HostTable } from './host-table.ts';
import { HostKeyTable, SecretTable, SettingTable } from './tables.ts';

/** The console's database: a cache of the fleet, and what is this console's own. */
export interface Storage {
  settings: SettingTable;
  hosts: HostTable;
  hostKeys: HostKeyTable;
  secrets: SecretTable;
  audit: AuditTable;
  commands: CommandTable;
  /** Set when a damaged database was put aside at opening. */
  notice: Problem | null;
  close(): void;
}

/** `file` may be `:memory:`. Throws ProblemError as `openDatabase` does. */
export function openStorage(file: string, now: () => number): Storage {
  const { db, notice } = openDatabase(file, now);
  return {
    settings: new SettingTable(db),
    hosts: new HostTable(db),
    hostKeys: new HostKeyTable(db, now),
    secrets: new SecretTable(db),
    audit: new AuditTable(db),
    commands: new CommandTable(db),
    notice,
    close: () => db.close(),
  };
}
