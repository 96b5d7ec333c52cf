import type { Stage } from '../drill/stage.ts';
import type { Guard } from '../guard/guard.ts';
import type { Hypervisor } from '../hypervisor/hypervisor.ts';
import type { AuditLog } from '../journal/audit.ts';
import type { LeaseRecord } from '../lease/record.ts';
import { CONTRACT } from '../lease/rules.ts';
import { type Change, replicaBecomes } from '../lease/transitions.ts';
import type { Peers } from '../peers/peers.ts';
import type { Clock, Log } from '../ports.ts';
import {
  type PairRecord,
  type PairSpec,
  type Problem,
  ProblemError,
  type Result,
  type VmInfo,
  type VmState,
} from '../protocol/index.ts';
import type { CoordinatedHost } from '../replication/coordinated/host.ts';
import type { ReplicaDisk, ReplicaSource, ReplicaTarget } from '../replication/replication.ts';
import type { TaskRunner } from '../tasks/runner.ts';
import { withOtherDisks } from './changes/other-disks.ts';
import type { Drilling } from './drilling.ts';
import { Learning } from './learning.ts';
import type { Nodes } from './nodes.ts';
import type { Risking } from './risking.ts';
import type { KeptPair, LocalNotes, PairStore, StoredPair } from './store.ts';
import type { Verifying } from './verifying.ts';

/** Everything the pair rooms stand on; injected. */
export interface PairsDeps {
  stateDir: string;
  /** Null until the host is enrolled. */
  selfHostId(): string | null;
  selfName(): string;
  /** Changes at every boot of the host. */
  bootId: string;
  clock: Clock;
  log: Log;
  audit: AuditLog;
  hypervisor: Hypervisor;
  source: ReplicaSource;
  target: ReplicaTarget;
  guard: Guard;
  peers: Peers;
  /** Where copies are tried out; none on a host that runs no machines. */
  stage?: Stage;
  /** What this host does for copies that somebody else keeps; none on a host that runs no machines. */
  coordinated?: CoordinatedHost;
  /** Why this host may not be relied on soon: its certificate ends; null while there is time. */
  certificateEnds?(): string | null;
  /** True while the host is shutting down: guests then stop because of it, not because somebody wanted them stopped. */
  hostStopping?(): Promise<boolean>;
}

/** Throws the problem of a failed Result, returns the value of a good one. */
export function must<T>(result: Result<T>): T {
  if (!result.ok) throw new ProblemError(result.problem);
  return result.value;
}

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((one) => b.includes(one));

/** The shared working knowledge of the pair rooms: who am I, what do I hold, what do the voters say. */
export class PairContext {
  readonly deps: PairsDeps;
  readonly store: PairStore;
  readonly tasks: TaskRunner;
  readonly nodes: Nodes;
  readonly drills: Drilling;
  readonly verifies: Verifying;
  readonly risks: Risking;
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly learning = new Learning();
  /** What `certificateEnds` said last. */
  certificateEnds: string | null = null;

  constructor(
    deps: PairsDeps,
    store: PairStore,
    tasks: TaskRunner,
    nodes: Nodes,
    drills: (context: PairContext) => Drilling,
    verifies: (context: PairContext) => Verifying,
    risks: (context: PairContext) => Risking,
  ) {
    this.deps = deps;
    this.store = store;
    this.tasks = tasks;
    this.nodes = nodes;
    this.drills = drills(this);
    this.verifies = verifies(this);
    this.risks = risks(this);
  }

  get self(): string {
    const id = this.deps.selfHostId();
    if (id) return id;
    throw new ProblemError({
      kind: 'not-enrolled',
      message: `The agent on ${this.deps.selfName()} does not belong to a fleet yet.`,
      next: 'Add the host in the console first.',
    });
  }

  now(): number {
    return this.deps.clock.now();
  }

  pair(pairId: string): StoredPair {
    const pair = this.store.get(pairId);
    if (pair && !pair.notes.ended) return pair;
    throw new ProblemError({
      kind: 'pair-unknown',
      message: `${this.deps.selfName()} knows no such pair.`,
      next: 'It may have ended meanwhile; look at the map again.',
    });
  }

  other(spec: Pick<PairSpec, 'members'>): string {
    return spec.members[0] === this.deps.selfHostId() ? spec.members[1] : spec.members[0];
  }

  nameOf(hostId: string): string {
    if (hostId === this.deps.selfHostId()) return this.deps.selfName();
    return this.deps.peers.get(hostId)?.name ?? hostId;
  }

  isOwner(pair: { record: PairRecord }): boolean {
    return pair.record.owner === this.deps.selfHostId();
  }

  vm(uuid: string): VmInfo | null {
    return this.deps.hypervisor.list().find((vm) => vm.uuid === uuid) ?? null;
  }

  vmState(uuid: string): VmState | null {
    return this.vm(uuid)?.state ?? null;
  }

  /** True when somebody took the guest's definition away, though it may still run. */
  isUndefined(uuid: string): boolean {
    const vm = this.vm(uuid);
    return this.deps.hypervisor.reachable && (vm === null || vm.defined === false);
  }

  disks(spec: PairSpec, hostId: string): ReplicaDisk[] {
    return spec.disks.map((disk) => {
      const path = disk.paths[hostId];
      if (path === undefined) throw new Error(`no path for ${disk.target} on ${hostId}`);
      return { target: disk.target, path, sizeBytes: disk.sizeBytes, format: disk.format };
    });
  }

  audit(
    event: string,
    pair: { spec: Pick<PairSpec, 'pairId'> } | null,
    text: string,
    evidence?: Record<string, string>,
    actor = 'agent',
  ): void {
    this.deps.audit.append({
      actor,
      event,
      text,
      ...(pair ? { pairId: pair.spec.pairId } : {}),
      ...(evidence ? { evidence } : {}),
    });
  }

