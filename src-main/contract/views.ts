import * as v from 'valibot';
import {
  AuditEntry,
  Check,
  HostFacts,
  HostGuardView,
  HostId,
  HostLoad,
  HostRole,
  PairId,
  PairStatus,
  Problem,
  Task,
  VmInfo,
} from '../../agent/protocol/index.ts';
import { Automation, PairDefaults } from './automation.ts';
import { DrillView } from './drill.ts';
import { ObjectivesView } from './objectives.ts';
import { ReplicationView } from './replication.ts';
import { DesktopChoice } from './telling.ts';
import { VerifyView } from './verify.ts';

/** The console's link to one host. `since` is wall clock, ms. */
export const Connection = v.variant('state', [
  v.object({ state: v.literal('online'), since: v.number() }),
  v.object({ state: v.literal('connecting'), since: v.number(), attempt: v.number() }),
  /** Will be tried again at `retryAt` (null: waits for the person, e.g. for a password). */
  v.object({
    state: v.literal('offline'),
    since: v.number(),
    retryAt: v.nullable(v.number()),
    problem: Problem,
  }),
]);
export type Connection = v.InferOutput<typeof Connection>;

export const HostView = v.object({
  id: HostId,
  name: v.string(),
  site: v.string(),
  address: v.string(),
  port: v.number(),
  user: v.string(),
  role: HostRole,
  /** True for simulated hosts: always labelled on screen. */
  practice: v.boolean(),
  connection: Connection,
  /** Of the last time the host was heard; null before the first. */
  facts: v.nullable(HostFacts),
  load: v.nullable(HostLoad),
  /** The guard there; null before the first word of its agent. A witness needs none. */
  guard: v.nullable(HostGuardView),
  agentVersion: v.nullable(v.string()),
  /** How far its wall clock is ahead of this workstation's (ms), at the last greeting; null before that. */
  clockAheadMs: v.nullable(v.number()),
  /** Wall clock (ms) of the last message from its agent. */
  heardAt: v.nullable(v.number()),
});
export type HostView = v.InferOutput<typeof HostView>;

export const VmView = v.object({ key: v.string(), hostId: HostId, vm: VmInfo });
export type VmView = v.InferOutput<typeof VmView>;

/** Of a practice machine: a new disk, a larger one, another network (and back), its mirror's job cancelled. */
export const PracticeChange = v.picklist(['attach-disk', 'enlarge-disk', 'other-network', 'cancel-mirror']);
export type PracticeChange = v.InferOutput<typeof PracticeChange>;

/** The pair in one word, worst first in meaning; `PairView.sentence` says it to a person. */
export const PairHealth = v.picklist([
  'in-sync',
  'copying',
  'held',
  'not-in-sync',
  /** Kept by points, as old as it may be. */
  'following',
  /** Kept by points, and older than it may be: points do not come about. */
  'behind',
  /** The primary's host does not answer: failover is a decision to take. */
  'primary-lost',
  /** The standby's host does not answer: nothing to fail over to. */
  'standby-lost',
  /** Neither answers. */
  'unknown',
  /** The guest is down on a primary that answers. */
  'stopped',
  /** A returned host asks who owns the machine and gets no answer. */
  'waiting',
  /** Failed over; the old copy is aside on a returned host and waits for a decision. */
  'quarantined',
  /** Armed, and the standby misses the owner: it steps in by itself unless it hears it. */
  'stepping-in',
  /** The guard stopped the machine: its host may not run it before it hears another vote. */
  'frozen',
]);
export type PairHealth = v.InferOutput<typeof PairHealth>;

/** A member's own words; what its lease says is joined in `automation`. */
export const MemberStatus = v.omit(PairStatus, ['lease']);
export type MemberStatus = v.InferOutput<typeof MemberStatus>;

export const PairView = v.object({
  id: PairId,
  name: v.string(),
  /** From the newest record any member showed. */
  primary: HostId,
  standby: HostId,
  health: PairHealth,
  /** One sentence: what is so, since when, what it means. */
  sentence: v.string(),
  /** Wall clock (ms) since which `health` holds. */
  since: v.number(),
  /** Both members' last words, by host id. */
  members: v.record(v.string(), v.object({ status: MemberStatus, heardAt: v.number() })),
  automation: Automation,
  /** Null before any member's agent that knows drills spoke. */
  drill: v.nullable(DrillView),
  replication: ReplicationView,
  /** Null before any member's agent that compares copies spoke. */
  verify: v.nullable(VerifyView),
  /** Null before any member's agent that measures this spoke. */
  objectives: v.nullable(ObjectivesView),
  /** True while a member's word is the last one of a host that is now silent. */
  stale: v.boolean(),
  /** Set for a while after a failover or switchover: where the machine came back, when, how long it took. */
  onStageSince: v.nullable(v.object({ hostId: HostId, at: v.number() })),
});
export type PairView = v.InferOutput<typeof PairView>;

export const TaskView = v.object({ hostId: HostId, task: Task });
export type TaskView = v.InferOutput<typeof TaskView>;

export const AuditView = v.object({
  /** Unique over all sources: `<source>:<seq>`. */
  key: v.string(),
  /** 'console' or a host id. */
  source: v.string(),
  sourceName: v.string(),
  entry: AuditEntry,
});
export type AuditView = v.InferOutput<typeof AuditView>;

export const FleetSnapshot = v.object({
  hosts: v.record(v.string(), HostView),
  vms: v.record(v.string(), VmView),
  pairs: v.record(v.string(), PairView),
  tasks: v.record(v.string(), TaskView),
});
export type FleetSnapshot = v.InferOutput<typeof FleetSnapshot>;

