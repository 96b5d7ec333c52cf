import { expect, it } from 'vitest';
import { fleet, host, offline, pair, vm } from '../../../src-main/contract/testing-fleet.ts';
import { destinations, find } from './places.ts';

const snapshot = fleet(
  [host('atlas', { connection: offline }), host('boreas')],
  [vm('atlas', 'mail'), vm('boreas', 'print')],
  [pair('mail', 'atlas', 'boreas', 'primary-lost')],
);
const labels = (text: string): string[] => find(destinations(snapshot), text).map((each) => each.label);

it('puts the urgent order first', () => {
  expect(labels('')[0]).toBe('Fail over mail…');
});

it('finds places by name, kind and host; what begins with the text first', () => {
  expect(labels('mail')).toEqual(['mail', 'Fail over mail…']);
  expect(labels('boreas machine')).toEqual(['Protect print…']);
  expect(labels('act')[0]).toBe('Activity');
  expect(labels('nothing at all')).toEqual([]);
  expect(labels('split brain')).toEqual(['Witness: the third vote']);
  expect(labels('pdf')[0]).toBe('Offline runbook');
});
