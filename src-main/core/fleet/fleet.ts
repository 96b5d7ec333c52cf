import type {
  AuditEntry,
  HostLabel,
  Problem,
  Result,
  Task,
  WitnessCall,
} from '../../../agent/protocol/index.ts';
import { fail, ok } from '../../../agent/protocol/index.ts';
import type {
  FleetPatch,
  FleetSnapshot,
  MemberStatus,
  PairView,
  TaskView,
  VmView,
} from '../../contract/index.ts';
import { vmKey } from '../../contract/keys.ts';
import type { HostSight, MemberWord } from '../pairs/inputs.ts';
import { hasEnded, joinPair } from '../pairs/join.ts';
import type { HostRecord, HostTable } from '../storage/host-table.ts';
import { guard } from './guard.ts';
import { type HostChange, HostEntry } from './host-entry.ts';
import type { HostLink } from './host-link.ts';
import { Patches, type ViewOf } from './patches.ts';
import { noSuchHost, noSuchPair } from './problems.ts';

/** How long an agent's word may wait before it is written to the cache. */
const KEEP_MS = 3_000;
/** Leases go on all the time: the pages hear of that this often at most. */
const LEASE_MS = 400;
/** How often views that age by themselves are looked at again. */
const AGE_MS = 60_000;

/** What other services want to hear of. */
export type FleetEvent =
  /** The agent told its whole state: after each connection. */
  | { kind: 'online'; hostId: string }
  /** It sees members that it did not see before: another console may have added them. */
  | { kind: 'members'; hostId: string }
  | { kind: 'task'; hostId: string; task: Task }
  | { kind: 'audit'; hostId: string; entry: AuditEntry }
  /** For this workstation's own vote (core/witness). */
  | { kind: 'envelope'; hostId: string; envelope: unknown }
  | { kind: 'witness-call'; hostId: string; call: WitnessCall };

export interface FleetOptions {
  table: HostTable;
  /** True for simulated hosts. */
  practice: boolean;
  /** This workstation, as a witness is shown. */
  self: { hostId: string; name: string };
  now: () => number;
  emit: (patch: FleetPatch) => void;
  /** Told of failures nobody waits for. */
  report: (problem: Problem) => void;
}

