import { modeOf, type RestorePoint } from '../../../agent/protocol/index.ts';
import type { ReplicationView } from '../../contract/index.ts';
import { isAttended, isByPoints } from './attended.ts';
import type { Joined } from './inputs.ts';

/** How the copy is kept, by the newest description, and what both members say of its points. */
export function replicationOf(joined: Joined): ReplicationView {
  const { owner, standby, record } = joined;
  const words = [owner.word, standby.word].flatMap((word) => word ?? []);
  const spec = words.reduce((a, b) => (b.spec.revision > a.spec.revision ? b : a)).spec;
  const points = standby.word?.restorePoints ?? [];
  const follow = owner.word?.mirror?.follow ?? null;
  const told = [...points, follow?.point ?? null].filter((point) => point !== null);
  const byPoints = isByPoints(record);
  const newest = (a: RestorePoint, b: RestorePoint): RestorePoint => (b.at > a.at ? b : a);
  return {
    mode: modeOf({ record, spec }),
    follow: byPoints ? follow : null,
    point: byPoints && told.length > 0 ? told.reduce(newest) : null,
    points: byPoints ? points : [],
    attended: isAttended(record) ? (owner.word?.mirror?.attended ?? null) : null,
    problem: isAttended(record) ? (owner.word?.mirror?.problem ?? null) : null,
  };
}
