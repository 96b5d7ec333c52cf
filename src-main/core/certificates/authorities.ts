import type { SecretStore } from '../secrets/secret-store.ts';
import { type CaStore, FleetAuthority } from './authority.ts';

/** Small values by name: the console's settings table. */
export interface ValueStore {
  get(key: string): unknown;
  put(key: string, value: unknown): void;
}

export interface AuthoritiesOptions {
  secrets: SecretStore;
  values: ValueStore;
  now: () => number;
  /** What a CA that begins here says of whose it is, for the other consoles. */
  whose?: () => string;
}

/** One authority a fleet, opened when it is first needed. */
export class FleetAuthorities {
  readonly #options: AuthoritiesOptions;
  readonly #open = new Map<string, Promise<FleetAuthority>>();

  constructor(options: AuthoritiesOptions) {
    this.#options = options;
  }

  /** Begins a new generation when this console does not have the CA's key. */
  async open(fleetId: string): Promise<FleetAuthority> {
    const opened = this.#open.get(fleetId) ?? FleetAuthority.open(this.#optionsFor(fleetId));
    this.#open.set(fleetId, opened);
    return opened;
  }

  /** The authority only if its key is at hand: never begins a new generation. */
  async atHand(fleetId: string): Promise<FleetAuthority | null> {
    if (this.#open.has(fleetId)) return this.open(fleetId);
    return (await FleetAuthority.hasKey(this.#optionsFor(fleetId))) ? this.open(fleetId) : null;
  }

  /** Public certificates of every CA that this console ever began, PEM. */
  own(fleetId: string): string[] {
    return casOf(fleetId, this.#options.values).list();
  }

  #optionsFor(fleetId: string) {
    const { secrets, values, now, whose } = this.#options;
    return { fleetId, secrets, now, cas: casOf(fleetId, values), whose: whose?.() ?? '' };
  }
}

function casOf(fleetId: string, values: ValueStore): CaStore {
  const key = `fleet-cas:${fleetId}`;
  const list = (): string[] => {
    const kept = values.get(key);
    return Array.isArray(kept) ? kept.filter((pem): pem is string => typeof pem === 'string') : [];
  };
  return { list, add: (pem) => values.put(key, [...list(), pem]) };
}
