import type { Problem } from '../../../agent/protocol/index.ts';

/**
 * For work nobody waits for, such as writing down what came in: a failure (a full disk, most likely) is told to the
 * person and does not end the console.
 */
export function guard(report: (problem: Problem) => void, work: () => void | Promise<void>): void {
  try {
    const running = work();
    if (running instanceof Promise) running.catch((error: unknown) => report(notKept(error)));
  } catch (error) {
    report(notKept(error));
  }
}

function notKept(error: unknown): Problem {
  const cause = error instanceof Error ? error.message : String(error);
  return {
    kind: 'not-kept',
    message: `This console could not write down what it heard: ${cause}.`,
    next: 'Look whether the disk of this workstation is full. Hosts and protection go on regardless.',
  };
}
