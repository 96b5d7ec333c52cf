import { ProblemError } from '../protocol/index.ts';

const TRIES = 3;

/**
 * Asks the voters again when too few of them answered: an agent that has just started is reached only after a moment, and
 * votes only after one hold. @param tries at most so many; 1: whoever ordered it is told at once
 */
export async function insist<T>(ask: () => Promise<T>, tries = TRIES): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (tries <= 1 || !(error instanceof ProblemError) || error.problem.kind !== 'no-majority') throw error;
    return insist(ask, tries - 1);
  }
}

/** Nothing has changed before a fresh order's first step, so it is refused soon; one that was resumed was promised. */
export const triesOf = ({ resumed }: { resumed: boolean }): number => (resumed ? TRIES : 1);
