import { expect, it } from 'vitest';
import { armed, at, fleet, host, pair, vm } from '../../../src-main/contract/testing-fleet.ts';
import { type Filter, finder } from './search.ts';

const pairs = [
  pair('mail', 'atlas', 'boreas', 'in-sync', { automation: armed('atlas', 'boreas') }),
  pair('db', 'boreas', 'cora', 'held'),
  pair('files', 'atlas', 'cora'),
];
const alone = [vm('cora', 'print'), vm('cora', 'scan', 'crashed')];
const all = fleet([host('atlas'), host('boreas'), host('cora')], alone, pairs);

function found(text: string, filter: Filter = 'all'): string[] {
  const shows = finder(all, text, filter, at);
  if (!shows) return ['everything'];
  return [
    ...pairs.filter((each) => shows.pair(each)).map(({ name }) => name),
    ...alone.filter((each) => shows.vm(each)).map((each) => each.vm.name),
  ];
}

it('finds machines by their name, their hosts and their state, every word', () => {
  expect(found('  ')).toEqual(['everything']);
  expect(found('CORA')).toEqual(['db', 'files', 'print', 'scan']);
  expect(found('held boreas')).toEqual(['db']);
  expect(found('mail cora')).toEqual([]);
});

it('picks out what needs somebody, what starts by itself, what does not, what is not protected', () => {
  expect(found('', 'attention')).toEqual(['db', 'scan']);
  expect(found('', 'by-itself')).toEqual(['mail']);
  expect(found('', 'not-armed')).toEqual(['db', 'files', 'print', 'scan']);
  expect(found('', 'unprotected')).toEqual(['print', 'scan']);
  expect(found('atlas', 'not-armed')).toEqual(['files']);
});
