import * as v from 'valibot';
import { compareEpoch } from '../protocol/index.ts';
import { Progress } from './messages.ts';
import { Ballot, compareBallot, higher, type LeaseRecord, NO_BALLOT, newest, Versioned } from './record.ts';

/** What a voter has fsynced before it answers anybody. One file per pair. */
export const VoterState = v.object({
  incarnation: v.number(),
  /** Counts durable writes; together with the incarnation it tells a restored backup from the real thing. */
  writes: v.number(),
  promised: Ballot,
  accepted: v.nullable(Versioned),
  chosen: v.nullable(Versioned),
  /** The most seen of every other voter. */
  seen: v.record(v.string(), Progress),
  /** False from the moment its history is in doubt until it has read both others (rule *continuity*). */
  sound: v.boolean(),
  /** Longest hold (ms) of a grant that may be alive: after a start nobody remembers the grants, so silence lasts it out. */
  longestHoldMs: v.number(),
});
export type VoterState = v.InferOutput<typeof VoterState>;

export const freshState = (sound: boolean): VoterState => ({
  incarnation: 0,
  writes: 0,
  promised: NO_BALLOT,
  accepted: null,
  chosen: null,
  seen: {},
  sound,
  longestHoldMs: 0,
});

export type Verdict = { state: VoterState; ok: true } | { ok: false; promised: Ballot; reason: string };

const refuse = (state: VoterState, reason: string): Verdict => ({
  ok: false,
  promised: state.promised,
  reason,
});

/** CASPaxos phase 1 (Rystsov 2018, 2.2): never again anything below `ballot`. */
export function prepare(state: VoterState, ballot: Ballot): Verdict {
  if (!state.sound) return refuse(state, 'unsound');
  if (compareBallot(ballot, state.promised) <= 0) return refuse(state, 'outranked');
  return { ok: true, state: { ...state, promised: ballot } };
}

/**
 * CASPaxos phase 2. `granted` says whether the record's owner holds a live lease *from this voter*: without it a takeover into
 * a newer epoch is not accepted (rule *coupling*, M).
 */
export function accept(state: VoterState, ballot: Ballot, record: LeaseRecord, granted: boolean): Verdict {
  if (!state.sound) return refuse(state, 'unsound');
  if (compareBallot(ballot, state.promised) < 0) return refuse(state, 'outranked');
  const held = state.accepted?.record ?? null;
  const newEpoch = held === null || compareEpoch(record.epoch, held.epoch) > 0;
  if (newEpoch && record.change === 'takeover' && !granted) return refuse(state, 'no-lease');
  return { ok: true, state: { ...state, promised: ballot, accepted: { ballot, record } } };
}

/**
 * Takes over what is known to be chosen. Safe at any time: a chosen value is accepted by a majority, so whoever
 * promised a higher ballot finds it there.
 */
export function learn(state: VoterState, chosen: Versioned): VoterState {
  if (state.chosen !== null && compareBallot(chosen.ballot, state.chosen.ballot) <= 0) return state;
  const accepted = state.accepted === null || compareBallot(chosen.ballot, state.accepted.ballot) > 0;
  return {
    ...state,
    chosen,
    accepted: accepted ? chosen : state.accepted,
    promised: higher(state.promised, chosen.ballot),
  };
}

/** Back from a doubtful history, once *both* others have been read under a ballot they promised to `self`. */
export function recover(
  state: VoterState,
  fence: Ballot,
  accepted: Versioned | null,
  incarnation: number,
): VoterState {
  return {
    ...state,
    sound: true,
    incarnation: Math.max(state.incarnation, incarnation),
    promised: higher(state.promised, fence),
    accepted: newest(state.accepted, accepted),
  };
}
