import { randomUUID } from 'node:crypto';
import { ProblemError } from '../../../agent/protocol/index.ts';
import type { AccessTarget, HostSession, Inspection } from './access.ts';
import { draftGone } from './problems.ts';

/** How long a logged-in but not yet added connection is kept open. */
export const DRAFT_MS = 10 * 60_000;

/** A host one is logged in to and that is not added yet. */
export interface Draft {
  access: AccessTarget;
  session: HostSession;
  inspection: Inspection;
  /** True while the agent is being installed. */
  adding: boolean;
  /** True once its connection was found broken: it is opened anew before the next attempt. */
  lost?: boolean;
}

export class Drafts {
  readonly #open = new Map<string, { draft: Draft; timer: NodeJS.Timeout }>();

  /** Returns the draft's id. */
  keep(draft: Draft): string {
    const id = randomUUID();
    this.#open.set(id, { draft, timer: this.#expire(id) });
    return id;
  }

  /** Throws ProblemError `draft-gone`. The ten minutes begin anew. */
  get(id: string): Draft {
    const entry = this.#open.get(id);
    if (entry === undefined) throw new ProblemError(draftGone());
    clearTimeout(entry.timer);
    entry.timer = this.#expire(id);
    return entry.draft;
  }

  close(id: string): void {
    const entry = this.#open.get(id);
    if (entry === undefined) return;
    clearTimeout(entry.timer);
    this.#open.delete(id);
    entry.draft.session.close();
  }

  closeAll(): void {
    for (const id of [...this.#open.keys()]) this.close(id);
  }

  #expire(id: string): NodeJS.Timeout {
    const timer = setTimeout(() => this.close(id), DRAFT_MS);
    timer.unref();
    return timer;
  }
}
