import { expect, it } from 'vitest';
import { compareText } from './collate.ts';

it('sorts as a person would: numbers by value, no matter the case or the accents', () => {
  const names = ['vm10', 'Vm2', 'ärger', 'zebra', 'Arger', 'vm002', 'a'];
  expect([...names].sort(compareText)).toEqual(['a', 'Arger', 'ärger', 'Vm2', 'vm002', 'vm10', 'zebra']);
});

it('is an order: the same two never stand differently, and only a name is equal to itself', () => {
  expect(compareText('a1', 'a1')).toBe(0);
  expect(compareText('A1', 'a1')).toBe(-compareText('a1', 'A1'));
  expect(compareText('A1', 'a1')).not.toBe(0);
});
