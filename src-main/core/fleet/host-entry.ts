import type {
  AgentState,
  HostFacts,
  HostGuardView,
  HostLabel,
  HostLoad,
  LeaseView,
  PairStatus,
  Sight,
  Task,
  VmInfo,
  WitnessCall,
} from '../../../agent/protocol/index.ts';
import { type Connection, type HostView, type VmView, vmKey } from '../../contract/index.ts';
import type { HostSight } from '../pairs/inputs.ts';
import type { HostRecord, LastState } from '../storage/host-table.ts';
import type { HostLink, HostLinkEvent, HostNotice } from './host-link.ts';

/** What moved at one host. */
export type HostChange =
  | { kind: 'host' }
  /** Its connection came or went, or was decided for the first time. */
  | { kind: 'reach' }
  | { kind: 'vm'; uuid: string }
  | { kind: 'pair'; pairId: string }
  /** The agent says how its host is called. */
  | { kind: 'label'; label: HostLabel }
  /** It sees members that it did not see before. */
  | { kind: 'members' }
  /** Only how the lease goes on: about once a second for every pair. */
  | { kind: 'lease'; pairId: string }
  | { kind: 'task'; task: Task }
  | { kind: 'audit'; entry: Extract<HostNotice, { notice: 'audit' }>['value'] }
  /** To the voter of this workstation (core/witness). */
  | { kind: 'envelope'; envelope: unknown }
  | { kind: 'witness-call'; call: WitnessCall }
  /** Everything of it may have changed: the agent told its whole state. */
  | { kind: 'state' };

/** One host: its record, its link, and what its agent said last. */
export class HostEntry {
  record: HostRecord;
  readonly link: HostLink;
  connection: Connection;
  reach: HostSight['reach'] = 'trying';
  silentSince: number | null = null;
  heardAt: number | null = null;
  facts: HostFacts | null = null;
  load: HostLoad | null = null;
  guard: HostGuardView | null = null;
  agentVersion: string | null = null;
  clockAheadMs: number | null = null;
  sights: Sight[] = [];
  readonly vms = new Map<string, VmInfo>();
  readonly pairs = new Map<string, PairStatus>();
  readonly tasks = new Map<string, Task>();
  /** When each pair's lease was told, by this console's clock: the agent's own may go differently. */
  readonly leaseAt = new Map<string, number>();
  readonly #now: () => number;
  readonly #tell: (change: HostChange) => void;
  readonly #unsubscribe: () => void;

  constructor(
    record: HostRecord,
    link: HostLink,
    last: LastState | null,
    now: () => number,
    tell: (change: HostChange) => void,
  ) {
    this.record = record;
    this.link = link;
    this.connection = link.connection;
    this.#now = now;
    this.#tell = tell;
    if (last !== null) {
      this.heardAt = last.heardAt;
      this.#adopt(last.state);
    }
    this.#unsubscribe = link.subscribe((event) => this.#hear(event));
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    await this.link.close();
  }

  /** Null before the first word. */
  lastState(): LastState | null {
    if (this.heardAt === null || this.facts === null || this.guard === null) return null;
    const state = {
      facts: this.facts,
      guard: this.guard,
      load: this.load,
      vms: [...this.vms.values()],
      pairs: [...this.pairs.values()],
      tasks: [...this.tasks.values()],
    };
    return { heardAt: this.heardAt, state };
  }

  view(practice: boolean): HostView {
    const { id, name, site, address, port, user, role } = this.record;
    const { connection, facts, load, guard, agentVersion, clockAheadMs, heardAt } = this;
    return {
      id,
      name,
      site,
      address,
      port,
      user,
      role,
      practice,
      connection,
      facts,
      load,
      guard,
      agentVersion,
      clockAheadMs,
      heardAt,
    };
  }

  vmView(uuid: string): VmView | null {
    const vm = this.vms.get(uuid);
    return vm ? { key: vmKey(this.record.id, uuid), hostId: this.record.id, vm } : null;
  }

  sight(): HostSight {
    return { name: this.record.name, reach: this.reach, silentSince: this.silentSince };
  }

