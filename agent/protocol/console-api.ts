import * as v from 'valibot';
import { Check } from './check.ts';
import { DrillSettings } from './drill.ts';
import { HostFacts, HostId, HostLoad, HostRole, HypervisorKind, VmInfo, VmUuid } from './host.ts';
import { CopyLimit } from './limits.ts';
import { method, nothing } from './method.ts';
import { ReplicationMode, SYNC } from './mode.ts';
import { Objectives, RiskHistory } from './objectives.ts';
import { Epoch, LeaseView, Maintenance, PairId, PairRecord, PairStatus, Profile } from './pair.ts';
import { peerApi } from './peer-api.ts';
import { Problem } from './problem.ts';
import { AuditEntry, Task } from './task.ts';
import { Channel, SecretsChange, TellingRevision, TellingSettings, TellingView } from './telling.ts';
import { VerifySettings } from './verify.ts';

/** Raised when a message changes incompatibly; the console replaces an older agent in place. */
export const PROTOCOL_VERSION = 2;
/** Largest JSON-RPC message either side accepts, bytes. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** Default TCP port on which agents speak to each other (mutual TLS). */
export const PEER_PORT = 7420;
/** Default TCP port of the standby's storage daemon (NBD over mutual TLS). */
export const REPLICATION_PORT = 7421;

/** Where another member of the fleet is found. */
export const Peer = v.object({
  hostId: HostId,
  name: v.string(),
  address: v.string(),
  port: v.number(),
  replicationPort: v.number(),
  role: HostRole,
});
export type Peer = v.InferOutput<typeof Peer>;

/** What people call a host, and where it stands. */
export const HostLabel = v.object({ name: v.string(), site: v.string() });
export type HostLabel = v.InferOutput<typeof HostLabel>;

export const Hello = v.object({
  protocol: v.number(),
  version: v.string(),
  /** Null until enrolled. */
  hostId: v.nullable(HostId),
  fleetId: v.nullable(v.string()),
  name: v.string(),
  /** Where it stands, as a person said; left out by agents that do not keep it. */
  site: v.optional(v.string()),
  role: HostRole,
  hypervisor: HypervisorKind,
  /** Agent's clocks at the answer: since boot, and wall, both ms. */
  clock: v.object({ bootMs: v.number(), wallMs: v.number() }),
  bootId: v.string(),
  capabilities: v.array(v.string()),
});
export type Hello = v.InferOutput<typeof Hello>;

/** The guard on a host; a witness has none and needs none. */
export const GuardView = v.object({
  state: v.picklist(['armed', 'weak', 'missing']),
  /** What is missing, for a person; null when `armed`. */
  why: v.nullable(v.string()),
});
export type GuardView = v.InferOutput<typeof GuardView>;

/** A machine that the guard of a host protects though the host has lost its pair: nobody knows whether it may run. */
export const UnclaimedMachine = v.object({ vmUuid: VmUuid, name: v.string(), problem: Problem });
export type UnclaimedMachine = v.InferOutput<typeof UnclaimedMachine>;

/** The guard as its agent tells of it. */
export const HostGuardView = v.object({
  ...GuardView.entries,
  unclaimed: v.optional(v.array(UnclaimedMachine), []),
});
export type HostGuardView = v.InferOutput<typeof HostGuardView>;

/** Everything an agent knows, once; afterwards notices keep it current. */
export const AgentState = v.object({
  facts: HostFacts,
  load: v.nullable(HostLoad),
  vms: v.array(VmInfo),
  pairs: v.array(PairStatus),
  tasks: v.array(Task),
  guard: HostGuardView,
});
export type AgentState = v.InferOutput<typeof AgentState>;

/** How an agent sees another member of its fleet. */
export const Sight = v.object({
  hostId: HostId,
  name: v.string(),
  reachable: v.boolean(),
  /** Wall clock (ms) since which `reachable` holds. */
  since: v.number(),
  /** Wall clock (ms) of the last answer; null when it never answered. */
  lastHeardAt: v.nullable(v.number()),
});
export type Sight = v.InferOutput<typeof Sight>;

/** What an agent asks of a console that votes itself: those peer calls that a witness answers. */
export const WitnessCall = v.variant('method', [
  v.object({ id: v.number(), method: v.literal('record.keep'), params: peerApi['record.keep'].params }),
  v.object({ id: v.number(), method: v.literal('pair.forget'), params: peerApi['pair.forget'].params }),
]);
export type WitnessCall = v.InferOutput<typeof WitnessCall>;

