import * as v from 'valibot';
import {
  Check,
  CopyLimit,
  DrillSettings,
  HostId,
  HostRole,
  method,
  nothing,
  Objectives,
  PairId,
  Profile,
  ReplicationMode,
  VerifySettings,
  VmUuid,
} from '../../agent/protocol/index.ts';
import { AutomationChange, PairOutcome, Policy, Scope, WitnessReport } from './automation.ts';
import { Evacuation, EvacuationKind, EvacuationPlan } from './evacuation.ts';
import { JoinedRisk } from './objectives.ts';
import { RunbookStatus, runbookMethods } from './runbook.ts';
import { DesktopNotice, DesktopState, tellingMethods } from './telling.ts';
import { transferMethods } from './transfer.ts';
import {
  AppInfo,
  AuditView,
  FleetPatch,
  FleetSnapshot,
  HostDefaults,
  HostDraft,
  HostKeyOffer,
  Login,
  PracticeChange,
  Settings,
  Verdict,
} from './views.ts';

const Address = { address: v.string(), port: v.number() };
const RequestId = v.pipe(v.string(), v.regex(/^[A-Za-z0-9-]{1,64}$/));
const MoveWay = v.picklist(['auto', 'live', 'cold']);
const Started = v.object({ taskId: v.string(), hostId: HostId });

/**
 * Everything the page may ask of the core. One schema for both shells; validated on both ends.
 * Expected failures come back as Problems.
 */
