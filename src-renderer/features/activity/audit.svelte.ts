import { untrack } from 'svelte';
import type { Problem } from '../../../agent/protocol/problem.ts';
import type { AuditView } from '../../../src-main/contract/index.ts';
import { call, session } from '../../lib/session.svelte.ts';
import { caughtUp, joined } from './feed.ts';

const PAGE = 60;

/** A window onto the audit logs, newest first; new lines join by themselves. Make it while a component is being made. */
export class AuditFeed {
  entries = $state.raw<AuditView[] | null>(null);
  problem = $state<Problem | null>(null);
  more = $state(false);
  busy = $state(false);
  readonly #pairId: string | null;

  constructor(pairId: string | null) {
    this.#pairId = pairId;
    $effect(() =>
      session.client.on('audit', (view) => {
        if (pairId === null || view.entry.pairId === pairId)
          this.entries = joined(this.entries ?? [], [view]);
      }),
    );
    // What was told while the console was away did not come here.
    $effect(() => {
      if (session.link === 'open') untrack(() => void this.newest());
    });
  }

  /** The newest lines; those known already stay. */
  async newest(): Promise<void> {
    const known = this.entries;
    const page = await this.#read(null);
    if (page === null) return;
    if (known === null) this.more = page.length >= PAGE;
    const all = caughtUp(this.entries ?? [], page);
    if (all.length === page.length) this.more = page.length >= PAGE;
    this.entries = all;
  }

  async older(): Promise<void> {
    const page = await this.#read(this.entries?.at(-1)?.entry.at ?? null);
    if (page === null) return;
    this.more = page.length >= PAGE;
    this.entries = joined(this.entries ?? [], page);
  }

  async #read(before: number | null): Promise<AuditView[] | null> {
    if (this.busy) return null;
    this.busy = true;
    const page = await call('audit.list', { pairId: this.#pairId, before, limit: PAGE });
    this.busy = false;
    this.problem = page.ok ? null : page.problem;
    return page.ok ? page.value.entries : null;
  }
}
