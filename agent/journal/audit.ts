import type { AuditEntry } from '../protocol/index.ts';

/** The agent's durable history: who ordered or decided what, when, on what evidence. */
export interface AuditLog {
  append(entry: Omit<AuditEntry, 'seq' | 'at'>): AuditEntry;
  list(afterSeq: number, limit: number): AuditEntry[];
  subscribe(listener: (entry: AuditEntry) => void): () => void;
}
