import type {
  ChangesStatus,
  FollowedChange,
  OpenChange,
  TouchedCopy,
} from '../../../agent/protocol/changes.ts';
import type { PairView } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';

const of = (pair: PairView, hostId: string): ChangesStatus | null =>
  pair.members[hostId]?.status.changes ?? null;

/** What the machine's host says that its standby does not have yet. */
export const openOf = (pair: PairView): OpenChange | null => of(pair, pair.primary)?.open ?? null;

export const followedOf = (pair: PairView): FollowedChange[] => of(pair, pair.primary)?.followed ?? [];

/** The request in one line. */
export function askTitle(pair: PairView, nameOf: (hostId: string) => string): string {
  const away = openOf(pair)?.changes.some(({ kind }) => kind === 'moved-away');
  return away
    ? m.changes.away(pair.name, nameOf(pair.primary))
    : m.changes.asked(pair.name, nameOf(pair.standby));
}

/** Only of the copy: what runs is nobody's copy. */
export const touchedOf = (pair: PairView): TouchedCopy | null => of(pair, pair.standby)?.touched ?? null;
