import type {
  AtRisk,
  FollowStatus,
  LeaseView,
  LocalCopy,
  PairRecord,
  RestorePoint,
  Sight,
  VmState,
} from '../../../agent/protocol/index.ts';
import type { HostSight } from '../pairs/inputs.ts';

/** What the old host's own agent answered just now. */
export interface OldHostWord {
  /** Null: the machine is not defined there. */
  vm: VmState | null;
  hypervisorReachable: boolean;
  local: LocalCopy['kind'] | null;
  /** Its guard stopped the machine: it stands still, and may go on. */
  frozen: boolean;
}

/** What the standby's own agent answered just now. */
export interface StandbyWord {
  record: PairRecord;
  lease: LeaseView;
}

/** A third party that may have seen the old host. */
export interface Onlooker {
  name: string;
  /** "standby": the host where the copy is; "witness" and "host": others of the fleet. */
  as: 'standby' | 'witness' | 'host';
  /** Null: it does not answer this console, or knows nothing of the old host. */
  sight: Sight | null;
}

export interface VerdictInputs {
  now: number;
  machine: string;
  /** This console's own view of the host the machine ran on. */
  old: HostSight;
  oldWord: OldHostWord | null;
  standby: HostSight;
  standbyId: string;
  /** Null when it does not answer. */
  standbyWord: StandbyWord | null;
  oldId: string;
  onlookers: Onlooker[];
  /** The pair's record as the standby holds it; null when it gave none. */
  record: PairRecord | null;
  /** A half-made copy on the standby has a whole one to go back to, with everything until then; null when it has none. */
  point?: { wholeUntil: number | null } | null;
  /** Of a copy that is kept by points: those on the standby, oldest first, and the owner's last word of how far it is behind. */
  points?: RestorePoint[];
  follow?: FollowStatus | null;
  /** The standby acknowledged from memory and ended uncleanly: its copy may lack what was acknowledged. */
  unclean?: boolean;
  /** The owner's last word on what a failure would cost; null when it gave none. */
  atRisk?: AtRisk | null;
  /** The copy was found to differ, then, by so many bytes, and is being repaired; null when not. */
  distrusted?: { at: number; bytes: number } | null;
  /** The newest any member showed: the old host may have told this console more than it could tell the standby. */
  newest: PairRecord | null;
  pairId: string;
}