  #hear(event: HostLinkEvent): void {
    if (event.kind === 'connection') {
      this.#connected(event.connection);
    } else if (event.kind === 'hello') {
      this.agentVersion = event.hello.version;
      this.clockAheadMs = event.hello.clock.wallMs - this.#now();
      const { hostId, name, site } = event.hello;
      if (hostId === this.record.id && site !== undefined)
        this.#tell({ kind: 'label', label: { name, site } });
      this.#tell({ kind: 'host' });
    } else if (event.kind === 'state') {
      this.heardAt = this.#now();
      this.#adopt(event.state);
      this.#tell({ kind: 'state' });
    } else {
      this.heardAt = this.#now();
      this.#notice(event.notice);
      this.#tell({ kind: 'host' });
    }
  }

  #connected(connection: Connection): void {
    this.connection = connection;
    const before = this.reach;
    if (connection.state === 'online') this.reach = 'answers';
    else if (connection.state === 'offline') this.reach = 'silent';
    else if (this.reach === 'answers') this.reach = 'trying';
    // Silence is counted from its beginning, through all attempts in between.
    if (this.reach === 'silent') this.silentSince ??= connection.since;
    else if (this.reach === 'answers') this.silentSince = null;
    this.#tell({ kind: 'host' });
    if (before !== this.reach) this.#tell({ kind: 'reach' });
  }

  #adopt(state: AgentState): void {
    this.facts = state.facts;
    this.load = state.load;
    this.guard = state.guard;
    this.leaseAt.clear();
    for (const pair of state.pairs) this.leaseAt.set(pair.spec.pairId, this.heardAt ?? this.#now());
    refill(this.vms, state.vms, (vm) => vm.uuid);
    refill(this.pairs, state.pairs.map(withoutDefinitions), (pair) => pair.spec.pairId);
    refill(this.tasks, state.tasks, (task) => task.id);
  }

  #notice(told: HostNotice): void {
    const { notice, value } = told;
    if (notice === 'facts') this.facts = value;
    else if (notice === 'load') this.load = value;
    else if (notice === 'label') this.#tell({ kind: 'label', label: value });
    else if (notice === 'guard') this.guard = value;
    else if (notice === 'sights') this.#see(value);
    else if (notice === 'audit') this.#tell({ kind: 'audit', entry: value });
    else if (notice === 'envelope') this.#tell({ kind: 'envelope', envelope: value.envelope });
    else if (notice === 'witnessCall') this.#tell({ kind: 'witness-call', call: value });
    else if (notice === 'lease') this.#lease(value.pairId, value.lease);
    else if (notice === 'vm') {
      put(this.vms, value.uuid, value.vm);
      this.#tell({ kind: 'vm', uuid: value.uuid });
    } else if (notice === 'pair') {
      put(this.pairs, value.pairId, value.pair && withoutDefinitions(value.pair));
      put(this.leaseAt, value.pairId, value.pair && this.#now());
      this.#tell({ kind: 'pair', pairId: value.pairId });
    } else {
      this.tasks.set(value.id, value);
      this.#tell({ kind: 'task', task: value });
    }
  }

  #see(sights: Sight[]): void {
    const before = new Set(this.sights.map(({ hostId }) => hostId));
    this.sights = sights;
    if (sights.some(({ hostId }) => !before.has(hostId))) this.#tell({ kind: 'members' });
  }

  #lease(pairId: string, lease: LeaseView): void {
    const status = this.pairs.get(pairId);
    if (status === undefined) return;
    this.pairs.set(pairId, { ...status, lease });
    this.leaseAt.set(pairId, this.#now());
    this.#tell({ kind: 'lease', pairId });
  }
}

/** A guest's definition may hold passwords (libvirt: graphics, secrets); neither page nor database need it. */
function withoutDefinitions(status: PairStatus): PairStatus {
  return { ...status, spec: { ...status.spec, definitions: {} } };
}

function put<T>(map: Map<string, T>, key: string, value: T | null): void {
  if (value === null) map.delete(key);
  else map.set(key, value);
}

function refill<T>(map: Map<string, T>, values: readonly T[], keyOf: (value: T) => string): void {
  map.clear();
  for (const value of values) map.set(keyOf(value), value);
}
