import { ProblemError } from '../../agent/protocol/index.ts';
import type { Common, Order } from './arguments.ts';
import { give } from './commands/orders.ts';
import { status } from './commands/status.ts';
import type { Console } from './console.ts';
import { EXIT, type Outcome, refused } from './outcome.ts';
import { silent, untilKnown } from './reach.ts';
import { words } from './words.ts';

/** One command over a console that is open. Nothing throws but bugs. */
export async function run(
  console: Console,
  order: Order,
  { wait, timeoutMs }: Common,
  say: (line: string) => void,
): Promise<Outcome> {
  try {
    if (Object.keys(console.fleet.hosts).length === 0)
      return refused(order.command, words.noHosts, EXIT.refused);
    await untilKnown(console, timeoutMs);
    if (order.command === 'status') return status(console.fleet);
    return await give(console, order, { wait, timeoutMs, say });
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    const away = silent(console.fleet).map(({ name }) => name);
    // It may be one of those that nobody was told of.
    if (error.problem.kind === 'no-such-machine' && away.length > 0) say(words.unanswered(away));
    const code = error.problem.kind === 'console-lost' ? EXIT.unanswered : EXIT.refused;
    return refused(order.command, error.problem, code);
  }
}
