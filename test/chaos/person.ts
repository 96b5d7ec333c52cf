import { startFrom } from '../lab/modes/points.ts';
import type { PairSight, ProtectedFleet } from '../lab/protected-fleet.ts';
import type { Client } from './client.ts';
import type { Scene } from './scene.ts';

/** A person waits so long for a host that lost its power before the copy is started, ms. */
const PATIENCE_MS = 2_000;

/**
 * Decides about machines whose copies are kept by points, as nobody else may: starts one from its newest point when its host has
 * truly lost its power. Whoever forces a start on a guess is no part of the contract.
 */
export class Person {
  /** Failovers carried out. */
  failovers = 0;
  readonly #fleet: ProtectedFleet;
  readonly #scene: Scene;
  readonly #clients: ReadonlyMap<string, Client>;
  /** Up to when the copy was whole as it was shown last, wall clock of the owner (ms); by machine. */
  readonly #shown = new Map<string, { owner: string; wholeUntil: number }>();

  constructor(scene: Scene, clients: readonly Client[]) {
    this.#fleet = scene.fleet;
    this.#scene = scene;
    this.#clients = new Map(clients.map((client) => [client.machine, client]));
  }

  async tend(machine: string, sight: PairSight): Promise<void> {
    const { owner, standby, members, record } = sight;
    if (!owner || !standby || !record) return;
    const mine = members[owner];
    if (mine) {
      const until = record.replica.mode === 'sync' ? null : mine.mirror?.follow?.wholeUntil;
      if (until == null) this.#shown.delete(machine);
      else this.#shown.set(machine, { owner, wholeUntil: until });
      return;
    }
    const shown = this.#shown.get(machine);
    const since = this.#scene.offSince(owner);
    if (shown?.owner !== owner || since === null || Date.now() - since < PATIENCE_MS) return;
    if (!members[standby]?.restorePoints?.length || sight.busy) return;
    const lost = { from: shown.wholeUntil, to: since };
    await this.#scene.relyOnOff(owner, () => this.#fail(machine, standby, lost));
  }

  async #fail(machine: string, standby: string, lost: { from: number; to: number }): Promise<void> {
    this.#shown.delete(machine);
    await this.#clients.get(machine)?.during(lost, async () => {
      try {
        this.#scene.say(`a person starts ${machine} on ${standby}, as of ${lost.to - lost.from} ms before`);
        await startFrom(this.#fleet, machine, standby);
        this.failovers += 1;
        return true;
      } catch (error) {
        // Another fault came between; whether it was carried out all the same is seen by where it runs afterwards.
        this.#scene.say(`${machine} is not started on ${standby}: ${String(error)}`);
        return (await this.#fleet.sight(machine)).owner === standby;
      }
    });
  }
}