  /** One change of the record at the voters; the new one is chosen when it resolves. Throws ProblemError. */
  swap(pairId: string, change: Change): Promise<LeaseRecord> {
    return this.nodes.swap(pairId, change);
  }

  /** Owner: says of the copy what it is not worth (any more). */
  async replicaIs(pairId: string, state: 'catching-up' | 'none'): Promise<LeaseRecord> {
    const { record } = this.pair(pairId);
    return this.swap(pairId, replicaBecomes(record.epoch.n, this.self, state, this.now(), CONTRACT));
  }

  /** Resolves once the newest known record is as wanted, or `over` says why that will not come. */
  until(pairId: string, wanted: (record: LeaseRecord) => boolean, over: () => Problem | null): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const record = this.nodes.record(pairId);
        const problem = over();
        if (record !== null && wanted(record)) resolve();
        else if (problem) reject(new ProblemError(problem));
        else this.deps.clock.setTimeout(look, 50);
      };
      look();
    });
  }

  /** Durable when it resolves; what changes nothing is not written. */
  async setNotes(pairId: string, next: (notes: LocalNotes) => LocalNotes): Promise<void> {
    await this.store.change(pairId, (pair) => {
      const notes = pair && next(pair.notes);
      const same = notes && JSON.stringify(notes) === JSON.stringify(pair.notes);
      return same ? pair : pair && notes && { ...pair, notes };
    });
  }

  /** Keeps the newer of what is held and what another member showed. */
  async adoptSpec(spec: PairSpec, fresh: LocalNotes): Promise<KeptPair | null> {
    if (!spec.members.includes(this.self)) return null;
    return this.store.change(spec.pairId, (pair) => {
      if (pair === null) return { spec, notes: fresh };
      if (spec.revision <= pair.spec.revision) return pair;
      const notes = withOtherDisks(pair, spec, this.self, this.now());
      return { notes, spec: { ...spec, members: pair.spec.members } };
    });
  }

  /** False while a mirror here may still lead to a host that the record no longer names as a member. */
  membersAligned(pairId: string): boolean {
    const kept = this.store.kept(pairId);
    const record = this.nodes.record(pairId);
    return kept === null || record === null || isSame(kept.spec.members, record.members);
  }

  /** The members have changed: a mirror to the former one ends before the file says that there is another. */
  async alignMembers(pairId: string): Promise<void> {
    const members = this.nodes.record(pairId)?.members;
    if (members === undefined || this.membersAligned(pairId)) return;
    must(await this.deps.source.end(pairId));
    await this.store.change(pairId, (kept) => kept && { ...kept, spec: { ...kept.spec, members } });
  }

  /** Hosts that kept a copy once and have not heard yet that they do no more: the description still has their paths. */
  formerMembers({ spec }: KeptPair): string[] {
    const now = this.nodes.record(spec.pairId)?.members ?? spec.members;
    return Object.keys(spec.definitions).filter((hostId) => !now.includes(hostId));
  }

  /** A former member has been told: nothing more is remembered of its copy. */
  async forgetFormer(pairId: string, hostId: string): Promise<void> {
    await this.store.change(pairId, (kept) => {
      if (kept === null || !this.formerMembers(kept).includes(hostId)) return kept;
      const without = <T>(byHost: Record<string, T>): Record<string, T> =>
        Object.fromEntries(Object.entries(byHost).filter(([id]) => id !== hostId));
      const { spec } = kept;
      const disks = spec.disks.map((disk) => ({ ...disk, paths: without(disk.paths) }));
      const definitions = without(spec.definitions);
      return { ...kept, spec: { ...spec, revision: spec.revision + 1, disks, definitions } };
    });
  }

  /** The guard has no more to do with the machine, unless another pair has it protected meanwhile. */
  async letGo(spec: PairSpec): Promise<void> {
    const { uuid } = spec.workload;
    const other = this.store.ids().some((pairId) => {
      const kept = this.store.kept(pairId);
      return pairId !== spec.pairId && kept?.spec.workload.uuid === uuid && !kept.notes.ended;
    });
    if (!other) await this.deps.guard.letGo(uuid);
  }

  /** What touches a pair's images here waits for what touched them before: an order given up may still be at it. */
  inTurn<T>(pairId: string, work: () => Promise<T>): Promise<T> {
    return this.lookInTurn(pairId, async () => {
      await this.forgetPrints(pairId);
      return work();
    });
  }

  /** Something of ours is about to work on the images here, or has just done so: how they looked before says nothing. */
  async forgetPrints(pairId: string): Promise<void> {
    if (this.store.kept(pairId)?.notes.prints)
      await this.setNotes(pairId, (notes) => ({ ...notes, prints: null }));
  }

  /** The same for what only looks at them. */
  lookInTurn<T>(pairId: string, work: () => Promise<T>): Promise<T> {
    const run = (this.#turns.get(pairId) ?? Promise.resolve()).then(work, work);
    this.#turns.set(
      pairId,
      run.catch(() => undefined),
    );
    return run;
  }

  unreachable(hostId: string, cause?: Problem): Problem {
    return {
      kind: 'peer-unreachable',
      message: `${this.deps.selfName()} cannot reach the agent on ${this.nameOf(hostId)}.`,
      next: `Check that ${this.nameOf(hostId)} is on, its agent runs, and TCP port ${this.deps.peers.get(hostId)?.port ?? 7420} is open between the two.`,
      ...(cause ? { details: { cause: cause.message } } : {}),
    };
  }
}
