import type { Automation, FleetSnapshot, HostView, PairView, TaskView, VmView } from './index.ts';
import { vmKey } from './keys.ts';

/** Small fleets for unit specs. `at` is the wall clock all of it was heard at, ms. */
export const at = Date.UTC(2026, 0, 5, 12, 0, 0);

export function host(id: string, over: Partial<HostView> = {}): HostView {
  return {
    id,
    name: id,
    site: 'Server room',
    address: id,
    port: 22,
    user: 'root',
    role: 'hypervisor',
    practice: false,
    connection: { state: 'online', since: at },
    facts: null,
    load: null,
    guard: { state: 'armed', why: null, unclaimed: [] },
    agentVersion: null,
    clockAheadMs: 0,
    heardAt: at,
    ...over,
  };
}

export const offline: Extract<HostView['connection'], { state: 'offline' }> = {
  state: 'offline',
  since: at,
  retryAt: at + 8_000,
  problem: { kind: 'unreachable', message: 'No answer.', next: 'Look at it.' },
};

/** The same name always has the same UUID. */
export function uuidOf(name: string): string {
  let hash = 7n;
  for (const letter of name) hash = (hash * 1_000_003n + BigInt(letter.charCodeAt(0))) % 0xffff_ffff_ffffn;
  return `00000000-0000-4000-8000-${hash.toString(16).padStart(12, '0')}`;
}

export function vm(hostId: string, name: string, state: VmView['vm']['state'] = 'running'): VmView {
  const uuid = uuidOf(name);
  return {
    key: vmKey(hostId, uuid),
    hostId,
    vm: {
      uuid,
      name,
      state,
      vcpus: 1,
      memoryBytes: 2 ** 30,
      autostart: false,
      disks: [],
      nics: [],
      cpu: 0.1,
      memoryUsedBytes: 0,
      addresses: [],
    },
  };
}

/** A pair without a witness, as protection begins. */
export const manual: Automation = {
  policy: 'manual',
  profile: 'balanced',
  armed: false,
  paused: false,
  maintenance: null,
  changes: 0,
  lastChange: 'created',
  witness: null,
  lease: null,
  guard: null,
  obstacles: [
    {
      kind: 'policy-manual',
      text: 'It is set to manual: a person decides.',
      saidBy: [],
      mend: 'policy',
      hostId: null,
    },
  ],
  stepsIn: null,
  quarantine: null,
};

/** An armed pair; its lease was renewed a second before `now`. */
export function armed(
  primary: string,
  standby: string,
  witness = 'pi',
  now = at,
  over: Partial<Automation> = {},
): Automation {
  const voter = (name: string, as: 'owner' | 'standby' | 'witness', ago: number) => ({
    hostId: name,
    name,
    as,
    heardAt: now - ago,
    current: true,
  });
  return {
    ...manual,
    policy: 'automatic',
    armed: true,
    witness: { hostId: witness, name: witness },
    lease: {
      holder: primary,
      renewedAt: now - 1_000,
      endsAt: now + 3_000,
      leaseMs: 4_000,
      holdMs: 4_250,
      known: true,
      voters: [
        voter(primary, 'owner', 0),
        voter(standby, 'standby', 1_000),
        voter(witness, 'witness', 1_000),
      ],
      saidBy: primary,
      saidAt: now,
    },
    guard: { hostId: primary, fit: true, on: true, why: null },
    obstacles: [],
    ...over,
  };
}

export function pair(
  name: string,
  primary: string,
  standby: string,
  health: PairView['health'] = 'in-sync',
  over: Partial<PairView> & { home?: string } = {},
): PairView {
  const { home = primary, ...rest } = over;
  const id = `pair-${name}`;
  const other = home === primary ? standby : primary;
  const status: PairView['members'][string]['status'] = {
    spec: {
      pairId: id,
      revision: 1,
      workload: { kind: 'vm', uuid: uuidOf(name), name },
      members: [home, other],
      disks: [],
      definitions: {},
      autostartBefore: false,
      createdAt: at,
    },
    record: {
      pairId: id,
      version: 1,
      config: 1,
      epoch: { n: 0, by: '' },
      owner: primary,
      begun: true,
      policy: 'manual',
      armed: false,
      replica: { mode: 'sync', state: 'in-sync', point: null, since: at },
      forced: false,
      maintenance: null,
      members: [home, other],
      voters: [primary],
      change: 'created',
      former: null,
      paused: false,
      profile: 'balanced',
    },
    local: { kind: 'primary', vm: 'running' },
    mirror: {
      state: health === 'copying' ? 'copying' : 'in-sync',
      doneBytes: 25,
      totalBytes: 100,
      rateBps: 25,
      since: at,
      problem: null,
    },
    peer: { hostId: standby, reachable: true, since: at },
  };
  return {
    id,
    name,
    primary,
    standby,
    health,
    sentence: `${name} is ${health}.`,
    since: at,
    members: { [primary]: { status, heardAt: at } },
    automation: manual,
    replication: { mode: { kind: 'sync' }, follow: null, point: null, points: [] },
    drill: null,
    verify: null,
    objectives: null,
    stale: false,
    onStageSince: null,
    ...rest,
  };
}

export function task(pairId: string, kind: TaskView['task']['kind'], hostId: string): TaskView {
  return {
    hostId,
    task: {
      id: `task-${pairId}`,
      kind,
      pairId,
      subject: pairId.replace('pair-', ''),
      state: 'running',
      startedAt: at,
      endedAt: null,
      steps: [],
      progress: null,
      problem: null,
      cancellable: false,
      resumed: 0,
    },
  };
}

export function fleet(
  hosts: HostView[],
  vms: VmView[] = [],
  pairs: PairView[] = [],
  tasks: TaskView[] = [],
): FleetSnapshot {
  const table = <T>(items: T[], key: (item: T) => string): Record<string, T> =>
    Object.fromEntries(items.map((item) => [key(item), item]));
  return {
    hosts: table(hosts, (item) => item.id),
    vms: table(vms, (item) => item.key),
    pairs: table(pairs, (item) => item.id),
    tasks: table(tasks, (item) => item.task.id),
  };
}
