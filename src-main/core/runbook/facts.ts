import { modeOf, type ReplicationMode } from '../../../agent/protocol/index.ts';
import type { FleetSnapshot, HostView, MemberStatus, PairView } from '../../contract/index.ts';

/** A host as the sheets speak of it. */
export interface Place {
  id: string;
  name: string;
  /** `ssh -p 2222 root@10.0.0.1`; null for a host that is not in the console's list. */
  login: string | null;
  /** Protected machines that run there and freeze when its agent is stopped, this one left out. */
  armedThere: string[];
  /** Machines whose copy is there, this one left out. */
  keepsToo: string[];
}

export interface DiskFacts {
  target: string;
  owner: string;
  standby: string;
  format: string;
}

/** What one sheet is made from; nothing secret is in it. */
export interface SheetFacts {
  pairId: string;
  machine: string;
  uuid: string;
  owner: Place;
  standby: Place;
  witness: string | null;
  armed: boolean;
  mode: ReplicationMode;
  /** State of the copy by the record: in-sync, catching-up, stale, none. */
  replica: MemberStatus['record']['replica']['state'];
  /** The standby said that its copy ended uncleanly, or was touched. */
  unclean: boolean;
  touched: boolean;
  /** The old copy there is set aside. */
  quarantined: boolean;
  /** Has it begun where it is said to run. */
  begun: boolean;
  disks: DiskFacts[];
}

/** Protected machines by the hosts they lean on. */
export interface OnHosts {
  runs: Map<string, PairView[]>;
  keeps: Map<string, PairView[]>;
}

export function onHosts(fleet: FleetSnapshot): OnHosts {
  const on: OnHosts = { runs: new Map(), keeps: new Map() };
  const pairs = Object.values(fleet.pairs).sort((a, b) => a.name.localeCompare(b.name, 'en'));
  const add = (where: Map<string, PairView[]>, hostId: string, pair: PairView): void => {
    where.set(hostId, [...(where.get(hostId) ?? []), pair]);
  };
  for (const pair of pairs) {
    add(on.runs, pair.primary, pair);
    add(on.keeps, pair.standby, pair);
  }
  return on;
}

/** Null while no member has told of it. */
export function factsOf(fleet: FleetSnapshot, pair: PairView, on: OnHosts): SheetFacts | null {
  const words = Object.values(pair.members).map(({ status }) => status);
  const [first, ...rest] = words;
  if (first === undefined) return null;
  const { spec } = rest.reduce((a, b) => (b.spec.revision > a.spec.revision ? b : a), first);
  const { record } = words.find((word) => word.record.owner === pair.primary) ?? first;
  const local = pair.members[pair.standby]?.status.local;
  const changes = pair.members[pair.standby]?.status.changes;
  return {
    pairId: pair.id,
    machine: pair.name,
    uuid: spec.workload.uuid,
    owner: placeOf(fleet, pair.primary, pair.id, on),
    standby: placeOf(fleet, pair.standby, pair.id, on),
    witness: pair.automation.witness?.name ?? null,
    armed: pair.automation.armed,
    mode: modeOf({ record, spec }),
    replica: record.replica.state,
    unclean: local?.kind === 'standby' && local.unclean === true,
    touched: (changes?.touched ?? null) !== null,
    quarantined: local?.kind === 'quarantined',
    begun: record.begun,
    disks: spec.disks.map(({ target, format, paths }) => ({
      target,
      format,
      owner: paths[pair.primary] ?? '',
      standby: paths[pair.standby] ?? '',
    })),
  };
}

function placeOf(fleet: FleetSnapshot, hostId: string, pairId: string, on: OnHosts): Place {
  const host = fleet.hosts[hostId];
  const others = (found: PairView[] = []): PairView[] => found.filter(({ id }) => id !== pairId);
  const armed = others(on.runs.get(hostId)).filter(({ automation }) => automation.armed);
  return {
    id: hostId,
    name: host?.name ?? hostId,
    login: host ? loginOf(host) : null,
    armedThere: armed.map(({ name }) => name),
    keepsToo: others(on.keeps.get(hostId)).map(({ name }) => name),
  };
}

/** How a person gets in, with OpenSSH; the log-in's secret is not in it. */
export function loginOf({ user, address, port }: Pick<HostView, 'user' | 'address' | 'port'>): string {
  return `ssh ${port === 22 ? '' : `-p ${port} `}${user}@${address}`;
}
