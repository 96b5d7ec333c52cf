import type { PairView } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';
import { clock } from '../../lib/time.ts';

/** Restore points of a copy that is kept by them, newest first, to choose from; '' is the newest. */
export function pointChoice({ replication }: PairView, now: number): { value: string; label: string }[] {
  return replication.points
    .toReversed()
    .map(({ id, at }, index) =>
      index === 0
        ? { value: '', label: m.replication.newest(clock(at, now)) }
        : { value: id, label: m.replication.earlier(clock(at, now)) },
    );
}
