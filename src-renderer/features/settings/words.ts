import type { DesktopChoice, SettingsChange } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';
import { policyOptions, profileOptions } from '../automation/options.ts';

/** A setting's value as the settings page says it. */
export function settingWord(setting: SettingsChange['setting'], value: string): string {
  switch (setting) {
    case 'theme':
      return m.settings.themes[value as 'system' | 'light' | 'dark'] ?? value;
    case 'shortcuts':
      return value === 'on' ? m.shortcuts.on : m.shortcuts.off;
    case 'desktop':
      return m.telling.desktopChoices[value as DesktopChoice] ?? value;
    case 'policy':
      return policyOptions(null).find((option) => option.value === value)?.label ?? value;
    case 'profile':
      return profileOptions().find((option) => option.value === value)?.label ?? value;
    case 'witness':
      return value || m.settings.noWitness;
    case 'operator':
      return value;
  }
}
