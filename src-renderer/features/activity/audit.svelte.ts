import type { Problem } from '../../../agent/protocol/problem.ts';
import type { AuditView } from '../../../src-main/contract/index.ts';
import { call, session } from '../../lib/session.svelte.ts';

const PAGE = 60;

/** A window onto the audit logs, newest first; new lines join by themselves. */
export class AuditFeed {
  entries = $state<AuditView[] | null>(null);
  problem = $state<Problem | null>(null);
  more = $state(false);
  busy = $state(false);
  readonly #pairId: string | null;
  readonly #unlisten: () => void;

  constructor(pairId: string | null) {
    this.#pairId = pairId;
    this.#unlisten = session.client.on('audit', (view) => {
      if (pairId === null || view.entry.pairId === pairId) this.#join([view]);
    });
  }

  close(): void {
    this.#unlisten();
  }

  async load(): Promise<void> {
    this.busy = true;
    const oldest = this.entries?.at(-1)?.entry.at ?? null;
    const page = await call('audit.list', { pairId: this.#pairId, before: oldest, limit: PAGE });
    this.busy = false;
    this.problem = page.ok ? null : page.problem;
    if (!page.ok) return;
    this.more = page.value.entries.length >= PAGE;
    this.#join(page.value.entries);
  }

  #join(views: AuditView[]): void {
    const all = new Map((this.entries ?? []).map((view) => [view.key, view]));
    for (const view of views) all.set(view.key, view);
    this.entries = [...all.values()].sort((a, b) => b.entry.at - a.entry.at || b.entry.seq - a.entry.seq);
  }
}
