import type { FleetSnapshot } from '../../../src-main/contract/index.ts';
import { topics } from '../../lib/manual.ts';
import { m } from '../../lib/messages.ts';
import { to } from '../../lib/router.ts';
import { unprotected } from '../map/layout.ts';

/** Something the palette can go to. */
export interface Destination {
  href: string;
  label: string;
  kind: string;
  /** Host of a machine, site of a host: told apart and found by it. */
  detail: string;
  /** Found by these too; not shown. */
  words?: string;
}

const kinds = m.palette.kinds;

/** Everything there is, most urgent first. */
export function destinations(fleet: FleetSnapshot): Destination[] {
  const host = (id: string): string => fleet.hosts[id]?.name ?? id;
  const pairs = Object.values(fleet.pairs).sort((a, b) => a.name.localeCompare(b.name, 'en'));
  return [
    ...pairs
      .filter((pair) => pair.health === 'primary-lost')
      .map((pair) => ({
        href: to.pair(pair.id, 'failover'),
        label: m.palette.failover(pair.name),
        kind: kinds.action,
        detail: host(pair.standby),
      })),
    { href: to.map, label: m.shell.map, kind: kinds.page, detail: '' },
    { href: to.list, label: m.shell.list, kind: kinds.page, detail: '' },
    { href: to.objectives, label: m.objectives.page.title, kind: kinds.page, detail: '' },
    { href: to.whatIf(), label: m.whatIf.title, kind: kinds.page, detail: '' },
    { href: to.activity(), label: m.shell.activity, kind: kinds.page, detail: '' },
    { href: to.settings, label: m.shell.settings, kind: kinds.page, detail: '' },
    { href: to.addHost, label: m.shell.addHost, kind: kinds.action, detail: '' },
    { href: to.witness(), label: m.witness.title, kind: kinds.action, detail: '' },
    { href: to.protect(), label: m.protect.title, kind: kinds.action, detail: '' },
    {
      href: to.runbook(),
      label: m.runbook.open,
      kind: kinds.page,
      detail: '',
      words: m.manual.topics.runbook.words,
    },
    { href: to.manual(), label: m.manual.open, kind: kinds.page, detail: '' },
    ...pairs.map((pair) => ({
      href: to.pair(pair.id),
      label: pair.name,
      kind: kinds.pair,
      detail: host(pair.primary),
    })),
    ...Object.values(fleet.hosts).map((each) => ({
      href: to.host(each.id),
      label: each.name,
      kind: kinds.host,
      detail: each.site,
    })),
    ...unprotected(fleet).map(({ hostId, vm }) => ({
      href: to.protect({ hostId, vmUuid: vm.uuid }),
      label: m.palette.protect(vm.name),
      kind: kinds.machine,
      detail: host(hostId),
    })),
    ...topics.map(([id, { title, words }]) => ({
      href: to.manual(id),
      label: title,
      kind: kinds.manual,
      detail: '',
      words,
    })),
  ];
}

const SHOWN = 9;

/** Every word typed must occur; what begins with the text comes first. */
export function find(all: readonly Destination[], text: string): Destination[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const whole = words.join(' ');
  const rank = (each: Destination): number => (each.label.toLowerCase().startsWith(whole) ? 0 : 1);
  return all
    .filter((each) => {
      const hay = `${each.label} ${each.kind} ${each.detail} ${each.words ?? ''}`.toLowerCase();
      return words.every((word) => hay.includes(word));
    })
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, SHOWN);
}
