import type { FleetSnapshot, HostView, PairView } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';
import type { MarkIcon, Tone } from '../../lib/pair-state.ts';
import { to } from '../../lib/router.ts';

/** The one sentence above the picture, and the single most urgent thing to do. */
export interface Headline {
  tone: Tone;
  icon: MarkIcon;
  text: string;
  detail: string;
  action: HeadlineAction | null;
}

export interface HeadlineAction {
  label: string;
  /** A place to go to; null: the order in `mend` is given at once. */
  href: string | null;
  mend?: { pairId: string; obstacle: PairView['automation']['obstacles'][number] };
}

export const words = m.map.headline;
export type Rule = (fleet: FleetSnapshot, now: number) => Headline | null;

export function hypervisors(fleet: FleetSnapshot): HostView[] {
  return Object.values(fleet.hosts).filter((host) => host.role === 'hypervisor');
}

export function hostName(fleet: FleetSnapshot, id: string): string {
  return fleet.hosts[id]?.name ?? id;
}

export function withHealth(fleet: FleetSnapshot, health: PairView['health']): PairView[] {
  return Object.values(fleet.pairs)
    .filter((pair) => pair.health === health)
    .sort(byName);
}

export const byName = (a: PairView, b: PairView): number => a.name.localeCompare(b.name, 'en');

export function pairHeadline(
  pair: PairView,
  tone: Tone,
  icon: MarkIcon,
  text: string,
  detail: string,
): Headline {
  return { tone, icon, text, detail, action: { label: words.look(pair.name), href: to.pair(pair.id) } };
}
