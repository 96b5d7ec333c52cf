import { describe, expect, it } from 'vitest';
import { accept, freshState, learn, prepare, recover, type VoterState } from './acceptor.ts';
import { type Ballot, compareBallot, NO_EPOCH } from './record.ts';
import { CONTRACT } from './rules.ts';
import { armedRecord, versioned } from './testing/three-voters.ts';
import { force, isRefusal, takeBack, takeOver } from './transitions.ts';

const ballot = (round: number, node = 'h1'): Ballot => ({ force: NO_EPOCH, config: 1, round, node });
const record = armedRecord();
const held = (): VoterState => learn(freshState(true), versioned(record));
const taken = takeOver('h2', 0, CONTRACT)(record);
if (isRefusal(taken)) throw new Error(taken.refused);

describe('acceptor', () => {
  it('promises only upwards, and accepts nothing below its promise', () => {
    const promised = prepare(held(), ballot(5));
    if (!promised.ok) throw new Error(promised.reason);
    expect(prepare(promised.state, ballot(5))).toMatchObject({ ok: false, reason: 'outranked' });
    expect(prepare(promised.state, ballot(4, 'z'))).toMatchObject({ ok: false, reason: 'outranked' });
    expect(accept(promised.state, ballot(4), record, false)).toMatchObject({
      ok: false,
      reason: 'outranked',
    });
    expect(accept(promised.state, ballot(5), record, false)).toMatchObject({ ok: true });
    expect(accept(promised.state, ballot(6), record, false)).toMatchObject({ ok: true });
  });

  it('accepts a takeover only from the node it granted a lease to (coupling)', () => {
    expect(accept(held(), ballot(5, 'h2'), taken, false)).toMatchObject({ ok: false, reason: 'no-lease' });
    const after = accept(held(), ballot(5, 'h2'), taken, true);
    expect(after).toMatchObject({ ok: true });
    // Once it is in this epoch, later swaps of the new owner need no lease.
    if (after.ok)
      expect(accept(after.state, ballot(6, 'h2'), { ...taken, begun: true }, false).ok).toBe(true);
  });

  it('accepts a take-back without a lease: nothing has run', () => {
    const back = takeBack('h1', 0)(taken);
    if (isRefusal(back)) throw new Error(back.refused);
    expect(accept(held(), ballot(7), back, false).ok).toBe(true);
  });

  it('says nothing while its history is in doubt, and votes again after a fence', () => {
    const doubtful = { ...held(), sound: false };
    expect(prepare(doubtful, ballot(9))).toMatchObject({ ok: false, reason: 'unsound' });
    expect(accept(doubtful, ballot(9), record, true)).toMatchObject({ ok: false, reason: 'unsound' });
    const back = recover(doubtful, ballot(12), { ballot: ballot(11), record: taken }, 4);
    expect(back).toMatchObject({ sound: true, incarnation: 4, accepted: { ballot: ballot(11) } });
    expect(prepare(back, ballot(12)).ok).toBe(false);
    expect(prepare(back, ballot(13)).ok).toBe(true);
  });

  it('learns what is chosen, and never an older one', () => {
    const newer = learn(held(), { ballot: ballot(8), record: taken });
    expect(newer.accepted?.record.owner).toBe('h2');
    expect(compareBallot(newer.promised, ballot(8))).toBe(0);
    expect(learn(newer, versioned(record))).toBe(newer);
  });

  it('ranks what a person forced above every ballot of the history it ended', () => {
    const forced = force(record, 'h2', 0);
    expect(forced).toMatchObject({ forced: true, armed: false, epoch: { n: 2, by: 'h2' } });
    const state = learn(held(), {
      ballot: { force: forced.epoch, config: 1, round: 1, node: 'h2' },
      record: forced,
    });
    expect(prepare(state, ballot(1_000_000))).toMatchObject({ ok: false, reason: 'outranked' });
  });
});
