import type {
  ChangesStatus,
  FollowedChange,
  OpenChange,
  TouchedCopy,
} from '../../../agent/protocol/changes.ts';
import type { PairView } from '../../../src-main/contract/index.ts';

const of = (pair: PairView, hostId: string): ChangesStatus | null =>
  pair.members[hostId]?.status.changes ?? null;

/** What the machine's host says that its standby does not have yet. */
export const openOf = (pair: PairView): OpenChange | null => of(pair, pair.primary)?.open ?? null;

export const followedOf = (pair: PairView): FollowedChange[] => of(pair, pair.primary)?.followed ?? [];

/** Only of the copy: what runs is nobody's copy. */
export const touchedOf = (pair: PairView): TouchedCopy | null => of(pair, pair.standby)?.touched ?? null;
