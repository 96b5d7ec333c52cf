import { type ConsoleApi, type Handlers, ProblemError } from '../protocol/index.ts';

const NOT_YET = {
  kind: 'console-witness-unsupported',
  message: 'This agent does not yet carry the votes of a console.',
  next: 'Choose a box of its own as the witness, or update the agent.',
};

/** The console's own vote (console-api.ts, `witness.attach`): refused in words until the agent carries it. */
export const ownWitnessHandlers: Pick<
  Handlers<ConsoleApi>,
  'witness.attach' | 'witness.envelope' | 'witness.answer'
> = {
  'witness.attach': refuse,
  'witness.envelope': refuse,
  'witness.answer': refuse,
};

async function refuse(): Promise<never> {
  throw new ProblemError(NOT_YET);
}