export const pageApi = {
  'app.info': method(nothing, AppInfo),
  'app.dismissNotice': method(v.object({ index: v.number() }), nothing),
  'settings.get': method(nothing, Settings),
  'settings.set': method(v.partial(Settings), Settings),
  ...transferMethods,
  'fleet.snapshot': method(nothing, FleetSnapshot),
  /** Hosts that are waited for are tried at once: this workstation is in another network. */
  'fleet.hurry': method(nothing, nothing),

  'hosts.defaults': method(nothing, HostDefaults),
  /** Opens a TCP connection and reads the host key; logs in nowhere. */
  'hosts.probe': method(v.object(Address), HostKeyOffer, 20_000),
  /** Trusts `fingerprint`, logs in, looks around. Installs nothing. */
  'hosts.login': method(
    v.object({
      ...Address,
      user: v.string(),
      login: v.nullable(Login),
      /** With `login` null: the log-in of that earlier host. */
      reuseSecretOf: v.nullable(v.string()),
      fingerprint: v.string(),
      sudoPassword: v.optional(v.string()),
    }),
    HostDraft,
    60_000,
  ),
  'hosts.fix': method(v.object({ draftId: v.string(), fix: v.string() }), HostDraft, 120_000),
  'hosts.abandon': method(v.object({ draftId: v.string() }), nothing),
  /** Installs the agent and adds the host; progress comes as `deploy` events with the draft's id. */
  'hosts.add': method(
    v.object({ draftId: v.string(), name: v.string(), site: v.string(), role: HostRole }),
    v.object({ hostId: HostId }),
    300_000,
  ),
  /** Tries again now, with a new log-in when one is given. */
  'hosts.reconnect': method(v.object({ hostId: HostId, login: v.nullable(Login) }), nothing, 60_000),
  /** The key an added host shows now, to be compared before it is trusted. */
  'hosts.readKey': method(v.object({ hostId: HostId }), HostKeyOffer, 20_000),
  /** The deliberate path after a changed host key. */
  'hosts.trustKey': method(v.object({ hostId: HostId, fingerprint: v.string() }), nothing, 60_000),
  /** Takes the agent off the host (when it can be reached) and the host off the list. */
  'hosts.remove': method(
    v.object({
      hostId: HostId,
      evenIfUnreachable: v.boolean(),
      /** Leaves the agent's audit log on the host. */ keepHistory: v.boolean(),
    }),
    nothing,
    120_000,
  ),
  'hosts.rename': method(v.object({ hostId: HostId, name: v.string(), site: v.string() }), nothing),

  'protect.check': method(
    v.object({
      hostId: HostId,
      vmUuid: VmUuid,
      standby: HostId,
      /** Left out: mirrored synchronously. */
      replication: v.optional(ReplicationMode),
    }),
    v.object({ checks: v.array(Check), bytesToCopy: v.number() }),
    40_000,
  ),
  /** `on` is the host that carries the fix out. */
  'protect.fix': method(
    v.object({ hostId: HostId, vmUuid: VmUuid, on: v.string(), fix: v.string() }),
    nothing,
    90_000,
  ),
  /** The host's guard has no more to do with a machine whose pair is lost there (`HostView.guard.unclaimed`). */
  'protect.letGo': method(
    v.object({ hostId: HostId, vmUuid: VmUuid, vouched: v.boolean() }),
    nothing,
    30_000,
  ),
  'protect.start': method(
    v.object({
      requestId: RequestId,
      hostId: HostId,
      vmUuid: VmUuid,
      standby: HostId,
      /** Left out: manual, balanced, no witness. */
      policy: v.optional(Policy),
      profile: v.optional(Profile),
      witness: v.optional(v.nullable(HostId)),
      /** Left out: `waived`, armed as soon as it can be, on record as the operator's choice. */
      drill: v.optional(v.picklist(['waived', 'first'])),
      /** Left out: mirrored synchronously. */
      replication: v.optional(ReplicationMode),
    }),
    Started,
    40_000,
  ),
  'protect.end': method(v.object({ requestId: RequestId, pairId: PairId }), Started, 40_000),

  'pair.verdict': method(v.object({ pairId: PairId }), Verdict, 15_000),
  /** Refused unless the verdict still is what the person saw; `typedName` must be the machine's when unproven. */
  'pair.failover': method(
    v.object({
      requestId: RequestId,
      pairId: PairId,
      seen: v.picklist(['proven', 'unproven']),
      typedName: v.nullable(v.string()),
      /** Of a copy that is kept by points: the one to start from; left out: the newest. */
      point: v.optional(v.nullable(v.string())),
    }),
    Started,
    40_000,
  ),
  /** Whether the machine could move while it runs, and what stands against that. */
  'pair.switchover.check': method(
    v.object({ pairId: PairId }),
    v.object({ live: v.boolean(), hindrances: v.array(v.string()) }),
    30_000,
  ),
  'pair.switchover': method(
    v.object({
      requestId: RequestId,
      pairId: PairId,
      /** Left out: while it runs where both hosts can, otherwise shut down and started. */
      way: v.optional(MoveWay),
      /** A machine that does not shut down is switched off. */
      switchOff: v.optional(v.boolean()),
    }),
    Started,
    40_000,
  ),
  /** What would move, in which order, and what stays. */
  'evacuation.plan': method(v.object({ hostId: HostId, kind: EvacuationKind }), EvacuationPlan, 40_000),
  /** `pairIds` in the order in which they move. Progress comes as `evacuation` events. */
  'evacuation.start': method(
    v.object({
      requestId: RequestId,
      hostId: HostId,
      kind: EvacuationKind,
      pairIds: v.pipe(v.array(PairId), v.minLength(1)),
      way: v.optional(MoveWay, 'auto'),
    }),
    Evacuation,
  ),
  'evacuation.stop': method(v.object({ hostId: HostId }), nothing),
  /** The last one of this host; null: none since the console started. */
  'evacuation.last': method(v.object({ hostId: HostId }), v.object({ evacuation: v.nullable(Evacuation) })),
  /** Makes the other member the standby again: only what differs travels; its old disk stays aside, under the new copy. */
  'pair.resync': method(v.object({ requestId: RequestId, pairId: PairId }), Started, 40_000),
  /** Tries the standby's copy out beside the running replication. */
  'pair.drill': method(
    v.object({
      requestId: RequestId,
      pairId: PairId,
      /** Of a copy that is kept by points: the one to try; without it the newest. */
      point: v.optional(v.nullable(v.string()), null),
    }),
    Started,
    40_000,
  ),
  /** How and when it is tried out. */
  'pair.drillSettings': method(v.object({ pairId: PairId, settings: DrillSettings }), nothing, 40_000),
  /** Compares the copy with the running machine, block for block; one that differs is repaired at once. */
  'pair.verify': method(v.object({ requestId: RequestId, pairId: PairId }), Started, 40_000),
  /** When it is compared. */
  'pair.verifySettings': method(v.object({ pairId: PairId, settings: VerifySettings }), nothing, 40_000),
  /** What a failure may cost at most. */
  'pair.objectives': method(v.object({ pairId: PairId, objectives: Objectives }), nothing, 40_000),
  /** What a failure would have cost, as the members that answer have kept it. */
  'pair.riskHistory': method(v.object({ pairId: PairId }), JoinedRisk, 20_000),
  /** The same as a file for an auditor. */
  'pair.riskExport': method(
    v.object({ pairId: PairId, format: v.picklist(['csv', 'json']) }),
    v.object({ name: v.string(), text: v.string() }),
    20_000,
  ),
  /** Looks at once for what others changed of the machine or its copy, and tries again to follow it. */
  'pair.lookAgain': method(v.object({ pairId: PairId }), nothing, 70_000),
  /** The operator vouches for a copy that somebody else has been at: it may be failed over to again. */
  'pair.trustCopy': method(v.object({ pairId: PairId }), nothing, 40_000),
  /** Takes a failover back: to the old copy, with the newer one kept aside. Both members must answer. */
  'pair.revert': method(v.object({ requestId: RequestId, pairId: PairId }), Started, 40_000),
  /** Deletes what is set aside on one member. */
  'pair.discard': method(v.object({ requestId: RequestId, pairId: PairId, hostId: HostId }), Started, 40_000),
  /** Can that host become the pair's standby in the present one's place? Changes nothing. */
  'pair.checkStandby': method(
    v.object({ pairId: PairId, standby: HostId }),
    v.object({ checks: v.array(Check), bytesToCopy: v.number() }),
    40_000,
  ),
  /** Another host keeps the copy from now on; the old standby's copy is deleted, now or when it returns. */
  'pair.replaceStandby': method(
    v.object({ requestId: RequestId, pairId: PairId, standby: HostId }),
    Started,
    40_000,
  ),
  /** How the copy is kept from now on; with the present mode: a point is made at once. */
  'pair.mode': method(
    v.object({ requestId: RequestId, pairId: PairId, replication: ReplicationMode }),
    Started,
    40_000,
  ),
  /** How fast these hosts send copies from now on; each takes it or says why not. */
  'hosts.limits': method(
    v.object({ hostIds: v.pipe(v.array(HostId), v.minLength(1)), limit: CopyLimit }),
    nothing,
    40_000,
  ),
  /** What pairs may do by themselves, *pause all automation* included. Answers pair by pair. */
  'automation.set': method(
    v.object({ requestId: RequestId, scope: Scope, change: AutomationChange }),
    v.object({ outcomes: v.array(PairOutcome) }),
    90_000,
  ),
  /** This workstation as a witness: under which id and name it would vote. */
  'witness.own': method(nothing, v.object({ hostId: HostId, name: v.string() })),
  /** Looks whether a box is fit to be the third vote of these pairs. Changes nothing. */
  'witness.check': method(v.object({ witness: HostId, pairIds: v.array(PairId) }), WitnessReport, 30_000),
  /** Who gives the third vote; null: nobody. Answers pair by pair. */
  'witness.set': method(
    v.object({ requestId: RequestId, pairIds: v.array(PairId), witness: v.nullable(HostId) }),
    v.object({ outcomes: v.array(PairOutcome) }),
    180_000,
  ),
  ...tellingMethods,
  'task.cancel': method(v.object({ taskId: v.string() }), nothing),
  'audit.list': method(
    v.object({ pairId: v.nullable(PairId), before: v.nullable(v.number()), limit: v.number() }),
    v.object({ entries: v.array(AuditView) }),
  ),
  /** The whole history of a pair (null: of everything), oldest first, as a table for other programs. */
  'audit.csv': method(
    v.object({ pairId: v.nullable(PairId) }),
    v.object({ name: v.string(), text: v.string() }),
  ),

  ...runbookMethods,

  /** Leaves the real fleet (kept, disconnected) and shows simulated hosts; `practice.stop` goes back. */
  'practice.start': method(nothing, nothing, 60_000),
  'practice.stop': method(nothing, nothing, 60_000),
  /** What the trainer does to a simulated host. */
  'practice.power': method(v.object({ hostId: HostId, on: v.boolean() }), nothing, 30_000),
  /** What the trainer does to a simulated machine with a tool of his own, behind the console's back. */
  'practice.change': method(
    v.object({ hostId: HostId, vmUuid: VmUuid, what: PracticeChange }),
    nothing,
    30_000,
  ),
} as const;
export type PageApi = typeof pageApi;

