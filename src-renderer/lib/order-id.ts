import type { Problem } from '../../agent/protocol/problem.ts';
import { requestId } from './ids.ts';

/** Answers after which nobody knows whether the order was taken: by this page, by the console, by its link to the host. */
const UNANSWERED = new Set(['console-lost', 'no-answer', 'bad-answer', 'deadline', 'outcome-unknown']);

/** True when what was ordered may have been taken all the same. */
export const isUnanswered = ({ kind }: Problem): boolean => UNANSWERED.has(kind);

/**
 * The id under which an order goes out. The very same order, given again because its answer was lost, keeps the id: the
 * console and the agent know it by that and carry it out once. Another order, or one that was refused, is a new one.
 */
export class OrderId {
  #id = requestId();
  #order = '';

  of(order: unknown): string {
    const text = JSON.stringify(order);
    if (this.#order !== '' && this.#order !== text) this.#id = requestId();
    this.#order = text;
    return this.#id;
  }

  failed(problem: Problem): void {
    if (isUnanswered(problem)) return;
    this.#id = requestId();
    this.#order = '';
  }
}
