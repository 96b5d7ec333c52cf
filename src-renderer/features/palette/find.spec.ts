import { expect, it } from 'vitest';
import { fleet, host, offline, pair, task, vm } from '../../../src-main/contract/testing-fleet.ts';
import { type PairDialog, parsePlace, to } from '../../lib/router.ts';
import { entries, find } from './find.ts';

const snapshot = fleet(
  [host('atlas', { connection: offline }), host('boreas')],
  [vm('atlas', 'mail'), vm('boreas', 'print')],
  [pair('mail', 'atlas', 'boreas', 'primary-lost')],
);
const ground = { fleet: snapshot, practice: false };
const labels = (text: string): string[] => find(ground, text).map((each) => each.label);

it('puts the urgent order first', () => {
  expect(labels('')[0]).toBe('Fail over mail…');
});

it('finds places by name, kind and host; what begins with the text first', () => {
  expect(labels('mail')[0]).toBe('mail');
  expect(labels('boreas machine')).toContain('Protect print…');
  expect(labels('act')[0]).toBe('Activity');
  expect(labels('nothing at all')).toEqual([]);
  expect(labels('split brain')).toEqual(['Witness: the third vote']);
  expect(labels('pdf')[0]).toBe('Offline runbook');
});

it('finds what can be done with a host and with the console', () => {
  expect(labels('atlas')).toEqual(expect.arrayContaining(['atlas', 'Reconnect atlas now']));
  expect(labels('boreas fails')).toContain('What if boreas fails');
  expect(labels('mail by hand')).toContain('Runbook of mail');
  expect(labels('move away')).toContain('Move the machines of boreas away');
  expect(labels('pause')[0]).toBe('Pause all automation');
  expect(labels('dark')).toEqual(['Theme: Dark']);
  expect(labels('settings').length).toBeGreaterThan(2);
});

it('offers every dialog of a pair, and says of an order that cannot be given why', () => {
  const all = [...entries(ground)];
  const always: PairDialog[] = [
    'failover',
    'switchover',
    'return',
    'replace',
    'end',
    'automation',
    'maintenance',
    'drill',
    'drill-settings',
    'mode',
    'objectives',
    'verify-settings',
  ];
  const id = snapshot.pairs.mail?.id ?? Object.keys(snapshot.pairs)[0] ?? '';
  for (const dialog of always) expect(all.map(({ href }) => href)).toContain(to.pair(id, dialog));
  const [switchover] = find(ground, 'switch over mail');
  expect(switchover?.reason).toContain('atlas does not answer');
});

it('finds what runs, to stop it', () => {
  const { hostId, task: plain } = task('pair-mail', 'drill', 'boreas');
  const running = { hostId, task: { ...plain, subject: 'mail', cancellable: true } };
  const busy = { ...ground, fleet: { ...snapshot, tasks: { [plain.id]: running } } };
  const [stop] = find(busy, 'cancel mail');
  expect(stop).toMatchObject({ label: 'Stop: Try out the copy of mail…', href: to.activity('pair-mail') });
});

it('leads nowhere that does not exist', () => {
  for (const { href } of entries(ground)) {
    const place = parsePlace(href);
    if (place.page === 'map') expect(href).toBe(to.map);
  }
});

it('stays quick with two thousand machines', () => {
  const names = Array.from({ length: 2000 }, (_, n) => `vm-${n}`);
  const large = fleet(
    [host('atlas'), host('boreas')],
    names.map((name) => vm('atlas', name)),
    names.map((name) => pair(name, 'atlas', 'boreas')),
  );
  expect(find({ fleet: large, practice: false }, 'drill vm-1999').length).toBeGreaterThan(0);
  expect(find({ fleet: large, practice: false }, 'vm')).toHaveLength(9);
});
