import type { Hypervisor } from '../hypervisor/hypervisor.ts';
import type { AuditLog } from '../journal/audit.ts';
import type { Peers } from '../peers/peers.ts';
import type { Clock, Log } from '../ports.ts';
import {
  compareRecord,
  type PairRecord,
  type PairSpec,
  type Problem,
  ProblemError,
  type Result,
  type VmState,
} from '../protocol/index.ts';
import type { ReplicaDisk, ReplicaSource, ReplicaTarget } from '../replication/replication.ts';
import type { TaskRunner } from '../tasks/runner.ts';
import { adopt, type LocalNotes, type PairStore, type StoredPair } from './store.ts';

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
  peers: Peers;
  /** True while the host is shutting down: guests then stop because of it, not because somebody wanted them stopped. */
  hostStopping?(): Promise<boolean>;
}

/** Throws the problem of a failed Result, returns the value of a good one. */
export function must<T>(result: Result<T>): T {
  if (!result.ok) throw new ProblemError(result.problem);
  return result.value;
}

/** Into quarantine, by an owner's epoch that nobody remembers. */
const setAside = (pair: StoredPair, now: number): StoredPair => {
  const quarantine = { since: now, ownEpoch: { n: 0, by: '' }, supersededBy: pair.record.epoch };
  return { ...pair, notes: { ...pair.notes, quarantine } };
};

/** The shared working knowledge of the pair rooms: who am I, what do I hold, how do I tell the other. */
export class PairContext {
  readonly deps: PairsDeps;
  readonly store: PairStore;
  readonly tasks: TaskRunner;

  constructor(deps: PairsDeps, store: PairStore, tasks: TaskRunner) {
    this.deps = deps;
    this.store = store;
    this.tasks = tasks;
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

  other(spec: PairSpec): string {
    return spec.members[0] === this.self ? spec.members[1] : spec.members[0];
  }

  nameOf(hostId: string): string {
    if (hostId === this.deps.selfHostId()) return this.deps.selfName();
    return this.deps.peers.get(hostId)?.name ?? hostId;
  }

  isOwner(pair: StoredPair): boolean {
    return pair.record.owner === this.deps.selfHostId();
  }

  vmState(uuid: string): VmState | null {
    return this.deps.hypervisor.list().find((vm) => vm.uuid === uuid)?.state ?? null;
  }

  /** True when somebody took the guest's definition away, though it may still run. */
  isUndefined(uuid: string): boolean {
    const { hypervisor } = this.deps;
    const vm = hypervisor.list().find((each) => each.uuid === uuid);
    return hypervisor.reachable && (vm === undefined || vm.defined === false);
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

  /** Replaces the record; durable when it resolves. */
  async setRecord(pairId: string, next: (record: PairRecord) => PairRecord): Promise<StoredPair> {
    return this.#mustHold(pairId, (pair) => ({ ...pair, record: next(pair.record) }));
  }

  async setNotes(pairId: string, next: (notes: LocalNotes) => LocalNotes): Promise<StoredPair> {
    return this.#mustHold(pairId, (pair) => ({ ...pair, notes: next(pair.notes) }));
  }

  /** Keeps the newer of what is held and what another member showed; null when the pair is none of ours. */
  async adopt(offered: { record: PairRecord; spec: PairSpec }): Promise<StoredPair | null> {
    const self = { hostId: this.self, bootId: this.deps.bootId };
    if (!offered.spec.members.includes(self.hostId)) return null;
    // Read inside the change: two offers at once must not both find themselves the first.
    const held: { before: StoredPair | null } = { before: null };
    const after = await this.store.change(offered.spec.pairId, (pair) => {
      held.before = pair;
      const next = adopt(pair, offered, self, this.now());
      return this.#isForgottenCopy(next) ? setAside(next, this.now()) : next;
    });
    const { before } = held;
    if (after?.notes.quarantine && !before?.notes.quarantine) {
      this.audit(
        'superseded',
        after,
        `${after.spec.workload.name} now belongs to ${this.nameOf(after.record.owner)}; the copy on ${this.deps.selfName()} is set aside and starts nothing.`,
        { ownEpoch: String(before?.record.epoch.n), newEpoch: String(after.record.epoch.n) },
      );
    }
    return after;
  }

  /**
   * A host that has lost its own record (damaged, deleted) but still has the machine was an owner once: its copy is as
   * much a person's to decide about as that of an owner that knows it was superseded. A fresh standby has no machine.
   */
  #isForgottenCopy(pair: StoredPair): boolean {
    const { notes, spec } = pair;
    if (this.isOwner(pair) || notes.quarantine || notes.image !== 'none') return false;
    return this.vmState(spec.workload.uuid) !== null;
  }

  /** Shows the other member our record and keeps the newer of both answers. */
  async exchange(pairId: string): Promise<Result<StoredPair>> {
    const pair = this.pair(pairId);
    const answer = await this.deps.peers
      .to(this.other(pair.spec))
      .call('record.offer', { record: pair.record, spec: pair.spec });
    if (!answer.ok) return answer;
    if (compareRecord(answer.value.record, pair.record) > 0) {
      const read = await this.deps.peers.to(this.other(pair.spec)).call('record.read', { pairId });
      if (!read.ok) return read;
      if (read.value.record && read.value.spec) {
        await this.adopt({ record: read.value.record, spec: read.value.spec });
      }
    }
    return { ok: true, value: this.pair(pairId) };
  }

  unreachable(hostId: string, cause?: Problem): Problem {
    return {
      kind: 'peer-unreachable',
      message: `${this.deps.selfName()} cannot reach the agent on ${this.nameOf(hostId)}.`,
      next: `Check that ${this.nameOf(hostId)} is on, its agent runs, and TCP port ${this.deps.peers.get(hostId)?.port ?? 7420} is open between the two.`,
      ...(cause ? { details: { cause: cause.message } } : {}),
    };
  }

  async #mustHold(pairId: string, mutate: (pair: StoredPair) => StoredPair): Promise<StoredPair> {
    const after = await this.store.change(pairId, (pair) => (pair ? mutate(pair) : null));
    return after ?? this.pair(pairId);
  }
}
