import { expect, it } from 'vitest';
import type { Sending } from '../../hypervisor/migration.ts';
import { Convergence } from './convergence.ts';

const MIB = 2 ** 20;
const at = (rounds: number, leftBytes: number, doneBytes = rounds * MIB): Sending => ({
  phase: 'copying',
  rounds,
  leftBytes,
  doneBytes,
  rateBps: 100e6,
  cause: null,
});
/** Verdicts of rounds that leave so many MiB, a second apart. */
const verdicts = (left: number[]): string[] => {
  const convergence = new Convergence();
  return left.map((mib, round) => convergence.look(at(round + 1, mib * MIB), round * 1000));
};

it('goes on while each round leaves less', () => {
  expect(new Set(verdicts([4096, 900, 400, 180, 90, 40, 20, 10, 5, 4, 2, 1]))).toEqual(new Set(['on']));
});

it('gives up on a guest that writes as fast as the link takes it, and not before it had its chance', () => {
  const told = verdicts([4096, 800, 820, 790, 805, 800, 810, 795, 800, 805, 800, 810]);
  expect(told.indexOf('slow')).toBe(10);
});

it('bears a busy spell', () => {
  expect(verdicts([4096, 900, 400, 1200, 1100, 500, 300, 150, 90, 40, 20])).not.toContain('slow');
});

it('notices that nothing moves any more', () => {
  const convergence = new Convergence();
  expect(convergence.look(at(1, MIB, 5), 0)).toBe('on');
  expect(convergence.look(at(1, MIB, 5), 14_000)).toBe('on');
  expect(convergence.look(at(1, MIB, 6), 14_900)).toBe('on');
  expect(convergence.look(at(1, MIB, 6), 29_000)).toBe('on');
  expect(convergence.look(at(1, MIB, 6), 30_000)).toBe('stalled');
});
