import { fail, ok, type Result } from '../protocol/index.ts';
import type { Outcome } from './proposer.ts';
import type { LeaseProvider, ProviderEvent, SwapOutcome } from './provider.ts';
import type { LeaseRecord } from './record.ts';
import type { Change } from './transitions.ts';

/** What the provider needs of its node. */
export interface ProviderParts {
  read(done: (outcome: Outcome) => void): void;
  swap(change: Change, done: (outcome: Outcome) => void): void;
  ask(candidate: boolean): void;
}

/** The lease provider made of the pair's own voters. */
export class VoterProvider implements LeaseProvider {
  readonly #parts: ProviderParts;
  readonly #listeners = new Set<(event: ProviderEvent) => void>();

  constructor(parts: ProviderParts) {
    this.#parts = parts;
  }

  read(): Promise<Result<LeaseRecord>> {
    return new Promise((resolve) => {
      this.#parts.read((outcome) => resolve(outcome.kind === 'done' ? ok(outcome.value.record) : unread()));
    });
  }

  swap(change: Change): Promise<SwapOutcome> {
    return new Promise((resolve) => {
      this.#parts.swap(change, (outcome) => resolve(swapOutcome(outcome)));
    });
  }

  askLease(candidate: boolean): void {
    this.#parts.ask(candidate);
  }

  subscribe(listener: (event: ProviderEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Called by the node this provider belongs to. */
  tell(event: ProviderEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function swapOutcome(outcome: Outcome): SwapOutcome {
  switch (outcome.kind) {
    case 'done':
      return { kind: 'done', record: outcome.value.record };
    case 'refused':
      return { kind: 'refused', reason: outcome.reason };
    default:
      return { kind: outcome.kind };
  }
}

const unread = (): Result<never> =>
  fail({
    kind: 'no-majority',
    message: "The pair's record could not be read from a majority of its voters.",
    next: 'Look which of the two hosts and the witness cannot be reached.',
  });
