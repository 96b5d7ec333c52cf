import type { ProtectedFleet } from '../lab/protected-fleet.ts';
import { pause } from './scene.ts';
import { Epochs } from './verdict.ts';

const EVERY_MS = 1_000;

/** Old copies are deleted this often, when all pairs are armed: every failover leaves some, and the volumes are small. */
const DROP_EVERY_MS = 120_000;

/** The operator during the chaos: gives up copies that were set aside, by order; and keeps book of what agents show. */
export class Steward {
  readonly epochs = new Epochs();
  /** Looks in which a pair was armed, and all. */
  readonly seen = { armed: 0, all: 0 };
  readonly #fleet: ProtectedFleet;
  #over = false;
  #dropped = Date.now();
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
      let armed = true;
      for (const machine of this.#fleet.plan.machines) armed = (await this.#tend(machine)) && armed;
      if (armed && Date.now() - this.#dropped > DROP_EVERY_MS) {
        this.#dropped = Date.now();
        await this.#fleet.dropAside();
      }
      await pause(EVERY_MS);
    }
  }

  /** Whether it is armed. */
  async #tend(machine: string): Promise<boolean> {
    const sight = await this.#fleet.sight(machine);
    this.seen.all += 1;
    if (sight.record?.armed) this.seen.armed += 1;
    for (const [host, { record }] of Object.entries(sight.members))
      this.epochs.saw(host, record.pairId, record.epoch.n, Date.now());
    await this.#fleet.resolveQuarantine(machine, sight);
    return sight.record?.armed === true;
  }
}
