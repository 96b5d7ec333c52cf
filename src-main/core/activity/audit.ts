import type { AuditEntry, Problem } from '../../../agent/protocol/index.ts';
import type { AuditView } from '../../contract/index.ts';
import type { Fleet, FleetEvent } from '../fleet/fleet.ts';
import { guard } from '../fleet/guard.ts';
import type { AuditTable, SourcedEntry } from '../storage/audit-table.ts';
import { CONSOLE } from '../storage/audit-table.ts';

/** Entries fetched from an agent at a time. */
const PAGE = 200;
/** Most entries the page gets at once. */
const MAX_LIST = 500;

export interface AuditQuery {
  pairId: string | null;
  before: number | null;
  limit: number;
}

/** Who ordered and decided what: this console's own entries, and those of all agents, in one list. */
export class AuditService {
  readonly #table: AuditTable;
  readonly #fleet: Fleet;
  readonly #now: () => number;
  readonly #operator: () => string;
  readonly #emit: (entry: AuditView) => void;
  readonly #report: (problem: Problem) => void;
  readonly #fetching = new Set<string>();

  constructor(options: {
    table: AuditTable;
    fleet: Fleet;
    now: () => number;
    operator: () => string;
    emit: (entry: AuditView) => void;
    /** Told of failures nobody waits for. */
    report: (problem: Problem) => void;
  }) {
    this.#table = options.table;
    this.#fleet = options.fleet;
    this.#now = options.now;
    this.#operator = options.operator;
    this.#emit = options.emit;
    this.#report = options.report;
    options.fleet.subscribe((event) => this.#hear(event));
  }

  /** Writes what the person at this console did or ordered; durable when it returns. */
  write(entry: Pick<AuditEntry, 'event' | 'text' | 'pairId' | 'evidence'>): void {
    const whole = this.#table.append({ ...entry, at: this.#now(), actor: this.#operator() });
    this.#emit(this.#view({ source: CONSOLE, entry: whole }));
  }

  list(query: AuditQuery): AuditView[] {
    const limit = Math.max(1, Math.min(MAX_LIST, Math.floor(query.limit)));
    return this.#table.list({ ...query, limit }).map((entry) => this.#view(entry));
  }

  #hear(event: FleetEvent): void {
    if (event.kind === 'online') guard(this.#report, () => this.#fetch(event.hostId));
    else if (event.kind === 'audit') guard(this.#report, () => this.#take(event.hostId, event.entry));
  }

  /** A gap means that entries were missed: then all of them are fetched. */
  async #take(hostId: string, entry: AuditEntry): Promise<void> {
    if (entry.seq === this.#table.lastSeq(hostId) + 1) this.#keep(hostId, [entry]);
    else await this.#fetch(hostId);
  }

  /** Fetches what is missing of one agent's history. A failure is made up for at the next connection. */
  async #fetch(hostId: string): Promise<void> {
    if (this.#fetching.has(hostId)) return;
    this.#fetching.add(hostId);
    try {
      let more = true;
      while (more) more = await this.#fetchPage(hostId);
    } finally {
      this.#fetching.delete(hostId);
    }
  }

  async #fetchPage(hostId: string): Promise<boolean> {
    const link = this.#fleet.get(hostId)?.link;
    const afterSeq = this.#table.lastSeq(hostId);
    const answer = await link?.call('audit.list', { afterSeq, limit: PAGE });
    if (!answer?.ok || this.#fleet.get(hostId) === null) return false;
    const kept = this.#keep(hostId, answer.value.entries);
    return kept > 0 && answer.value.entries.length === PAGE;
  }

  #keep(source: string, entries: readonly AuditEntry[]): number {
    const fresh = this.#table.keepAll(source, entries);
    for (const entry of fresh) this.#emit(this.#view({ source, entry }));
    return fresh.length;
  }

  #view({ source, entry }: SourcedEntry): AuditView {
    const sourceName = source === CONSOLE ? 'this console' : this.#fleet.nameOf(source);
    return { key: `${source}:${entry.seq}`, source, sourceName, entry };
  }
}
