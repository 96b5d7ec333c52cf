import * as v from 'valibot';
import { HostId, PairId } from '../protocol/index.ts';
import { Ballot, LeaseRecord, Versioned } from './record.ts';

/** How far a voter's durable history is known: its starts, and its durable writes. */
export const Progress = v.object({ incarnation: v.number(), writes: v.number() });
export type Progress = v.InferOutput<typeof Progress>;

const Id = v.pipe(v.number(), v.integer());

/** Requests are answered by a voter; answers go to the proposer or the lease that asked. */
export const Body = v.variant('kind', [
  v.object({ kind: v.literal('prepare'), ballot: Ballot }),
  v.object({ kind: v.literal('promise'), ballot: Ballot, accepted: v.nullable(Versioned) }),
  v.object({ kind: v.literal('accept'), ballot: Ballot, record: LeaseRecord }),
  v.object({ kind: v.literal('accepted'), ballot: Ballot }),
  /** Refusal of a prepare or accept of `ballot`. */
  v.object({ kind: v.literal('nack'), ballot: Ballot, promised: Ballot, reason: v.string() }),
  v.object({ kind: v.literal('query'), id: Id }),
  v.object({
    kind: v.literal('state'),
    id: Id,
    accepted: v.nullable(Versioned),
    promised: Ballot,
    sound: v.boolean(),
  }),
  /** `candidate`: permits the takeover swap and nothing else. `leaseMs`: what the asker will count, from its sending. */
  v.object({
    kind: v.literal('lease'),
    id: Id,
    candidate: v.boolean(),
    leaseMs: v.pipe(v.number(), v.minValue(1)),
  }),
  v.object({ kind: v.literal('granted'), id: Id, holds: Ballot }),
  v.object({ kind: v.literal('denied'), id: Id, holds: Ballot, reason: v.string() }),
  /** Gives back every lease up to request `id`: nobody has to wait for it. */
  v.object({ kind: v.literal('release'), id: Id }),
  /** A voter is about to leave on purpose (a laptop that goes to sleep), or says that it stays after all. */
  v.object({ kind: v.literal('goodbye'), id: Id, leaving: v.boolean() }),
  /** Nothing but the envelope. */
  v.object({ kind: v.literal('gossip') }),
]);
export type Body = v.InferOutput<typeof Body>;

/** Every message carries the sender's whole chosen record, configuration and incarnation (M/R). */
export const Envelope = v.object({
  pairId: PairId,
  from: HostId,
  to: HostId,
  config: v.number(),
  progress: Progress,
  /** What the sender's present life started from; null when it claims no continuity. Older than seen: restored. */
  origin: v.nullable(Progress),
  /** The most the sender has ever seen of the receiver, so that a rolled-back receiver finds out. */
  seen: v.nullable(Progress),
  chosen: v.nullable(Versioned),
  body: Body,
});
export type Envelope = v.InferOutput<typeof Envelope>;

export const isRequest = (body: Body): boolean =>
  body.kind === 'prepare' ||
  body.kind === 'accept' ||
  body.kind === 'query' ||
  body.kind === 'lease' ||
  body.kind === 'release';
