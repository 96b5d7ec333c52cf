import * as v from 'valibot';
import type { HostRole, PairRecord, PairStatus, Sight, Task, UnclaimedMachine } from '../protocol/index.ts';

/** What may be worth telling. */
export const ConditionKind = v.picklist([
  /** A machine runs on its other host since that one took over. */
  'elsewhere',
  /** A machine does not run though it should, on the host that owns it. */
  'down',
  /** The host of a machine is silent and nobody takes over: a person decides. */
  'lost',
  /** Something else waits for a person. */
  'decision',
  'unprotected',
  /** It would not be failed over by itself, though it should. */
  'not-armed',
  'copy-differs',
  'target-missed',
  'drill-failed',
  'host-silent',
  /** This host hears none of the others. */
  'cut-off',
]);
export type ConditionKind = v.InferOutput<typeof ConditionKind>;

/** Something that is so now, as one agent sees it. Pure data, so that it can be written down. */
export interface Condition {
  /** The same at every agent that sees the same. */
  id: string;
  kind: ConditionKind;
  severity: 'urgent' | 'soon';
  /** How long it must have been so before it is told, ms. */
  ripeMs: number;
  /** It is told even if it is over before that was possible. */
  latched: boolean;
  /** False: another agent is to tell it. This one only watches, in case that one is lost. */
  mine?: false;
  pairId: string | null;
  /** Machine or host: "web". Said of several: "web and mail". */
  subject: string;
  /** "runs on boreas now" */
  does: string;
  /** "run on boreas now" */
  doMany: string;
  /** Sentences that do not name the subject, so that several machines can share them. */
  details: string[];
  next: string;
  /** Conditions that this one explains: nobody is told of them beside it. */
  covers: string[];
}

/** Everything this agent knows that may be worth telling. Wall clocks in ms: it is people who are told. */
export interface World {
  self: { hostId: string; name: string };
  now: number;
  zone: string;
  unprotectedMinutes: number;
  pairs: PairStatus[];
  tasks: Task[];
  sights: (Sight & { role: HostRole })[];
  /** What this host itself is for: a witness looks after the silence of hosts. */
  role: HostRole;
  unclaimed: UnclaimedMachine[];
  /** Of all pairs this host votes on, as a witness too. */
  records: Pick<PairRecord, 'members' | 'maintenance'>[];
  /** Machines of this host that have crashed, by UUID. */
  crashed: ReadonlySet<string>;
  nameOf(hostId: string): string;
  /** Conditions that were told and are not over. */
  open: ReadonlySet<string>;
}

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
