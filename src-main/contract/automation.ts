import * as v from 'valibot';
import { Check, HostId, Maintenance, PairId, Problem, Profile } from '../../agent/protocol/index.ts';

/** One of the pair's votes. Times are wall clock of this console, ms. */
export const VoterState = v.object({
  hostId: HostId,
  name: v.string(),
  as: v.picklist(['owner', 'standby', 'witness']),
  /** When whoever speaks here last heard it; null: never. */
  heardAt: v.nullable(v.number()),
  /** It holds the record that is shown here, or a newer one. */
  current: v.boolean(),
});
export type VoterState = v.InferOutput<typeof VoterState>;

/** Who may run the machine until when, in this console's own wall clock (ms). */
export const LeaseSummary = v.object({
  /** Null: nobody holds one that this console knows of. */
  holder: v.nullable(HostId),
  renewedAt: v.nullable(v.number()),
  /** It may run until then, unless renewed. */
  endsAt: v.nullable(v.number()),
  leaseMs: v.number(),
  holdMs: v.number(),
  /** The record was read from a majority a moment ago. */
  known: v.boolean(),
  voters: v.array(VoterState),
  /** The member that says all this, and when this console heard it. */
  saidBy: HostId,
  saidAt: v.number(),
});
export type LeaseSummary = v.InferOutput<typeof LeaseSummary>;

/** What mends an obstacle; the page has a button for each. */
export const Mend = v.picklist(['policy', 'witness', 'resume', 'maintenance', 'return', 'host', 'drill']);
export type Mend = v.InferOutput<typeof Mend>;

/** Why a pair is not armed, as a sentence. */
export const Obstacle = v.object({
  kind: v.string(),
  text: v.string(),
  /** Names of the hosts that say so; empty: this console sees it in the record. */
  saidBy: v.array(v.string()),
  mend: v.nullable(Mend),
  /** The host to look at, for `host`. */
  hostId: v.nullable(HostId),
});
export type Obstacle = v.InferOutput<typeof Obstacle>;

/** The old copy of a machine that went on elsewhere. */
export const QuarantineView = v.object({
  hostId: HostId,
  /** Wall clock (ms) since which it is aside. */
  since: v.number(),
  /** Changes of sides the old copy knew of, and the number that superseded it. */
  ownEpoch: v.number(),
  supersededBy: v.number(),
  /** A person forced that later change. */
  forced: v.boolean(),
});
export type QuarantineView = v.InferOutput<typeof QuarantineView>;

/** What a pair may do by itself, and what stands in its way. */
export const Automation = v.object({
  policy: v.picklist(['manual', 'ask', 'automatic']),
  profile: Profile,
  armed: v.boolean(),
  paused: v.boolean(),
  maintenance: v.nullable(Maintenance),
  /** How often the machine changed sides; 0 after protection began. */
  changes: v.number(),
  lastChange: v.picklist(['created', 'takeover', 'hand-over', 'take-back', 'forced']),
  witness: v.nullable(v.object({ hostId: HostId, name: v.string() })),
  /** Null before any member told of one. */
  lease: v.nullable(LeaseSummary),
  /** The guard on the owner's host; null while that does not answer. */
  guard: v.nullable(
    v.object({ hostId: HostId, fit: v.boolean(), on: v.boolean(), why: v.nullable(v.string()) }),
  ),
  obstacles: v.array(Obstacle),
  /** The standby misses the owner: it steps in at `at` unless it hears it before. */
  stepsIn: v.nullable(v.object({ hostId: HostId, at: v.number(), missingSince: v.number() })),
  quarantine: v.nullable(QuarantineView),
});
export type Automation = v.InferOutput<typeof Automation>;

export const Policy = v.picklist(['manual', 'automatic']);
export type Policy = v.InferOutput<typeof Policy>;

/** What a new pair begins with. */
export const PairDefaults = v.object({
  policy: Policy,
  profile: Profile,
  /** Host id; null: none. */
  witness: v.nullable(v.string()),
});
export type PairDefaults = v.InferOutput<typeof PairDefaults>;

/** Which pairs an order is for; `host`: all with a member there. The core looks when the order is given. */
export const Scope = v.variant('kind', [
  v.object({ kind: v.literal('pairs'), pairIds: v.array(PairId) }),
  v.object({ kind: v.literal('host'), hostId: HostId }),
  v.object({ kind: v.literal('fleet') }),
]);
export type Scope = v.InferOutput<typeof Scope>;

/** Only what is given changes. */
export const AutomationChange = v.object({
  policy: v.optional(Policy),
  paused: v.optional(v.boolean()),
  maintenance: v.optional(v.nullable(Maintenance)),
  profile: v.optional(Profile),
  /** The operator arms without a passed drill; on record under the operator's name. */
  drill: v.optional(v.literal('waived')),
});
export type AutomationChange = v.InferOutput<typeof AutomationChange>;

/** How an order for several pairs went, pair by pair. */
export const PairOutcome = v.object({ pairId: PairId, name: v.string(), problem: v.nullable(Problem) });
export type PairOutcome = v.InferOutput<typeof PairOutcome>;

/** May this box judge these pairs? `usable` false: a check failed that no wish can overrule. */
export const WitnessReport = v.object({ witness: HostId, checks: v.array(Check), usable: v.boolean() });
export type WitnessReport = v.InferOutput<typeof WitnessReport>;
