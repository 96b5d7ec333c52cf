import { type Client, createClient } from '../contract/client.ts';
import type { CoreLink } from './core-link.ts';

/** No window has it: Electron counts from one. */
const DESK_PAGE = 0;
const REPORT = 'Open Understudy and look there.';

/** Tray and notifications attach to the core like a page, but are sent only what they show. */
export function openDesk(core: CoreLink): Client {
  const problem = (kind: string, message: string) => ({ kind, message, next: REPORT });
  const client = createClient((message) => core.fromPage(DESK_PAGE, message), {
    consoleLost: problem('console-lost', "Understudy's core does not run."),
    noAnswer: problem('no-answer', "Understudy's core gives no answer."),
    cancelled: problem('cancelled', 'It was cancelled.'),
    badAnswer: problem('bad-answer', "Understudy's core gives an answer that cannot be read."),
  });
  core.openPage(DESK_PAGE, (message) => client.receive(message), ['desktop', 'notice']);
  client.opened();
  return client;
}
