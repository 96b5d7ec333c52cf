import { userInfo } from 'node:os';
import * as v from 'valibot';
import { Settings } from '../../contract/index.ts';
import type { SettingTable } from '../storage/tables.ts';

const KEY = 'console';

/** What the person chose for this console. */
export class SettingsService {
  readonly #table: SettingTable;
  readonly #onChange: (settings: Settings) => void;

  constructor(table: SettingTable, onChange: (settings: Settings) => void) {
    this.#table = table;
    this.#onChange = onChange;
  }

  get(): Settings {
    const kept = v.safeParse(v.partial(Settings), this.#table.get(KEY) ?? {});
    return { ...defaults(), ...(kept.success ? kept.output : {}) };
  }

  set(change: Partial<Settings>): Settings {
    const next = { ...this.get(), ...change };
    next.operator = next.operator.trim() || defaults().operator;
    this.#table.put(KEY, next);
    this.#onChange(next);
    return next;
  }
}

function defaults(): Settings {
  return {
    theme: 'system',
    operator: loginName(),
    newPairs: { policy: 'manual', profile: 'balanced', witness: null },
  };
}

/** `os.userInfo` throws for a user id without an entry in the password database. */
function loginName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'operator';
  }
}
