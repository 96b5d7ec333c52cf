import { pauseState } from '../../lib/automation.ts';
import { topics } from '../../lib/manual.ts';
import { m } from '../../lib/messages.ts';
import { to } from '../../lib/router.ts';
import type { Entry, Ground, PaletteOrder } from './entry.ts';

const words = m.palette;
const { page, action, manual } = words.kinds;

/** Places and what concerns the whole fleet or this console. */
export function consoleEntries({ fleet, practice }: Ground): Entry[] {
  const connected = Object.keys(fleet.hosts).length > 0;
  return [
    at(page, to.map, m.shell.map),
    at(page, to.list, m.shell.list),
    at(page, to.objectives, m.objectives.page.title),
    at(page, to.whatIf(), m.whatIf.title),
    at(page, to.activity(), m.shell.activity),
    at(page, to.settings(), m.shell.settings),
    { ...at(page, to.settings('telling'), m.telling.title), words: words.also.telling ?? '' },
    { ...at(page, to.settings('desktop'), words.desktop), words: words.also.desktop ?? '' },
    { ...at(page, to.runbook(), m.runbook.open), words: m.manual.topics.runbook.words },
    at(page, to.manual(), m.manual.open),
    at(action, to.addHost, m.shell.addHost),
    at(action, to.witness(), m.witness.title),
    at(action, to.protect(), m.protect.title),
    { ...at(action, to.list, words.many), words: words.also.many ?? '' },
    ...(connected ? fleetEntries({ fleet, practice }) : []),
    give({ do: 'practice', on: !practice }, practice ? m.settings.practiceStop : m.settings.practiceStart),
    ...(['system', 'light', 'dark'] as const).map((theme) =>
      give({ do: 'theme', theme }, words.theme(m.settings.themes[theme])),
    ),
    give({ do: 'shortcuts' }, m.shortcuts.title),
    give({ do: 'export-settings' }, m.transfer.export),
    at(action, to.settings('import'), m.transfer.import),
    at(action, to.settings('diagnostics'), m.diagnostics.open),
  ];
}

/** What the manual tells about. */
export const manualEntries = (): Entry[] =>
  topics.map(([id, topic]) => ({ ...at(manual, to.manual(id), topic.title), words: topic.words }));

function fleetEntries({ fleet }: Ground): Entry[] {
  const pause = pauseState(fleet);
  const { maintenance } = m.automation;
  return [
    give({ do: 'export-history' }, words.exportHistory, to.activity()),
    ...(pause.empty ? [] : [at(action, to.settings('maintenance'), maintenance.title(maintenance.fleet))]),
    ...(pause.empty || pause.paused === pause.pairs ? [] : [give({ do: 'pause' }, words.pause)]),
    ...(pause.paused === 0 ? [] : [give({ do: 'resume' }, words.resume)]),
  ];
}

const at = (kind: string, href: string, label: string): Entry => ({ href, label, kind, detail: '' });

const give = (order: PaletteOrder, label: string, href: string = to.settings()): Entry => ({
  href,
  order,
  label,
  kind: action,
  detail: '',
});
