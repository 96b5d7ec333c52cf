import {
  close,
  existsSync,
  fsync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import * as v from 'valibot';
import type { Clock, Log } from '../ports.ts';
import { AuditEntry } from '../protocol/index.ts';

/** The agent's durable history: who ordered or decided what, when, on what evidence. */
export interface AuditLog {
  append(entry: Omit<AuditEntry, 'seq' | 'at'>): AuditEntry;
  /** Entries with `seq` above `afterSeq`, oldest first, the newest `limit` of them. */
  list(afterSeq: number, limit: number): AuditEntry[];
  subscribe(listener: (entry: AuditEntry) => void): () => void;
}

/** The file is put aside (`.1`, one generation) when it grows past this. */
const ROTATE_BYTES = 4 * 1024 * 1024;
/** What is kept in memory and can be listed. */
const KEEP_ENTRIES = 1_000;

function readEntries(file: string): AuditEntry[] {
  if (!existsSync(file)) return [];
  const entries: AuditEntry[] = [];
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    // A torn last line is what a power cut leaves; it was never reported as written.
    try {
      const parsed = v.safeParse(AuditEntry, JSON.parse(line));
      if (parsed.success) entries.push(parsed.output);
    } catch {}
  }
  return entries;
}

/**
 * Opens (or starts) the log in `file`, one JSON object a line. An entry is with the kernel when `append` returns, so that
 * the agent's own end loses none; the disk is asked to keep it right after, without the decision waiting for that: a disk
 * that hangs must not stop a lease from being renewed. What cannot be written (disk full) is kept in memory and told.
 */
export function openAuditLog(file: string, clock: Clock, log: Log = () => undefined): AuditLog {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  let entries = [...readEntries(`${file}.1`), ...readEntries(file)].slice(-KEEP_ENTRIES);
  let seq = entries.at(-1)?.seq ?? 0;
  const listeners = new Set<(entry: AuditEntry) => void>();

  const write = (entry: AuditEntry): void => {
    if (existsSync(file) && statSync(file).size > ROTATE_BYTES) renameSync(file, `${file}.1`);
    const handle = openSync(file, 'a', 0o600);
    // The leading newline ends a torn line, if there is one, so that this entry stands alone.
    try {
      writeSync(handle, `\n${JSON.stringify(entry)}`);
    } finally {
      fsync(handle, () => close(handle, () => undefined));
    }
  };

  return {
    append(fields) {
      seq += 1;
      const entry: AuditEntry = { ...fields, seq, at: clock.now() };
      try {
        write(entry);
      } catch (error) {
        log('warn', `audit: ${entry.event}: ${entry.text} (not written: ${String(error)})`);
      }
      entries.push(entry);
      if (entries.length > KEEP_ENTRIES * 2) entries = entries.slice(-KEEP_ENTRIES);
      for (const listener of listeners) listener(entry);
      return entry;
    },
    list: (afterSeq, limit) => entries.filter((entry) => entry.seq > afterSeq).slice(-limit),
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
