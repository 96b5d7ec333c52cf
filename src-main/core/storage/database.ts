import { existsSync, renameSync } from 'node:fs';
import Sqlite from 'better-sqlite3';
import type { Problem } from '../../../agent/protocol/index.ts';
import { ProblemError } from '../../../agent/protocol/index.ts';
import { migrations } from './migrations.ts';

export type Database = Sqlite.Database;

export interface OpenedDatabase {
  db: Database;
  /** Set when the file found was damaged: it was put aside and an empty database made. */
  notice: Problem | null;
}

/** SQLite's result codes for a file that is no sound database (sqlite.org/rescode.html). */
const DAMAGE = /^SQLITE_(CORRUPT|NOTADB)/;

/**
 * Opens the console's database, `:memory:` for one that leaves no trace. Throws ProblemError
 * `data-in-use` (another console has it open) and `database-newer` (made by a later version).
 */
export function openDatabase(file: string, now: () => number): OpenedDatabase {
  try {
    return { db: openAndMigrate(file), notice: null };
  } catch (error) {
    if (!isSqlite(error)) throw error;
    if (error.code.startsWith('SQLITE_BUSY')) throw new ProblemError(inUse(file));
    if (!DAMAGE.test(error.code)) throw error;
    const aside = putAside(file, now());
    return { db: openAndMigrate(file), notice: damaged(aside, error.message) };
  }
}

function openAndMigrate(file: string): Database {
  const db = new Sqlite(file);
  try {
    // One console at a time: two would journal and resume the same orders.
    db.pragma('locking_mode = EXCLUSIVE');
    db.pragma('busy_timeout = 500');
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    const verdict = db.pragma('quick_check', { simple: true });
    if (verdict !== 'ok') throw new Sqlite.SqliteError(String(verdict), 'SQLITE_CORRUPT');
    migrate(db, file);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function migrate(db: Database, file: string): void {
  const applied = Number(db.pragma('user_version', { simple: true }));
  if (applied > migrations.length) throw new ProblemError(newer(file));
  migrations.slice(applied).forEach((sql, index) => {
    db.transaction(() => {
      db.exec(sql);
      db.pragma(`user_version = ${applied + index + 1}`);
    })();
  });
}

/** Renames the file and its companions; returns the new name. Nothing is deleted: it may be repaired by hand. */
function putAside(file: string, at: number): string {
  const stamp = new Date(at).toISOString().replaceAll(/[:.]/g, '-');
  const aside = `${file}.damaged-${stamp}`;
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
  }
  return aside;
}

function isSqlite(error: unknown): error is InstanceType<typeof Sqlite.SqliteError> {
  return error instanceof Sqlite.SqliteError;
}

function damaged(aside: string, cause: string): Problem {
  return {
    kind: 'database-damaged',
    message:
      "This console's database was damaged and has been put aside; the hosts and their protection are not touched.",
    next: 'Add one of your hosts again: it names the others.',
    details: { file: aside, cause },
  };
}

function inUse(file: string): Problem {
  return {
    kind: 'data-in-use',
    message: 'Another Understudy console is already running on this data folder.',
    next: 'Use the console that is open, or start this one with another --data-dir.',
    details: { file },
  };
}

function newer(file: string): Problem {
  return {
    kind: 'database-newer',
    message: "The console's database was written by a newer version of Understudy.",
    next: 'Start the newer version, or choose another data folder with --data-dir.',
    details: { file },
  };
}
