import type { ParamsOf, ResultOf } from '../../agent/protocol/method.ts';
import { type Problem, ProblemError } from '../../agent/protocol/problem.ts';
import { type CallName, type Client, createClient } from '../contract/client.ts';
import type { FleetSnapshot, FromPage, PageApi } from '../contract/index.ts';
import { emptyFleet, patched } from '../contract/patch.ts';
import { words } from './words.ts';

/** Messages of the contract, to a console that runs or to one of this process. */
export interface Road {
  post(message: FromPage): void;
  close(): Promise<void>;
}

/** A page without a window: what it asks, and what it is told of the fleet. */
export class Console {
  fleet: FleetSnapshot = emptyFleet();
  readonly #client: Client;
  #road: Road | null = null;
  readonly #changed = new Set<() => void>();
  #lost: Problem | null = null;

  constructor() {
    this.#client = createClient((message) => this.#road?.post(message), words.client);
    this.#client.on('fleet', (patch) => {
      this.fleet = patched(this.fleet, patch);
      this.#tell();
    });
  }

  /** Feed for messages that come over the road. */
  receive(message: unknown): void {
    this.#client.receive(message);
  }

  /** The road is gone. */
  lost(): void {
    this.#lost = words.client.consoleLost;
    this.#client.lost();
    this.#tell();
  }

  async open(road: Road): Promise<void> {
    this.#road = road;
    this.#client.opened();
    this.fleet = await this.call('fleet.snapshot', {});
  }

  close(): Promise<void> {
    return this.#road?.close() ?? Promise.resolve();
  }

  /** Throws ProblemError for what is refused. */
  async call<M extends CallName>(method: M, params: ParamsOf<PageApi, M>): Promise<ResultOf<PageApi, M>> {
    const result = await this.#client.call(method, params);
    if (!result.ok) throw new ProblemError(result.problem);
    return result.value;
  }

  /** Looks at every change of the fleet until `look` finds something; null when the time is over before. */
  until<T>(look: (fleet: FleetSnapshot) => T | null, limitMs = Number.POSITIVE_INFINITY): Promise<T | null> {
    return new Promise((resolve, reject) => {
      const over = (end: () => void): void => {
        clearTimeout(timer);
        this.#changed.delete(see);
        end();
      };
      const see = (): void => {
        if (this.#lost) {
          const problem = this.#lost;
          over(() => reject(new ProblemError(problem)));
          return;
        }
        const found = look(this.fleet);
        if (found !== null) over(() => resolve(found));
      };
      const timer = Number.isFinite(limitMs)
        ? setTimeout(() => over(() => resolve(null)), limitMs)
        : undefined;
      this.#changed.add(see);
      see();
    });
  }

  #tell(): void {
    for (const look of [...this.#changed]) look();
  }
}