/** Who ordered, for the agent's audit log. */
const Order = { requestId: v.pipe(v.string(), v.regex(/^[A-Za-z0-9-]{1,64}$/)), actor: v.string() };

/** What the console may ask of an agent, over its unix socket (JSON-RPC 2.0). */
export const consoleApi = {
  'agent.hello': method(v.object({ protocol: v.number(), consoleVersion: v.string() }), Hello),
  /** Makes (or keeps) the host's key and returns a certificate request (PEM) for it. */
  'agent.certificateRequest': method(
    v.object({ hostId: HostId, fleetId: v.string() }),
    v.object({ csr: v.string() }),
  ),
  /** Stores identity, certificate and the CAs to trust (PEM), and starts to listen for other agents. */
  'agent.enrol': method(
    v.object({
      hostId: HostId,
      fleetId: v.string(),
      name: v.string(),
      /** Left out: as before. */
      site: v.optional(v.string()),
      role: HostRole,
      certificate: v.string(),
      trustedCas: v.array(v.string()),
      peers: v.array(Peer),
    }),
    nothing,
  ),
  /**
   * Which authorities (CAs, PEM) this host believes, after those of `add` were taken on too; nothing is ever taken away
   * here, and the host keeps its certificate. `certificate`: its own, PEM.
   */
  'agent.trust': method(
    v.object({ add: v.array(v.string()), actor: v.string() }),
    v.object({ certificate: v.string(), trustedCas: v.array(v.string()) }),
  ),
  /** How the host is called and where it stands, for every console of the fleet. */
  'agent.label': method(v.object({ ...Order, ...HostLabel.entries }), nothing),
  /** Replaces the list of other members. */
  'agent.setPeers': method(v.object({ peers: v.array(Peer) }), nothing),
  /** The current members as this agent knows them. */
  'agent.peers': method(nothing, v.object({ peers: v.array(Peer) })),
  /** Current state; from then on this connection receives `consoleNotices`. */
  'state.subscribe': method(nothing, AgentState),
  'sight.list': method(nothing, v.object({ sights: v.array(Sight) })),
  /** Can this VM be protected onto that standby? Asks the standby too. Changes nothing. */
  'protect.check': method(
    v.object({
      vmUuid: VmUuid,
      standby: HostId,
      /** How its copy is to be kept: a copy that somebody else keeps needs no room. */
      replication: v.optional(ReplicationMode, SYNC),
    }),
    v.object({ checks: v.array(Check), bytesToCopy: v.number() }),
    30_000,
  ),
  /** Carries out a fix named by a check, here or on the member named. */
  'protect.fix': method(
    v.object({ ...Order, hostId: HostId, vmUuid: VmUuid, fix: v.string() }),
    nothing,
    60_000,
  ),
  /** Starts protection; returns the task. Same requestId: the same task. */
  'protect.start': method(
    v.object({
      ...Order,
      pairId: PairId,
      vmUuid: VmUuid,
      standby: HostId,
      /** Third vote, policy and lease length from the beginning on; without them: manual, no witness. */
      witness: v.optional(v.nullable(HostId), null),
      policy: v.optional(v.picklist(['manual', 'automatic']), 'manual'),
      profile: v.optional(Profile, 'balanced'),
      /** `waived`: armed as soon as it can be, by the actor's choice; `first`: not before a drill was passed. */
      drill: v.optional(v.picklist(['waived', 'first']), 'waived'),
      /** How the copy is kept. Anything but `sync` goes with a manual policy only. */
      replication: v.optional(ReplicationMode, SYNC),
    }),
    v.object({ task: Task }),
    30_000,
  ),
  /** Ends protection: the mirror, the replica on the standby, the record; the VM goes on. */
  'protect.end': method(v.object({ ...Order, pairId: PairId }), v.object({ task: Task }), 30_000),
  /** On the standby: start the replica here. `expected` is the epoch the person saw; `forced` when nothing proves the old copy stopped. */
  'pair.failover': method(
    v.object({
      ...Order,
      pairId: PairId,
      expected: Epoch,
      forced: v.boolean(),
      evidence: v.record(v.string(), v.string()),
      /** Of a copy that is kept by points: the one to start from; without it the newest. */
      point: v.optional(v.nullable(v.string()), null),
    }),
    v.object({ task: Task }),
    30_000,
  ),
  /** On the owner: whether the machine could be moved while it runs, and what stands against that. */
  'pair.switchover.check': method(
    v.object({ pairId: PairId }),
    v.object({ live: v.boolean(), hindrances: v.array(v.string()) }),
    20_000,
  ),
  /** On the owner: the machine runs on the other member afterwards. */
  'pair.switchover': method(
    v.object({
      ...Order,
      pairId: PairId,
      /** `live`: its memory moves while it runs, or nothing is done. `cold`: shut down, start. `auto`: live where it can be. */
      way: v.optional(v.picklist(['auto', 'live', 'cold']), 'auto'),
      /** Cold, and it does not shut down within the limit: switched off, instead of leaving it where it is. */
      switchOff: v.optional(v.boolean(), false),
    }),
    v.object({ task: Task }),
    30_000,
  ),
  /** On the owner: copy anew to the other member (after a break, or onto a quarantined host), whose old copy is set aside. */
  /**
   * Takes back a failover: given to the host whose old copy is set aside. The machine is shut down where it runs and
   * started here as it was; the newer copy is kept aside there.
   */
  'pair.revert': method(
    v.object({ ...Order, pairId: PairId, /** The epoch the person saw. */ expected: Epoch }),
    v.object({ task: Task }),
    30_000,
  ),
  /** Deletes the images set aside on the asked host, as far as nothing rests on them. */
  'pair.discard': method(v.object({ ...Order, pairId: PairId }), v.object({ task: Task }), 30_000),
  'pair.resync': method(v.object({ ...Order, pairId: PairId }), v.object({ task: Task }), 30_000),
  /** On the owner: can that host become the standby in the present one's place? Asks it too. Changes nothing. */
  'pair.checkStandby': method(
    v.object({ pairId: PairId, standby: HostId }),
    v.object({ checks: v.array(Check), bytesToCopy: v.number() }),
    30_000,
  ),
  /**
   * On the owner: that host stands by from now on, and everything is copied to it; the old standby's copy is deleted, now or
   * when it returns. The machine runs on. Unprotected until the copy is whole.
   */
  'pair.replaceStandby': method(
    v.object({ ...Order, pairId: PairId, standby: HostId }),
    v.object({ task: Task }),
    30_000,
  ),
  /** On the owner: how the copy is kept from now on. What is there already is not copied again, where it can be helped. */
  'pair.mode': method(
    v.object({ ...Order, pairId: PairId, replication: ReplicationMode }),
    v.object({ task: Task }),
    30_000,
  ),
  /** On any member: what the pair may do by itself. Only what is given changes. `profile` only while unarmed. */
  'pair.settings': method(
    v.object({
      ...Order,
      pairId: PairId,
      change: v.object({
        policy: v.optional(v.picklist(['manual', 'automatic'])),
        paused: v.optional(v.boolean()),
        maintenance: v.optional(v.nullable(Maintenance)),
        profile: v.optional(Profile),
        /** The actor arms the pair without a passed drill. */
        drill: v.optional(v.literal('waived')),
      }),
    }),
    v.object({ record: PairRecord }),
    60_000,
  ),
  /**
   * On the standby: tries its copy out beside the running replication, on a network of its own. `standS`: how long the copy is
   * left standing after its check, paused, for who wants to look at its cost (s).
   */
  'pair.drill': method(
    v.object({
      ...Order,
      pairId: PairId,
      standS: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(3600)), 0),
      /** Of a copy that is kept by points: the one to try; without it the newest. */
      point: v.optional(v.nullable(v.string()), null),
    }),
    v.object({ task: Task }),
    30_000,
  ),
  /** On the owner: how and when the copy is tried out. */
  'pair.drillSettings': method(
    v.object({ ...Order, pairId: PairId, settings: DrillSettings }),
    nothing,
    30_000,
  ),
  /** On the owner: compares the copy with the running machine, block for block; a copy that differs is repaired at once. */
  'pair.verify': method(v.object({ ...Order, pairId: PairId }), v.object({ task: Task }), 30_000),
  /** On any member: looks at once for changes behind its back, and tries to follow those that could not be followed. */
  'pair.lookAgain': method(v.object({ ...Order, pairId: PairId }), nothing, 60_000),
  /** On the standby: a person vouches for a copy that somebody else has been at. */
  'pair.trustCopy': method(v.object({ ...Order, pairId: PairId }), nothing, 30_000),
  /** On the owner: when the copy is compared. */
  'pair.verifySettings': method(
    v.object({ ...Order, pairId: PairId, settings: VerifySettings }),
    nothing,
    30_000,
  ),
  /** On the owner: what a failure may cost at most, in time and in writes. */
  'pair.objectives': method(v.object({ ...Order, pairId: PairId, objectives: Objectives }), nothing, 30_000),
  /** On any member: what a failure would have cost while that host owned the machine. */
  'pair.riskHistory': method(v.object({ pairId: PairId }), RiskHistory),
  /** On the owner: who gives the third vote; null: nobody. Disarms first; arms again by itself. */
  'pair.witness': method(
    v.object({ ...Order, pairId: PairId, witness: v.nullable(HostId) }),
    v.object({ record: PairRecord }),
    150_000,
  ),
  /** How fast this host sends copies from now on, what is being copied included (`HostFacts.copyLimit`). */
  'host.limits': method(v.object({ ...Order, limit: CopyLimit }), nothing, 20_000),
  /**
   * The guard of this host has no more to do with a machine whose pair is lost (`AgentState.guard.unclaimed`). Refused
   * with `let-go-in-doubt` while another host may count on this one, unless the person vouches for the contrary.
   */
  'guard.letGo': method(v.object({ ...Order, vmUuid: VmUuid, vouched: v.boolean() }), nothing, 20_000),
  /**
   * This console votes: as long as the connection lasts the agent reaches the voter `hostId` by the notices `envelope`
   * and `witnessCall`, and believes envelopes from it. The last connection that says so counts.
   */
  'witness.attach': method(v.object({ hostId: HostId, name: v.string() }), nothing),
  /** From the console's voter to this agent's. `envelope`: agent/lease/messages.ts, looked at there. */
  'witness.envelope': method(v.object({ envelope: v.unknown() }), nothing, 2_000),
  /** The answer to a `witnessCall`: its result, or why there is none. */
  'witness.answer': method(
    v.object({ id: v.number(), result: v.unknown(), problem: v.nullable(Problem) }),
    nothing,
    5_000,
  ),
  'task.cancel': method(v.object({ ...Order, taskId: v.string() }), nothing),
  'audit.list': method(
    v.object({ afterSeq: v.number(), limit: v.pipe(v.number(), v.maxValue(500)) }),
    v.object({ entries: v.array(AuditEntry) }),
  ),
  /** How this agent tells people, and what it told lately. */
  'telling.get': method(nothing, TellingView),
  /**
   * How the fleet tells people from now on; this agent gives it to the others. `base`: the revision the person saw.
   * Secrets that are left out stay, an empty one is forgotten.
   */
  'telling.set': method(
    v.object({
      ...Order,
      base: v.nullable(TellingRevision),
      settings: TellingSettings,
      secrets: SecretsChange,
    }),
    TellingView,
    20_000,
  ),
  /** Sends a test from this host by settings that need not be kept; a refusal comes back as its Problem. */
  'telling.test': method(
    v.object({ ...Order, channel: Channel, settings: TellingSettings, secrets: SecretsChange }),
    v.object({ answer: v.string(), problem: v.nullable(Problem), tookMs: v.number() }),
    45_000,
  ),
  /** What stands in the way of removing the agent (pairs that live here). Stops listening when nothing does. */
  'agent.retire': method(v.object({ ...Order }), v.object({ blockedBy: v.array(PairId) })),
} as const;
export type ConsoleApi = typeof consoleApi;

/** What an agent tells a subscribed console without being asked. */
export const consoleNotices = {
  facts: HostFacts,
  label: HostLabel,
  guard: HostGuardView,
  load: HostLoad,
  vm: v.object({ uuid: VmUuid, vm: v.nullable(VmInfo) }),
  pair: v.object({ pairId: PairId, pair: v.nullable(PairStatus) }),
  /** Between two `pair` notices: how the lease goes on. */
  lease: v.object({ pairId: PairId, lease: LeaseView }),
  task: Task,
  audit: AuditEntry,
  sights: v.array(Sight),
  /** To the voter of the attached console; only to it. */
  envelope: v.object({ envelope: v.unknown() }),
  witnessCall: WitnessCall,
} as const;
export type ConsoleNotices = typeof consoleNotices;
