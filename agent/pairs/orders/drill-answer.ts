import type { Answer, Stage, TrialCopy } from '../../drill/stage.ts';
import type { Hypervisor } from '../../hypervisor/hypervisor.ts';
import type { Clock } from '../../ports.ts';
import { type DrillCheck, type Problem, ProblemError } from '../../protocol/index.ts';
import { MADE_WAY } from './drill-problems.ts';

/** A copy that has not answered by then does not, ms. */
const LIMIT_MS = 300_000;
const LOOK_MS = 500;
/** `boots`: how long it has to run on, ms. */
const SETTLED_MS = 30_000;

interface Asked {
  copy: TrialCopy;
  check: DrillCheck;
  addresses: string[];
}

interface Around {
  clock: Clock;
  hypervisor: Pick<Hypervisor, 'guestAnswers'>;
  stage: Pick<Stage, 'ask'>;
  /** Why the trial has to end; null while it need not. */
  over(): Promise<Problem | null>;
}

/** Resolves with the first answer of the kind that counts. Throws the problem when none came, or something broke. */
export async function answered(around: Around, asked: Asked, signal: AbortSignal): Promise<Answer> {
  const refused = unanswerable(asked);
  if (refused) throw new ProblemError(refused);
  const quit = new AbortController();
  const abort = (): void => quit.abort();
  signal.addEventListener('abort', abort, { once: true });
  const found: { answer: Answer | null } = { answer: null };
  const network = around.stage
    .ask(asked.copy, asked.check, asked.addresses, quit.signal)
    .then((answer) => {
      found.answer ??= answer;
    })
    .catch(() => undefined);
  try {
    return await watch(around, asked, signal, found);
  } finally {
    quit.abort();
    signal.removeEventListener('abort', abort);
    await network;
  }
}

async function watch(
  { clock, hypervisor, over }: Around,
  { copy, check }: Asked,
  signal: AbortSignal,
  found: { answer: Answer | null },
): Promise<Answer> {
  const began = clock.bootMs();
  for (;;) {
    if (signal.aborted) throw new ProblemError(MADE_WAY);
    const problem = await over();
    if (problem) throw new ProblemError(problem);
    if (found.answer) return found.answer;
    const byAgent = check.kind === 'answers' || check.kind === 'agent';
    if (byAgent && (await hypervisor.guestAnswers(copy.uuid))) return { evidence: 'its guest agent answers' };
    const ran = clock.bootMs() - began;
    if (check.kind === 'boots' && ran >= SETTLED_MS)
      return { evidence: `it has run for ${SETTLED_MS / 1000} s` };
    if (ran >= LIMIT_MS) throw new ProblemError(silent(copy));
    await new Promise<void>((done) => void clock.setTimeout(done, LOOK_MS));
  }
}

/** A question that nobody could answer is not asked for minutes. */
function unanswerable({ check, addresses }: Asked): Problem | null {
  if ((check.kind !== 'tcp' && check.kind !== 'http') || addresses.length > 0) return null;
  return {
    kind: 'drill-no-address',
    message: 'The address of the machine is not known, so its copy cannot be asked over the network.',
    next: 'Install the guest agent in it, or choose another check.',
  };
}

const silent = (copy: TrialCopy): Problem => ({
  kind: 'drill-no-answer',
  message: `${copy.name} did not answer within ${LIMIT_MS / 60_000} minutes.`,
  next: 'Choose a check that fits the machine (a port, a page, or only that it boots), and start the drill again.',
});
