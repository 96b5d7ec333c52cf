import type { Problem } from '../../../agent/protocol/index.ts';
import type { Settings, SettingsPreview } from '../../contract/index.ts';
import type { HostRecord } from '../storage/host-table.ts';
import type { SettingsService } from './settings.ts';
import { merged, preview, readSettingsFile, settingsFile } from './transfer.ts';

export interface TransferDeps {
  settings: SettingsService;
  hosts: () => HostRecord[];
  now: () => number;
  /** Offers a host of the file that is not known here. */
  report: (problem: Problem) => void;
}

/** Settings to a file and back. */
export class TransferService {
  readonly #deps: TransferDeps;

  constructor(deps: TransferDeps) {
    this.#deps = deps;
  }

  export(): { name: string; text: string } {
    const now = this.#deps.now();
    const day = new Date(now).toISOString().slice(0, 10);
    const text = settingsFile(this.#deps.settings.get(), this.#deps.hosts(), now);
    return { name: `understudy-settings-${day}.json`, text };
  }

  /** Throws ProblemError `settings-file`. */
  preview(text: string): SettingsPreview {
    return preview(readSettingsFile(text), this.#deps.settings.get(), this.#deps.hosts());
  }

  /** Throws ProblemError `settings-file`; nothing is changed then. */
  import(text: string): Settings {
    const { settings, hosts, report } = this.#deps;
    const file = readSettingsFile(text);
    const { hosts: unknown } = preview(file, settings.get(), hosts());
    const changed = settings.set(merged(file, settings.get()));
    for (const host of unknown) report(hostInFile(host.name, host.address));
    return changed;
  }
}

function hostInFile(name: string, address: string): Problem {
  return {
    kind: 'fleet-member-unknown',
    message: `${name} (${address}) is in the settings file, and this console does not know it.`,
    next: `Add ${name} with "Add a host".`,
    details: { name, address },
  };
}
