import * as v from 'valibot';
import { method, nothing } from '../../agent/protocol/index.ts';
import { Settings } from './views.ts';

/** A settings file; longer ones are none. */
export const SettingsText = v.pipe(v.string(), v.maxLength(1_000_000));

/** What a settings file would change here. `setting` names which; `from` and `to` are what the page has words for. */
export const SettingsChange = v.object({
  setting: v.picklist(['theme', 'operator', 'shortcuts', 'desktop', 'policy', 'profile', 'witness']),
  from: v.string(),
  to: v.string(),
});
export type SettingsChange = v.InferOutput<typeof SettingsChange>;

export const SettingsPreview = v.object({
  changes: v.array(SettingsChange),
  /** Hosts in the file that this console does not know. */
  hosts: v.array(v.object({ name: v.string(), address: v.string() })),
});
export type SettingsPreview = v.InferOutput<typeof SettingsPreview>;

/** Parts of a diagnostics file, secrets taken out. */
export const Diagnostics = v.object({
  /** Suggested name of the file. */
  name: v.string(),
  parts: v.array(
    v.object({
      part: v.picklist(['versions', 'settings', 'notices', 'fleet', 'audit', 'log']),
      text: v.string(),
    }),
  ),
});
export type Diagnostics = v.InferOutput<typeof Diagnostics>;

/** Settings to a file and back; diagnostics. */
export const transferMethods = {
  /** What is set here and where the hosts are, as a file without a secret in it. */
  'settings.export': method(nothing, v.object({ name: v.string(), text: v.string() })),
  /** What taking such a file over would change. Changes nothing. */
  'settings.preview': method(v.object({ text: SettingsText }), SettingsPreview),
  'settings.import': method(v.object({ text: SettingsText }), Settings),
  /** What goes into a diagnostics file, secrets taken out. Nothing is sent anywhere. */
  'diagnostics.gather': method(nothing, Diagnostics, 20_000),
} as const;
