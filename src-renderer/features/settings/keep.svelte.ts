import type { Settings } from '../../../src-main/contract/index.ts';
import { announcer } from '../../lib/announcer.svelte.ts';
import { m } from '../../lib/messages.ts';
import { call, session } from '../../lib/session.svelte.ts';

/** Keeps a setting that was chosen. Refused or lost: said, and every choice on the page shows again what holds. */
export async function keepSetting(change: Partial<Settings>): Promise<boolean> {
  const kept = await call('settings.set', change);
  if (kept.ok) {
    session.settings = kept.value;
    announcer.say(m.settings.saved);
    return true;
  }
  announcer.note('danger', kept.problem.message, kept.problem.next);
  // As new: a choice that was not kept is shown no longer.
  session.settings = $state.snapshot(session.settings);
  return false;
}
