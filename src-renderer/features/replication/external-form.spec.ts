import { describe, expect, it } from 'vitest';
import type { ReplicationMode } from '../../../agent/protocol/mode.ts';
import { argvOf, lineOf } from '../../../src-main/contract/host-command.ts';
import { costOf, modeSummary } from './cost.ts';
import { entered, kindsFor, modeFrom } from './mode-form.ts';

const each = {
  state: ['/usr/local/sbin/replica', 'state', 'a b'],
  promote: ['/usr/local/sbin/replica', 'promote'],
  demote: null,
};
const EXTERNAL: ReplicationMode = {
  kind: 'external',
  synchronous: true,
  everyS: 5,
  commands: { h1: each, h2: each },
};

describe('the form for a replication of others', () => {
  it.each([
    ['/bin/a b  c', ['/bin/a', 'b', 'c']],
    ['/bin/a "b c" ""', ['/bin/a', 'b c', '']],
    ['  ', []],
    ['/bin/a "b', null],
  ])('reads %j as %j', (line, argv) => {
    expect(argvOf(line)).toEqual(argv);
    if (argv) expect(argvOf(lineOf(argv))).toEqual(argv);
  });

  it.each<ReplicationMode>([{ kind: 'shared' }, EXTERNAL])('gives back what it began with: $kind', (mode) => {
    expect(modeFrom(entered(mode), ['h1', 'h2']).mode).toEqual(mode);
    expect(kindsFor(mode)).toEqual([mode.kind]);
  });

  it('says at the field what cannot be', () => {
    const form = { ...entered({ kind: 'sync' }), kind: 'external' as const };
    expect(modeFrom(form, ['h1']).externalProblems).toMatchObject({
      state: expect.stringContaining('full path'),
      promote: expect.stringContaining('full path'),
      demote: null,
    });
    const wrong = {
      ...form,
      state: 'replica state',
      promote: '/bin/a --password=x',
      demote: '/bin/a "',
      stateEvery: '1 h',
    };
    const { mode, externalProblems } = modeFrom(wrong, ['h1']);
    expect(mode).toBeNull();
    expect(externalProblems).toMatchObject({
      state: expect.stringContaining('full path'),
      promote: expect.stringContaining('secret'),
      demote: expect.stringContaining('quote'),
      stateEvery: expect.stringContaining('5 min'),
    });
  });

  it('tells beforehand what the choice means', () => {
    const writer = { diskBytes: 2 ** 32, writeBps: null };
    expect(costOf({ kind: 'shared' }, writer).join(' ')).toMatch(/single point of failure/);
    expect(costOf(EXTERNAL, writer).join(' ')).toMatch(/your word.*every 5 s/);
    expect(costOf({ ...EXTERNAL, synchronous: false }, writer).join(' ')).toMatch(
      /not brought over yet.*your decision/,
    );
    expect(modeSummary({ ...EXTERNAL, synchronous: false })).toMatch(/not synchronous/);
  });
});