/** All hosts of this console: one link each, what their agents say, and one joined picture of it. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #hosts = new Map<string, HostEntry>();
  readonly #patches: Patches;
  readonly #listeners = new Set<(event: FleetEvent) => void>();
  readonly #unkept = new Set<string>();
  readonly #pairs = new Map<string, PairView>();
  readonly #leases = new Set<string>();
  #keepTimer: NodeJS.Timeout | null = null;
  #leaseTimer: NodeJS.Timeout | null = null;
  readonly #ageTimer: NodeJS.Timeout;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#patches = new Patches(this.#viewOf(), options.emit);
    this.#ageTimer = setInterval(() => this.#markKnownPairs(), AGE_MS);
    this.#ageTimer.unref();
  }

  snapshot(): FleetSnapshot {
    return this.#patches.snapshot();
  }

  subscribe(listener: (event: FleetEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  hosts(): HostEntry[] {
    return [...this.#hosts.values()];
  }

  get(hostId: string): HostEntry | null {
    return this.#hosts.get(hostId) ?? null;
  }

  find(hostId: string): Result<HostEntry> {
    const host = this.get(hostId);
    return host ? ok(host) : fail(noSuchHost());
  }

  /** "atlas", or words that stand for a host not in the list. */
  nameOf(hostId: string): string {
    const { self } = this.#options;
    return this.get(hostId)?.record.name ?? (hostId === self.hostId ? self.name : 'a host not in the list');
  }

  pair(pairId: string): Result<PairView> {
    const pair = this.#join(pairId);
    return pair ? ok(pair) : fail(noSuchPair());
  }

  pairs(): PairView[] {
    return [...this.#pairIds()].flatMap((pairId) => this.#join(pairId) ?? []);
  }

  /** Takes a host in and starts its link. */
  add(record: HostRecord, link: HostLink): void {
    const last = this.#options.table.lastState(record.id);
    const entry = new HostEntry(record, link, last, this.#options.now, (change) =>
      this.#changed(entry, change),
    );
    this.#hosts.set(record.id, entry);
    this.#markAll(entry);
    link.start();
  }

  /** Name, place or access changed. */
  update(record: HostRecord): void {
    const entry = this.#hosts.get(record.id);
    if (entry === undefined) return;
    this.#options.table.put(record);
    entry.record = record;
    this.#markAll(entry);
  }

  /** Hosts that are waited for are tried at once. */
  hurry(): void {
    for (const host of this.hosts()) host.link.hurry();
  }

  async remove(hostId: string): Promise<void> {
    const entry = this.#hosts.get(hostId);
    if (entry === undefined) return;
    this.#hosts.delete(hostId);
    this.#unkept.delete(hostId);
    this.#options.table.delete(hostId);
    this.#markAll(entry);
    await entry.close();
  }

  async close(): Promise<void> {
    clearInterval(this.#ageTimer);
    if (this.#leaseTimer !== null) clearTimeout(this.#leaseTimer);
    this.#keepNow();
    this.#patches.stop();
    this.#listeners.clear();
    await Promise.all(this.hosts().map((host) => host.close()));
  }

  #changed(entry: HostEntry, change: HostChange): void {
    const hostId = entry.record.id;
    if (change.kind === 'host') this.#patches.mark('hosts', hostId);
    else if (change.kind === 'reach') this.#markPairsOf(entry);
    else if (change.kind === 'lease') this.#leaseSoon(change.pairId);
    else if (change.kind === 'label') this.#relabel(entry, change.label);
    else if (change.kind === 'members') this.#tell({ kind: 'members', hostId });
    else if (change.kind === 'audit' || change.kind === 'envelope' || change.kind === 'witness-call')
      this.#tell({ ...change, hostId });
    else {
      this.#keepSoon(hostId);
      this.#said(entry, change);
    }
  }

  #said(entry: HostEntry, change: Extract<HostChange, { kind: 'vm' | 'pair' | 'task' | 'state' }>): void {
    const hostId = entry.record.id;
    if (change.kind === 'vm') {
      this.#patches.mark('vms', vmKey(hostId, change.uuid));
    } else if (change.kind === 'pair') {
      this.#patches.mark('pairs', change.pairId);
    } else if (change.kind === 'task') {
      this.#patches.mark('tasks', change.task.id);
      this.#patches.mark('pairs', change.task.pairId);
      this.#tell({ kind: 'task', hostId, task: change.task });
    } else {
      this.#markAll(entry);
      this.#tell({ kind: 'online', hostId });
    }
  }

  /** What the host says of itself counts, so that all consoles call it the same; but two of one name help nobody. */
  #relabel({ record }: HostEntry, { name, site }: HostLabel): void {
    const taken = this.hosts().some((other) => other.record.id !== record.id && other.record.name === name);
    const wanted = { ...record, name: taken ? record.name : name, site };
    if (wanted.name !== record.name || wanted.site !== record.site) this.update(wanted);
  }

  #tell(event: FleetEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #viewOf(): ViewOf {
    return {
      hosts: (key) => this.get(key)?.view(this.#options.practice) ?? null,
      vms: (key) => this.#vm(key),
      pairs: (key) => this.#join(key),
      tasks: (key) => this.#task(key),
    };
  }

  #vm(key: string): VmView | null {
    const [hostId = '', uuid = ''] = key.split('/');
    return this.get(hostId)?.vmView(uuid) ?? null;
  }

  #task(taskId: string): TaskView | null {
    for (const host of this.#hosts.values()) {
      const task = host.tasks.get(taskId);
      if (task) return { hostId: host.record.id, task };
    }
    return null;
  }

  #join(pairId: string): PairView | null {
    const members: Record<string, MemberWord> = {};
    const { self } = this.#options;
    const sights: Record<string, HostSight> = {
      [self.hostId]: { name: self.name, reach: 'answers', silentSince: null },
    };
    const tasks: TaskView[] = [];
    for (const host of this.#hosts.values()) {
      sights[host.record.id] = host.sight();
      for (const task of host.tasks.values()) {
        if (task.pairId === pairId) tasks.push({ hostId: host.record.id, task });
      }
      const status = host.pairs.get(pairId);
      const heardAt = host.heardAt ?? 0;
      if (status) members[host.record.id] = { status, heardAt, leaseAt: host.leaseAt.get(pairId) ?? heardAt };
    }
    const previous = this.#pairs.get(pairId) ?? null;
    if (hasEnded(members, sights)) {
      this.#pairs.delete(pairId);
      return null;
    }
    const pair = joinPair({ members, hosts: sights, tasks, previous, now: this.#options.now() });
    this.#pairs.set(pairId, pair);
    return pair;
  }

  #pairIds(): Set<string> {
    return new Set(this.hosts().flatMap((host) => [...host.pairs.keys()]));
  }

  /** Everything of this host, also what it had before and has no more. */
  #markAll(entry: HostEntry): void {
    const { id } = entry.record;
    this.#patches.mark('hosts', id);
    for (const key of this.#patches.keys('vms')) if (key.startsWith(`${id}/`)) this.#patches.mark('vms', key);
    for (const uuid of entry.vms.keys()) this.#patches.mark('vms', vmKey(id, uuid));
    for (const key of [...this.#patches.keys('tasks'), ...entry.tasks.keys()])
      this.#patches.mark('tasks', key);
    this.#markKnownPairs();
    this.#markPairsOf(entry);
  }

  #markPairsOf(entry: HostEntry): void {
    this.#patches.mark('hosts', entry.record.id);
    for (const pairId of entry.pairs.keys()) this.#patches.mark('pairs', pairId);
    for (const pair of this.#pairs.values()) {
      if (takesPart(pair, entry.record.id)) this.#patches.mark('pairs', pair.id);
    }
  }

  #markKnownPairs(): void {
    for (const pairId of this.#patches.keys('pairs')) this.#patches.mark('pairs', pairId);
  }

  #leaseSoon(pairId: string): void {
    this.#leases.add(pairId);
    this.#leaseTimer ??= setTimeout(() => {
      this.#leaseTimer = null;
      for (const id of this.#leases) this.#patches.mark('pairs', id);
      this.#leases.clear();
    }, LEASE_MS);
  }

  #keepSoon(hostId: string): void {
    this.#unkept.add(hostId);
    this.#keepTimer ??= setTimeout(() => this.#keepNow(), KEEP_MS);
  }

  #keepNow(): void {
    if (this.#keepTimer !== null) clearTimeout(this.#keepTimer);
    this.#keepTimer = null;
    guard(this.#options.report, () => {
      for (const hostId of this.#unkept) {
        const last = this.get(hostId)?.lastState();
        if (last) this.#options.table.keepState(hostId, last);
      }
      this.#unkept.clear();
    });
  }
}

/** The members' own words by host id, without what else a view carries. */
export function statusOf(pair: PairView, hostId: string): MemberStatus | null {
  return pair.members[hostId]?.status ?? null;
}

/** As a member or as the witness. */
export function takesPart(pair: PairView, hostId: string): boolean {
  const witness = pair.automation.witness?.hostId;
  return pair.primary === hostId || pair.standby === hostId || witness === hostId;
}
