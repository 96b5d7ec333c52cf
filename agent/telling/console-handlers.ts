import { randomUUID } from 'node:crypto';
import {
  type ConsoleApi,
  compareRevision,
  type Handlers,
  type Problem,
  ProblemError,
  type TellingSecrets,
  type TellingSettings,
  tellingProblem,
} from '../protocol/index.ts';
import { send } from './deliveries.ts';
import { changedSecrets } from './settings-file.ts';
import type { Telling } from './telling.ts';
import type { Letter } from './transports.ts';

type TellingHandlers = Pick<Handlers<ConsoleApi>, 'telling.get' | 'telling.set' | 'telling.test'>;

/** How a console sees and sets whom the fleet tells, and tries it. */
export function tellingHandlers(telling: Telling): TellingHandlers {
  const { file, options } = telling;
  return {
    'telling.get': async () => telling.view,
    'telling.set': async ({ actor, base, settings, secrets: change }) => {
      const present = file.stored?.revision ?? null;
      if (compareRevision(base, present) !== 0) throw new ProblemError(CHANGED);
      const secrets = checked(settings, changedSecrets(file.secrets, change));
      const revision = { n: (present?.n ?? 0) + 1, mark: randomUUID() };
      const taken = await telling.adopt({ revision, settings, secrets });
      if (!taken) throw new ProblemError(options.self() === null ? NOT_ENROLLED : CHANGED);
      options.audit.append({
        actor,
        event: 'telling-set',
        text: `${actor} changes how people are told: ${inWords(settings)}.`,
      });
      return telling.view;
    },
    'telling.test': async ({ actor, channel, settings, secrets: change }) => {
      const self = options.self();
      if (self === null) throw new ProblemError(NOT_ENROLLED);
      const secrets = checked(settings, changedSecrets(file.secrets, change));
      const before = Date.now();
      const sender = { transports: options.transports, settings: () => settings, secrets: () => secrets };
      const sent = await send(sender, testLetter(self, actor), channel);
      const text = `${actor} sends a test by ${channel === 'mail' ? 'mail' : 'webhook'}: ${sent.ok ? sent.value.answer : sent.problem.message}`;
      options.audit.append({ actor, event: 'telling-tested', text });
      if (!sent.ok) throw new ProblemError(sent.problem);
      return { ...sent.value, tookMs: Date.now() - before };
    },
  };
}

function checked(settings: TellingSettings, secrets: TellingSecrets): TellingSecrets {
  const problem = tellingProblem(settings, { password: secrets.password !== null });
  if (problem) throw new ProblemError(problem);
  return secrets;
}

function testLetter(self: { hostId: string; name: string }, actor: string): Letter {
  return {
    id: randomUUID(),
    at: Date.now(),
    subject: `[Understudy] Test from ${self.name}`,
    text: `${actor} sent this test. When something happens to your machines, ${self.name} tells you this way.\n\nNothing has to be done.\n`,
    urgent: false,
    details: { severity: 'test', items: [], more: 0 },
    self: { hostId: self.hostId, name: self.name },
  };
}

function inWords({ mail, hook, quiet, zone }: TellingSettings): string {
  const ways = [
    ...(mail ? [`mail through ${mail.host} to ${mail.to.join(', ')}`] : []),
    ...(hook ? [`webhook at ${new URL(hook.url).host}`] : []),
  ];
  const hours = quiet ? `; quiet from ${quiet.from} to ${quiet.to} (${zone})` : '';
  return `${ways.length > 0 ? ways.join(' and ') : 'nobody is told'}${hours}`;
}

const CHANGED: Problem = {
  kind: 'telling-changed',
  message: 'Somebody else has changed these settings meanwhile.',
  next: 'Look at what they are now, and change them again.',
};

const NOT_ENROLLED: Problem = {
  kind: 'not-enrolled',
  message: 'This host does not belong to a fleet yet.',
  next: 'Add the host in the console first.',
};
