import { randomUUID } from 'node:crypto';
import type { SettingTable } from '../storage/tables.ts';

const KEY = 'fleet-id';

/** Which fleet this console looks after. Its own until a host of an existing fleet is the first one added. */
export class FleetIdentity {
  readonly #settings: SettingTable;
  #settled: boolean;
  #fleetId: string;

  constructor(settings: SettingTable) {
    this.#settings = settings;
    const kept = settings.get(KEY);
    this.#settled = typeof kept === 'string';
    this.#fleetId = typeof kept === 'string' ? kept : randomUUID();
  }

  get fleetId(): string {
    return this.#fleetId;
  }

  /** A console without hosts, e.g. a second one or one whose database was lost, may join the fleet it meets. */
  mayAdopt(hostCount: number): boolean {
    return hostCount === 0;
  }

  adopt(fleetId: string): void {
    this.#fleetId = fleetId;
    this.#settled = false;
  }

  /** The first host is in: from now on the id holds. */
  settle(): void {
    if (this.#settled) return;
    this.#settings.put(KEY, this.#fleetId);
    this.#settled = true;
  }
}
