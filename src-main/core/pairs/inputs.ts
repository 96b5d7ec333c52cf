import type { MirrorStatus, PairRecord, PairStatus, Task } from '../../../agent/protocol/index.ts';
import type { PairView, TaskView } from '../../contract/index.ts';

/** How this console stands to a host. `trying`: not yet decided, e.g. right after the start. */
export interface HostSight {
  name: string;
  reach: 'answers' | 'trying' | 'silent';
  /** Wall clock (ms) since which it is silent; null unless silent. */
  silentSince: number | null;
}

export interface MemberWord {
  status: PairStatus;
  heardAt: number;
  /** When its lease was told, by this console's clock (ms). */
  leaseAt: number;
}

export interface JoinInput {
  /** What each member said last, by host id; at least one. */
  members: Record<string, MemberWord>;
  /** By host id; a host this console does not know is missing. */
  hosts: Record<string, HostSight>;
  /** Tasks of this pair, with the host that carries each out. */
  tasks: TaskView[];
  /** The view before, so that `since` holds on. */
  previous: PairView | null;
  now: number;
}

/** One member as seen from here, with its own word when it ever gave one. */
export interface Member extends HostSight {
  id: string;
  word: PairStatus | null;
  /** When the lease in `word` was told, by this console's clock (ms); 0 without a word. */
  leaseAt: number;
}

/** What the sentences are made of. */
export interface Joined {
  machine: string;
  record: PairRecord;
  owner: Member;
  standby: Member;
  mirror: MirrorStatus | null;
  /** The order being carried out, if any. */
  task: Task | null;
  /** Where a failover or switchover under way brings the machine. */
  destination: Member;
  now: number;
}