/** Changed entities by key; null: gone. */
export const FleetPatch = v.object({
  hosts: v.optional(v.record(v.string(), v.nullable(HostView))),
  vms: v.optional(v.record(v.string(), v.nullable(VmView))),
  pairs: v.optional(v.record(v.string(), v.nullable(PairView))),
  tasks: v.optional(v.record(v.string(), v.nullable(TaskView))),
});
export type FleetPatch = v.InferOutput<typeof FleetPatch>;

/** One piece of evidence for or against the old copy being stopped. */
export const Evidence = v.object({
  /** Who says so: "this console", "boreas' agent", "witness pi". */
  source: v.string(),
  /** "has not heard atlas since 14:02:03" */
  text: v.string(),
  /** What it speaks for. */
  says: v.picklist(['stopped', 'running', 'nothing']),
  at: v.number(),
});
export type Evidence = v.InferOutput<typeof Evidence>;

/** The safe-to-start verdict: may the standby be started without a second copy running? */
export const Verdict = v.object({
  pairId: PairId,
  /**
   * `running`: refused, the old copy runs. `proven`: the old host itself says that it stopped, or its right to run has
   * run out. `unproven`: a person must vouch.
   */
  result: v.picklist(['proven', 'unproven', 'running']),
  sentence: v.string(),
  evidence: v.array(Evidence),
  /** Where it would start. */
  standby: HostId,
  replica: v.object({
    /** "in sync when last heard, 14:02:03" */
    text: v.string(),
    usable: v.boolean(),
  }),
  /** What would be lost: "Nothing that was acknowledged, if ...". */
  loss: v.string(),
  /** What is wrong with the copy itself, each a sentence. */
  warnings: v.array(v.string()),
  /** What could go wrong, each a sentence; empty when proven. */
  risks: v.array(v.string()),
  steps: v.array(v.string()),
  /** The name to type; null when the result is proven. */
  typedName: v.nullable(v.string()),
  /** Set when it cannot be done at all. */
  refusal: v.nullable(Problem),
});
export type Verdict = v.InferOutput<typeof Verdict>;

export const HostKeyOffer = v.object({
  algorithm: v.string(),
  /** "SHA256:..." */
  fingerprint: v.string(),
  known: v.picklist(['new', 'known', 'changed']),
  /** The fingerprint remembered before, when changed. */
  before: v.nullable(v.string()),
  /** Where it was remembered: this console or the person's known_hosts. */
  knownFrom: v.nullable(v.picklist(['console', 'known_hosts'])),
  /** Command that prints the same fingerprint on the server. */
  compareCommand: v.string(),
});
export type HostKeyOffer = v.InferOutput<typeof HostKeyOffer>;

/** How to log in. Secrets go this way only, page to core, and are never sent back. */
export const Login = v.variant('method', [
  v.object({ method: v.literal('agent') }),
  v.object({ method: v.literal('key'), path: v.string(), passphrase: v.optional(v.string()) }),
  v.object({ method: v.literal('password'), password: v.string() }),
]);
export type Login = v.InferOutput<typeof Login>;

/** What is offered for the next host: what was entered for the one before. */
export const HostDefaults = v.object({
  user: v.string(),
  port: v.number(),
  method: v.picklist(['agent', 'key', 'password']),
  keyPath: v.string(),
  /** True when a secret from before can be used again without typing it ("the same as for atlas"). */
  reuseSecretOf: v.nullable(v.string()),
  /** Private keys found in ~/.ssh. */
  keyFiles: v.array(v.string()),
  agentAvailable: v.boolean(),
  /** Host aliases of ~/.ssh/config. */
  aliases: v.array(v.string()),
});
export type HostDefaults = v.InferOutput<typeof HostDefaults>;

/** What the log-in found; `draftId` stands for the open, not yet added connection. */
export const HostDraft = v.object({
  draftId: v.string(),
  name: v.string(),
  facts: v.object({
    hostname: v.string(),
    os: v.string(),
    arch: v.string(),
    hypervisor: v.string(),
    vmCount: v.nullable(v.number()),
  }),
  checks: v.array(Check),
  /** False while a failed check stands in the way of the role. */
  canAdd: v.object({ hypervisor: v.boolean(), witness: v.boolean() }),
  /** An agent is already there: of this fleet, of another fleet, or none. */
  existingAgent: v.picklist(['none', 'same-fleet', 'other-fleet']),
});
export type HostDraft = v.InferOutput<typeof HostDraft>;

export const Settings = v.object({
  theme: v.picklist(['system', 'light', 'dark']),
  /** Name of the person, for the audit logs. */
  operator: v.string(),
  newPairs: PairDefaults,
  /** What desktop notifications tell; left out: everything. */
  desktop: v.optional(DesktopChoice),
  /** Single letters as keyboard shortcuts; left out: yes. */
  shortcuts: v.optional(v.boolean()),
});
export type Settings = v.InferOutput<typeof Settings>;

export const AppInfo = v.object({
  version: v.string(),
  shell: v.picklist(['electron', 'headless']),
  platform: v.string(),
  /** Where secrets are kept: the system's keychain, or memory only (and why). */
  secrets: v.object({ kind: v.picklist(['keychain', 'memory']), reason: v.string() }),
  /** True while the practice fleet is shown. */
  practice: v.boolean(),
  /** Told once: e.g. the database was damaged, put aside and rebuilt. */
  notices: v.array(Problem),
});
export type AppInfo = v.InferOutput<typeof AppInfo>;
