import { compareText } from '../../lib/collate.ts';
import { m } from '../../lib/messages.ts';
import { to } from '../../lib/router.ts';
import { unprotected } from '../map/layout.ts';
import { wordsOf } from '../map/search.ts';
import { consoleEntries, manualEntries } from './console-entries.ts';
import { type Entry, type Ground, nameOf } from './entry.ts';
import { hostActions, hostEntry } from './host-entries.ts';
import { pairActions, pairEntry } from './pair-entries.ts';
import { taskEntries } from './task-entries.ts';

const SHOWN = 9;

/** Everything there is to go to or to do, most urgent first. */
export function* entries(ground: Ground): Generator<Entry> {
  const { fleet } = ground;
  const pairs = Object.values(fleet.pairs).sort((a, b) => compareText(a.name, b.name));
  const lost = pairs.filter((pair) => pair.health === 'primary-lost');
  for (const pair of lost) yield* pairActions(pair, ground).slice(0, 1);
  yield* consoleEntries(ground);
  yield* taskEntries(fleet);
  for (const pair of pairs) yield pairEntry(pair, ground);
  for (const host of Object.values(fleet.hosts)) yield hostEntry(host);
  for (const { hostId, vm } of unprotected(fleet)) {
    const href = to.protect({ hostId, vmUuid: vm.uuid });
    const label = m.palette.protect(vm.name);
    yield { href, label, kind: m.palette.kinds.machine, detail: nameOf(fleet, hostId) };
  }
  for (const host of Object.values(fleet.hosts)) yield* hostActions(host);
  for (const pair of pairs) yield* pairActions(pair, ground).slice(lost.includes(pair) ? 1 : 0);
  yield* manualEntries();
}

/** Every word typed must occur; what begins with the text comes first, then what can be done now. */
export function find(ground: Ground, text: string): Entry[] {
  const words = wordsOf(text);
  const whole = words.join(' ');
  const ranks: Entry[][] = [[], [], []];
  for (const entry of entries(ground)) {
    const label = entry.label.toLowerCase();
    const hay = `${label} ${entry.kind} ${entry.detail} ${entry.words ?? ''}`.toLowerCase();
    if (!words.every((word) => hay.includes(word))) continue;
    const rank = entry.reason ? 2 : label.startsWith(whole) ? 0 : 1;
    ranks[rank]?.push(entry);
    // Nothing that comes later can be shown before these.
    if ((ranks[0]?.length ?? 0) >= SHOWN) break;
  }
  return ranks.flat().slice(0, SHOWN);
}
