import { announcer } from '../../lib/announcer.svelte.ts';
import { download } from '../../lib/download.ts';
import { m } from '../../lib/messages.ts';
import { call } from '../../lib/session.svelte.ts';

/** Hands the settings to the person as a file. */
export async function saveSettings(): Promise<void> {
  const file = await call('settings.export', {});
  if (!file.ok) return announcer.note('danger', file.problem.message, file.problem.next);
  download(file.value.name, file.value.text, 'application/json');
  announcer.note('ok', m.transfer.exported(file.value.name));
}
