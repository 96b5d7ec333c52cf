import type { Problem } from '../../../agent/protocol/problem.ts';

const of = (kind: string, message: string, next: string): Problem => ({ kind, message, next });

/** Failures the page itself meets. */
export const problem = {
  consoleLost: of(
    'console-lost',
    'The console does not answer.',
    'Wait until it is back; what you entered is kept.',
  ),
  noAnswer: of('no-answer', 'The console did not answer in time.', 'Try again.'),
  cancelled: of('cancelled', 'Stopped at your request.', 'Start again when you are ready.'),
  badAnswer: of(
    'bad-answer',
    'The console sent something this page does not understand.',
    'Reload the page. If it stays, restart the console.',
  ),
};
