import type { FleetSnapshot, PairView, VmView } from '../../../src-main/contract/index.ts';
import { automationMark, isUnarmedByFault } from '../../lib/automation.ts';
import { type Mark, pairMark } from '../../lib/pair-state.ts';
import type { LayoutOptions } from './layout.ts';

/** What is picked out of the fleet, on the map and in the list. */
export type Filter = 'all' | 'attention' | 'not-armed' | 'by-itself' | 'unprotected';
export const FILTERS: readonly Filter[] = ['all', 'attention', 'not-armed', 'by-itself', 'unprotected'];

export const wordsOf = (text: string): string[] => text.toLowerCase().split(/\s+/).filter(Boolean);
export const hasAll = (hay: string, words: readonly string[]): boolean => {
  const low = hay.toLowerCase();
  return words.every((word) => low.includes(word));
};

export const needsSomebody = ({ tone }: Mark): boolean => tone === 'attention' || tone === 'danger';

export function pairPasses(pair: PairView, filter: Filter, mark: Mark): boolean {
  switch (filter) {
    case 'all':
      return true;
    case 'attention':
      return needsSomebody(mark) || isUnarmedByFault(pair);
    case 'not-armed':
      return !pair.automation.armed;
    case 'by-itself':
      return pair.automation.armed;
    default:
      return false;
  }
}

const CRASHED: readonly VmView['vm']['state'][] = ['crashed', 'paused'];
export function alonePasses({ vm }: VmView, filter: Filter): boolean {
  if (filter === 'attention') return CRASHED.includes(vm.state);
  return filter === 'all' || filter === 'unprotected' || filter === 'not-armed';
}

/** Every word typed must occur in machine, hosts or state. Nothing typed and all shown: undefined. */
export function finder(
  fleet: FleetSnapshot,
  text: string,
  filter: Filter,
  now: number,
): LayoutOptions['shows'] | undefined {
  const words = wordsOf(text);
  if (words.length === 0 && filter === 'all') return undefined;
  const name = (id: string): string => fleet.hosts[id]?.name ?? '';
  return {
    pair(pair) {
      const mark = pairMark(pair, false, now);
      if (!pairPasses(pair, filter, mark)) return false;
      const hay = [pair.name, name(pair.primary), name(pair.standby), mark.word, automationMark(pair).word];
      return words.length === 0 || hasAll(hay.join(' '), words);
    },
    vm: (view) =>
      alonePasses(view, filter) && hasAll([view.vm.name, name(view.hostId), view.vm.state].join(' '), words),
  };
}
