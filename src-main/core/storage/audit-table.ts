import type { AuditEntry } from '../../../agent/protocol/index.ts';
import type { Database } from './database.ts';

/** Source of the entries this console wrote itself. */
export const CONSOLE = 'console';

interface AuditRow {
  source: string;
  seq: number;
  at: number;
  actor: string;
  event: string;
  pair_id: string | null;
  text: string;
  evidence: string | null;
}

export interface SourcedEntry {
  source: string;
  entry: AuditEntry;
}

/** This console's history, and copies of the agents', so that they can be read while a host is silent. */
export class AuditTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Writes an entry of this console; durable when it returns. */
  append(entry: Omit<AuditEntry, 'seq'>): AuditEntry {
    const whole = { ...entry, seq: this.lastSeq(CONSOLE) + 1 };
    this.keep(CONSOLE, whole);
    return whole;
  }

  /** Keeps an entry of an agent; false when it was there already. */
  keep(source: string, entry: AuditEntry): boolean {
    const evidence = entry.evidence === undefined ? null : JSON.stringify(entry.evidence);
    const { changes } = this.#db
      .prepare('INSERT OR IGNORE INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
      .run(source, entry.seq, entry.at, entry.actor, entry.event, entry.pairId ?? null, entry.text, evidence);
    return changes > 0;
  }

  keepAll(source: string, entries: readonly AuditEntry[]): AuditEntry[] {
    return this.#db.transaction(() => entries.filter((entry) => this.keep(source, entry)))();
  }

  /** 0 when nothing is kept of that source. */
  lastSeq(source: string): number {
    return Number(
      this.#db.prepare('SELECT coalesce(max(seq), 0) FROM audit WHERE source = ?').pluck().get(source),
    );
  }

  /** The whole history, oldest first; of one source in the order it was written. */
  all(pairId: string | null): SourcedEntry[] {
    return this.#db
      .prepare<{ pairId: string | null }, AuditRow>(
        'SELECT * FROM audit WHERE @pairId IS NULL OR pair_id = @pairId ORDER BY at, source, seq',
      )
      .all({ pairId })
      .map(fromRow);
  }

  /** Newest first, of all sources; `before` is a wall clock time (ms), exclusive. */
  list(query: { pairId: string | null; before: number | null; limit: number }): SourcedEntry[] {
    return this.#db
      .prepare<{ pairId: string | null; before: number | null; limit: number }, AuditRow>(
        `SELECT * FROM audit
         WHERE (@pairId IS NULL OR pair_id = @pairId) AND (@before IS NULL OR at < @before)
         ORDER BY at DESC, source, seq DESC LIMIT @limit`,
      )
      .all(query)
      .map(fromRow);
  }
}

function fromRow(row: AuditRow): SourcedEntry {
  const entry: AuditEntry = {
    seq: row.seq,
    at: row.at,
    actor: row.actor,
    event: row.event,
    text: row.text,
    ...(row.pair_id === null ? {} : { pairId: row.pair_id }),
    ...(row.evidence === null ? {} : { evidence: JSON.parse(row.evidence) }),
  };
  return { source: row.source, entry };
}
