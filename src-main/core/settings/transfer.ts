import * as v from 'valibot';
import { ProblemError } from '../../../agent/protocol/index.ts';
import { Settings, type SettingsChange, type SettingsPreview } from '../../contract/index.ts';
import type { HostRecord } from '../storage/host-table.ts';

/** Raised when an older console would misread the file. */
const VERSION = 1;
const KIND = 'understudy-settings';

const KnownHost = v.object({
  name: v.string(),
  site: v.string(),
  address: v.string(),
  port: v.number(),
  user: v.string(),
});

/** Named one by one: what is added to the settings one day does not slip into the file unseen. */
const Kept = v.object({
  theme: Settings.entries.theme,
  operator: v.pipe(v.string(), v.maxLength(200)),
  newPairs: Settings.entries.newPairs,
  shortcuts: Settings.entries.shortcuts,
  desktop: Settings.entries.desktop,
});

const SettingsFile = v.object({
  kind: v.literal(KIND),
  version: v.literal(VERSION),
  savedAt: v.string(),
  settings: v.partial(Kept),
  hosts: v.optional(v.array(KnownHost), []),
});
type SettingsFile = v.InferOutput<typeof SettingsFile>;

/** The file's text: settings, and where the hosts are. Nothing secret: no log-in's password, no key. */
export function settingsFile(settings: Settings, hosts: readonly HostRecord[], now: number): string {
  const file: SettingsFile = {
    kind: KIND,
    version: VERSION,
    savedAt: new Date(now).toISOString(),
    settings: v.parse(Kept, settings),
    hosts: hosts.map((host) => v.parse(KnownHost, host)),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** Throws ProblemError `settings-file`: what is wrong with it, and where. */
export function readSettingsFile(text: string): SettingsFile {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    throw refused('is not a settings file: it holds no JSON', 'Choose a file that Understudy saved.');
  }
  const head = v.safeParse(v.object({ kind: v.literal(KIND), version: v.number() }), found);
  if (!head.success)
    throw refused(
      'was not saved by Understudy',
      'Choose a file saved under Settings, “Save the settings as a file”.',
    );
  if (head.output.version > VERSION)
    throw refused('was saved by a newer Understudy', 'Install the newer version on this computer first.');
  const file = v.safeParse(SettingsFile, found);
  if (file.success) return file.output;
  const where = file.issues.map((issue) => v.getDotPath(issue) ?? '').filter(Boolean);
  throw refused(`holds what cannot be a setting (${where.join(', ')})`, 'Save it anew, or mend it there.');
}

/** What taking it over would change. */
export function preview(file: SettingsFile, now: Settings, hosts: readonly HostRecord[]): SettingsPreview {
  const then = merged(file, now);
  const values = (settings: Settings): Record<SettingsChange['setting'], string> => ({
    theme: settings.theme,
    operator: settings.operator,
    shortcuts: settings.shortcuts === false ? 'off' : 'on',
    desktop: settings.desktop ?? 'all',
    policy: settings.newPairs.policy,
    profile: settings.newPairs.profile,
    witness:
      hosts.find(({ id }) => id === settings.newPairs.witness)?.name ?? settings.newPairs.witness ?? '',
  });
  const [from, to] = [values(now), values(then)];
  const names = Object.keys(from) as SettingsChange['setting'][];
  const known = new Set(hosts.map(({ address }) => address));
  return {
    changes: names
      .filter((setting) => from[setting] !== to[setting])
      .map((setting) => ({ setting, from: from[setting], to: to[setting] })),
    hosts: file.hosts
      .filter(({ address }) => !known.has(address))
      .map(({ name, address }) => ({ name, address })),
  };
}

/** The settings as they are once it is taken over. */
export function merged({ settings }: SettingsFile, now: Settings): Settings {
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  return { ...now, ...given };
}

function refused(what: string, next: string): ProblemError {
  return new ProblemError({
    kind: 'settings-file',
    message: `This file ${what}. Nothing was changed.`,
    next,
  });
}
