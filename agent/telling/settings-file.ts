import * as v from 'valibot';
import { DurableFile } from '../journal/durable-file.ts';
import type { Log } from '../ports.ts';
import {
  compareRevision,
  NO_SECRETS,
  type SecretsChange,
  StoredTelling,
  TELLING_DEFAULTS,
  type TellingSecrets,
  type TellingSettings,
} from '../protocol/index.ts';

const Kept = v.object({ fleetId: v.string(), stored: StoredTelling });

/**
 * How the fleet tells people, in a file that only root may read (mode 0600 in a folder 0700). Its secrets have to lie
 * readable there: the agent sends at night, with nobody to ask.
 */
export class SettingsFile {
  readonly #file: DurableFile<typeof Kept>;
  readonly #log: Log;
  readonly #fleetId: () => string | null;
  #kept: v.InferOutput<typeof Kept> | null = null;

  constructor(path: string, log: Log, fleetId: () => string | null) {
    this.#file = new DurableFile(path, Kept);
    this.#log = log;
    this.#fleetId = fleetId;
  }

  async load(): Promise<void> {
    const read = await this.#file.read();
    if (read.ok) this.#kept = read.value;
    // Another member gives it anew.
    else this.#log('warn', read.problem.message);
  }

  /** Null: nothing was ever set, or only for a fleet that this host belonged to before. */
  get stored(): StoredTelling | null {
    return this.#kept !== null && this.#kept.fleetId === this.#fleetId() ? this.#kept.stored : null;
  }

  get settings(): TellingSettings {
    return this.stored?.settings ?? TELLING_DEFAULTS;
  }

  get secrets(): TellingSecrets {
    return this.stored?.secrets ?? NO_SECRETS;
  }

  /** True when it is newer than what was here; durable then. */
  async adopt(offered: StoredTelling): Promise<boolean> {
    const fleetId = this.#fleetId();
    const present = this.stored?.revision ?? null;
    if (fleetId === null || compareRevision(offered.revision, present) <= 0) return false;
    this.#kept = { fleetId, stored: offered };
    await this.#file.write(this.#kept);
    return true;
  }

  settled(): Promise<void> {
    return this.#file.settled();
  }
}

/** What is left out of the change stays. */
export function changedSecrets(present: TellingSecrets, change: SecretsChange): TellingSecrets {
  const take = (key: keyof TellingSecrets): string | null => {
    const given = change[key];
    return given === undefined ? present[key] : given === '' ? null : given;
  };
  return { password: take('password'), headerValue: take('headerValue'), signingKey: take('signingKey') };
}
