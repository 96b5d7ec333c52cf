import { type ConsoleApi, type Handlers, type Problem, ProblemError } from '../protocol/index.ts';
import type { ConsoleWitnesses, WitnessLine } from './console-witnesses.ts';

type WitnessMethod = 'witness.attach' | 'witness.envelope' | 'witness.answer';

/** One connection's part in its console's own vote. */
export class OwnWitnessDesk {
  readonly #witnesses: ConsoleWitnesses;
  readonly #console: WitnessLine['console'];
  #line: WitnessLine | null = null;

  constructor(witnesses: ConsoleWitnesses, console: WitnessLine['console']) {
    this.#witnesses = witnesses;
    this.#console = console;
  }

  readonly handlers: Pick<Handlers<ConsoleApi>, WitnessMethod> = {
    'witness.attach': async ({ hostId, name }) => {
      const line = { hostId, name, console: this.#console };
      this.#witnesses.attach(line);
      this.close();
      this.#line = line;
      return {};
    },
    'witness.envelope': async ({ envelope }) => {
      this.#witnesses.receive(this.#attached(), envelope);
      return {};
    },
    'witness.answer': async (answer) => {
      this.#witnesses.answered(this.#attached(), answer);
      return {};
    },
  };

  /** The connection has ended. */
  close(): void {
    if (this.#line !== null) this.#witnesses.detach(this.#line);
    this.#line = null;
  }

  #attached(): WitnessLine {
    if (this.#line === null) throw new ProblemError(notAttached);
    return this.#line;
  }
}

const notAttached: Problem = {
  kind: 'not-attached',
  message: 'This console has not said yet that it votes.',
  next: 'Attach first.',
};
