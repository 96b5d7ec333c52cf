import type { Followers } from './follow/index.ts';
import type { FollowOrder, ReplicaSource } from './replication.ts';

/** What mirrors synchronously, and knows nothing of points. */
export type Mirrors = Omit<ReplicaSource, 'follow'>;

/** Every mode behind one interface: a pair has a mirror, or it is followed by points, never both. */
export function createReplicaSource(mirrors: Mirrors, followers: Followers): ReplicaSource {
  return {
    get ready() {
      return mirrors.ready;
    },
    async start() {
      await Promise.all([mirrors.start(), followers.start()]);
    },
    async stop() {
      await Promise.all([mirrors.stop(), followers.stop()]);
    },
    async mirror(order) {
      await followers.end(order.pairId);
      return mirrors.mirror(order);
    },
    async follow(order: FollowOrder) {
      const ended = await mirrors.end(order.pairId);
      return ended.ok ? followers.follow(order) : ended;
    },
    status: (pairId) => followers.status(pairId) ?? mirrors.status(pairId),
    subscribe(listener) {
      const ends = [mirrors.subscribe(listener), followers.subscribe(listener)];
      return () => {
        for (const end of ends) end();
      };
    },
    setPatience: (pairId, ms) => mirrors.setPatience(pairId, ms),
    answersIn: (standby) => mirrors.answersIn(standby),
    // A copy that follows holds nothing up, so there is nothing to be let go.
    release: (pairId) => mirrors.release(pairId),
    async end(pairId, drained) {
      await followers.end(pairId);
      return mirrors.end(pairId, drained);
    },
    async distanceKnown(pairId) {
      return (await followers.distanceKnown(pairId)) ?? mirrors.distanceKnown(pairId);
    },
    beginDistance: (guest, generation) => mirrors.beginDistance(guest, generation),
    // Only what is in sync can be compared, and what follows never is.
    verify: (pairId, order) => mirrors.verify(pairId, order),
    endVerify: (pairId) => mirrors.endVerify(pairId),
    figures: (pairId) => mirrors.figures(pairId),
    endedInSync: (pairId) => !followers.has(pairId) && mirrors.endedInSync(pairId),
  };
}
