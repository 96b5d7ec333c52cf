import type {
  AgentState,
  ConsoleApi,
  Hello,
  PairStatus,
  ParamsOf,
  Problem,
  Result,
  ResultOf,
  Task,
  VmInfo,
} from '../../../agent/protocol/index.ts';
import { ok } from '../../../agent/protocol/index.ts';
import type { Connection } from '../../contract/index.ts';
import type { HostLink, HostLinkEvent, HostNotice, HostTarget } from '../fleet/host-link.ts';
import type { HostRecord } from '../storage/host-table.ts';
import { leaseView, pairRecord } from './pair-words.ts';

export { pairRecord };

type Method = keyof ConsoleApi & string;
type Answer<M extends Method> = (
  params: ParamsOf<ConsoleApi, M>,
) => Result<ResultOf<ConsoleApi, M>> | Promise<Result<ResultOf<ConsoleApi, M>>>;
type Answers = { [M in Method]?: Answer<M> };

export const OFFLINE: Problem = { kind: 'host-offline', message: 'It is offline.', next: 'Wait.' };

/** A host link whose agent is played by the spec. */
export class FakeLink implements HostLink {
  readonly calls: { method: Method; params: unknown }[] = [];
  readonly answers: Answers = {
    'audit.list': () => ok({ entries: [] }),
    'agent.peers': () => ok({ peers: [] }),
    'agent.setPeers': () => ok({}),
    'agent.label': () => ok({}),
  };
  readonly retried: (HostTarget | undefined)[] = [];
  retryResult: Result<void> = ok(undefined);
  connection: Connection = { state: 'connecting', since: 0, attempt: 1 };
  closed = false;
  hurried = 0;
  readonly #listeners = new Set<(event: HostLinkEvent) => void>();

  subscribe(listener: (event: HostLinkEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): void {}

  async retry(target?: HostTarget): Promise<Result<void>> {
    this.retried.push(target);
    return this.retryResult;
  }

  async call<M extends Method>(
    method: M,
    params: ParamsOf<ConsoleApi, M>,
  ): Promise<Result<ResultOf<ConsoleApi, M>>> {
    this.calls.push({ method, params });
    const answer: Answer<M> | undefined = this.answers[method];
    if (this.connection.state !== 'online') return { ok: false, problem: OFFLINE };
    if (answer === undefined) throw new Error(`the spec gives no answer to ${method}`);
    return answer(params);
  }

  hurry(): void {
    this.hurried += 1;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  callsOf(method: Method): unknown[] {
    return this.calls.filter((call) => call.method === method).map((call) => call.params);
  }

  goOnline(state: AgentState, at = 1_000): void {
    this.connect({ state: 'online', since: at });
    this.#tell({ kind: 'state', state });
  }

  /** The agent's greeting, with its wall clock (ms). */
  greet(wallMs: number): void {
    const hello: Hello = {
      protocol: 2,
      version: '0.1.0+spec',
      hostId: null,
      fleetId: null,
      name: 'host',
      role: 'hypervisor',
      hypervisor: 'libvirt',
      clock: { bootMs: 1, wallMs },
      bootId: 'boot-1',
      capabilities: [],
    };
    this.#tell({ kind: 'hello', hello });
  }

  goOffline(at = 2_000): void {
    this.connect({ state: 'offline', since: at, retryAt: null, problem: OFFLINE });
  }

  connect(connection: Connection): void {
    this.connection = connection;
    this.#tell({ kind: 'connection', connection });
  }

  notice(notice: HostNotice): void {
    this.#tell({ kind: 'notice', notice });
  }

  #tell(event: HostLinkEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

export const WEB = '6d1ac9b2-5f0c-4b0e-8a44-6a1c1c1b2d3e';

export function hostRecord(name: string, change: Partial<HostRecord> = {}): HostRecord {
  return {
    id: `h-${name}`,
    name,
    site: 'Office',
    address: `${name}.lan`,
    port: 22,
    user: 'root',
    role: 'hypervisor',
    login: { method: 'password' },
    machineId: `machine-${name}`,
    peer: { address: `${name}.lan`, port: 7420, replicationPort: 7421 },
    addedAt: 1,
    ...change,
  };
}

export function agentState(change: Partial<AgentState> = {}): AgentState {
  return {
    facts: {
      hostname: 'host',
      os: 'Debian GNU/Linux 12 (bookworm)',
      kernel: '6.1',
      arch: 'x64',
      cpuModel: 'cpu',
      cpuCount: 2,
      memoryBytes: 1e9,
      bootId: 'boot-1',
      hypervisor: { kind: 'libvirt', version: 'libvirt 9.0.0', reachable: true },
      addresses: [],
    },
    load: null,
    vms: [],
    pairs: [],
    tasks: [],
    guard: { state: 'armed', why: null, unclaimed: [] },
    ...change,
  };
}

export function vm(change: Partial<VmInfo> = {}): VmInfo {
  return {
    uuid: WEB,
    name: 'web',
    state: 'running',
    vcpus: 1,
    memoryBytes: 1e9,
    autostart: true,
    disks: [],
    nics: [],
    cpu: 0,
    memoryUsedBytes: 0,
    addresses: [],
    ...change,
  };
}

/** web on atlas, its standby on boreas, as the host with `hostId` sees it. */
export function pairStatus(hostId: 'h-atlas' | 'h-boreas', change: Partial<PairStatus> = {}): PairStatus {
  const isOwner = hostId === 'h-atlas';
  return {
    spec: {
      pairId: 'p1',
      revision: 1,
      workload: { kind: 'vm', uuid: WEB, name: 'web' },
      members: ['h-atlas', 'h-boreas'],
      disks: [],
      definitions: {},
      autostartBefore: true,
      createdAt: 0,
    },
    record: pairRecord,
    local: isOwner ? { kind: 'primary', vm: 'running' } : { kind: 'standby', exports: 'open' },
    mirror: isOwner
      ? { state: 'in-sync', doneBytes: 1, totalBytes: 1, rateBps: 0, since: 850, problem: null }
      : null,
    lease: leaseView(),
    peer: { hostId: isOwner ? 'h-boreas' : 'h-atlas', reachable: true, since: 0 },
    ...change,
  };
}

export function task(change: Partial<Task> = {}): Task {
  return {
    id: 'r1',
    kind: 'protect',
    pairId: 'p1',
    subject: 'web',
    state: 'running',
    startedAt: 1,
    endedAt: null,
    steps: [],
    progress: null,
    problem: null,
    cancellable: true,
    resumed: 0,
    ...change,
  };
}
