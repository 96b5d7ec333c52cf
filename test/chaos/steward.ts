import type { ProtectedFleet } from '../lab/protected-fleet.ts';
import { pause } from './scene.ts';
import { Epochs } from './verdict.ts';

const EVERY_MS = 1_000;

/** The operator during the chaos: gives up copies that were set aside, by order; and keeps book of what agents show. */
export class Steward {
  readonly epochs = new Epochs();
  /** Looks in which a pair was armed, and all. */
  readonly seen = { armed: 0, all: 0 };
  readonly #fleet: ProtectedFleet;
  #over = false;
  #work: Promise<void> = Promise.resolve();

  constructor(fleet: ProtectedFleet) {
    this.#fleet = fleet;
  }

  start(): void {
    this.#work = this.#look();
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#work;
  }

  async #look(): Promise<void> {
    while (!this.#over) {
      for (const machine of this.#fleet.plan.machines) await this.#tend(machine);
      await pause(EVERY_MS);
    }
  }

  async #tend(machine: string): Promise<void> {
    const sight = await this.#fleet.sight(machine);
    this.seen.all += 1;
    if (sight.record?.armed) this.seen.armed += 1;
    for (const [host, { record }] of Object.entries(sight.members))
      this.epochs.saw(host, record.pairId, record.epoch.n, Date.now());
    await this.#fleet.resolveQuarantine(machine, sight);
  }
}
