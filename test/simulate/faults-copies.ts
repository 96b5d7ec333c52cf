import { type Change, setMode, settings } from '../../agent/lease/transitions.ts';
import { after, type Fault, owner } from './strike.ts';
import type { World } from './world.ts';

/** How soon a person looks again at what came of his order, ms. */
const AGAIN_MS = 400;

/** What the order asks of the voters next, by the record alone; null when it is as wanted. As the console's steps. */
function nextChange(world: World, points: boolean): Change | null {
  const record = world.truth();
  if (record === null) return null;
  const { policy, replica, epoch } = record;
  const kept = (mode: 'sync' | 'async'): Change =>
    setMode(epoch.n, record.owner, mode, world.wall(), world.rules);
  if (points)
    return policy === 'manual'
      ? replica.mode === 'sync'
        ? kept('async')
        : null
      : settings({ policy: 'manual' });
  if (replica.mode !== 'sync') return kept('sync');
  return policy === 'manual' ? settings({ policy: 'automatic' }) : null;
}

/** What happens to how the copy is kept, and to what lies in it. */
export const COPY_FAULTS: Record<string, Fault> = {
  /** Kept by points for a while, which nobody may count on; then mirrored again, and armed by itself. */
  'kept-by-points': (world, ms) => {
    const record = world.truth();
    if (record === null || record.policy !== 'automatic' || record.replica.mode !== 'sync') return false;
    let points = true;
    after(world, ms + 1_000, () => {
      points = false;
    });
    const again = (): void => {
      // A person has decided otherwise meanwhile.
      if (world.forced) return;
      const change = nextChange(world, points);
      const host = owner(world);
      if (change !== null && host.well) host.node?.order(change, () => undefined);
      if (points || change !== null) after(world, AGAIN_MS, again);
    };
    again();
    return true;
  },
  /** A comparison finds that the copy is not the same: durable in the owner's notes, in this epoch. */
  'copy-differs': (world) => {
    const host = owner(world);
    // Of what others keep nothing is compared.
    if (world.attended || !host.well || !host.running || host.mirror !== 'active' || host.byPoints)
      return false;
    host.distrustedIn = host.node?.record?.epoch.n ?? null;
    host.tellAgent();
    return host.distrusts;
  },
};
