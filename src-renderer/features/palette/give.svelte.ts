import { announcer } from '../../lib/announcer.svelte.ts';
import { download } from '../../lib/download.ts';
import { requestId } from '../../lib/ids.ts';
import { m } from '../../lib/messages.ts';
import { router } from '../../lib/place.svelte.ts';
import { to } from '../../lib/router.ts';
import { call, session } from '../../lib/session.svelte.ts';
import { sheet } from '../../lib/shortcuts.svelte.ts';
import { giveWithNotes } from '../automation/automation-order.svelte.ts';
import { saveSettings } from '../settings/transfer.svelte.ts';
import type { PaletteOrder } from './entry.ts';

type Answer = { ok: true } | { ok: false; problem: { message: string; next: string } };

/** Gives an order of the palette; what came of it is a note. */
export async function give(order: PaletteOrder): Promise<void> {
  switch (order.do) {
    case 'pause':
      return giveWithNotes({ kind: 'fleet' }, { paused: true }, m.automation.switch.pausedNote);
    case 'resume':
      return giveWithNotes({ kind: 'fleet' }, { paused: false }, m.automation.switch.resumedNote);
    case 'verify':
      router.go(to.pair(order.pairId));
      return told(await call('pair.verify', { requestId: requestId(), pairId: order.pairId }));
    case 'look-again':
      router.go(to.pair(order.pairId));
      return told(await call('pair.lookAgain', { pairId: order.pairId }));
    case 'reconnect':
      router.go(to.host(order.hostId));
      return told(await call('hosts.reconnect', { hostId: order.hostId, login: null }));
    case 'theme':
      return setTheme(order.theme);
    case 'practice':
      told(await call(order.on ? 'practice.start' : 'practice.stop', {}));
      return router.go(to.map);
    case 'export-history':
      return exportHistory();
    case 'export-settings':
      return saveSettings();
    case 'shortcuts':
      sheet.open = true;
  }
}

async function setTheme(theme: 'system' | 'light' | 'dark'): Promise<void> {
  const saved = await call('settings.set', { theme });
  if (saved.ok) session.settings = saved.value;
  told(saved, m.settings.saved);
}

async function exportHistory(): Promise<void> {
  const table = await call('audit.csv', { pairId: null });
  if (table.ok) download(table.value.name, table.value.text, 'text/csv;charset=utf-8');
  told(table, table.ok ? m.pairs.exported(table.value.name) : '');
}

function told(answer: Answer, done = ''): void {
  if (!answer.ok) announcer.note('danger', answer.problem.message, answer.problem.next);
  else if (done !== '') announcer.note('ok', done);
}