export const pageEvents = {
  fleet: FleetPatch,
  audit: AuditView,
  evacuation: Evacuation,
  deploy: v.object({ draftId: v.string(), step: v.string(), fraction: v.nullable(v.number()) }),
  app: AppInfo,
  settings: Settings,
  runbook: RunbookStatus,
  desktop: DesktopState,
  /** For who does not look at the window. */
  notice: DesktopNotice,
  /** The shell asks the page to go there: "#/pairs/p1". */
  go: v.object({ place: v.string() }),
} as const;
export type PageEvents = typeof pageEvents;

/** The wire between page and core, the same over a WebSocket and over a message port. */
export const FromPage = v.variant('t', [
  v.object({ t: v.literal('call'), id: v.number(), method: v.string(), params: v.unknown() }),
  v.object({ t: v.literal('cancel'), id: v.number() }),
]);
export type FromPage = v.InferOutput<typeof FromPage>;

export const ToPage = v.variant('t', [
  v.object({ t: v.literal('value'), id: v.number(), value: v.unknown() }),
  v.object({ t: v.literal('problem'), id: v.number(), problem: v.unknown() }),
  v.object({ t: v.literal('event'), event: v.string(), data: v.unknown() }),
]);
export type ToPage = v.InferOutput<typeof ToPage>;
