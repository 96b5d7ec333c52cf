import type { ProtectedFleet } from '../lab/protected-fleet.ts';
import { Book } from './book.ts';
import type { Person } from './person.ts';
import { pause } from './scene.ts';
import { Epochs } from './verdict.ts';

const EVERY_MS = 1_000;

/** Old copies are deleted this often, when all pairs are ready: every failover leaves some, and the volumes are small. */
const DROP_EVERY_MS = 120_000;

/** The operator during the chaos: gives up copies that were set aside, by order; and keeps book of what agents show. */
export class Steward {
  readonly epochs = new Epochs();
  readonly book = new Book();
  readonly #fleet: ProtectedFleet;
  readonly #person: Person;
  #over = false;
  #dropped = Date.now();
  #work: Promise<void> = Promise.resolve();

  constructor(fleet: ProtectedFleet, person: Person) {
    this.#fleet = fleet;
    this.#person = person;
  }

  /** Resolves once stopped; rejects when it cannot go on. */
  start(): Promise<void> {
    this.#work = this.#look();
    return this.#work;
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#work;
  }

  async #look(): Promise<void> {
    while (!this.#over) {
      let ready = true;
      for (const machine of this.#fleet.plan.machines) ready = (await this.#tend(machine)) && ready;
      if (ready && Date.now() - this.#dropped > DROP_EVERY_MS) {
        this.#dropped = Date.now();
        await this.#fleet.dropAside();
      }
      await pause(EVERY_MS);
    }
  }

  /** Whether it is armed, or as well kept as it is to be. */
  async #tend(machine: string): Promise<boolean> {
    const sight = await this.#fleet.sight(machine);
    const loose = this.#fleet.isLoose(machine);
    const ready = loose ? this.#fleet.isReady(sight, false) : sight.record?.armed === true;
    this.book.saw(machine, sight, ready);
    for (const [host, { record }] of Object.entries(sight.members))
      this.epochs.saw(host, record.pairId, record.epoch.n, Date.now());
    if (loose) await this.#person.tend(machine, sight);
    await this.#fleet.resolveQuarantine(machine, sight);
    return ready;
  }
}
