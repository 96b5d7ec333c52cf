import type { Attenders } from './coordinated/attenders.ts';
import type { Followers } from './follow/index.ts';
import type { AttendOrder, FollowOrder, ReplicaSource } from './replication.ts';

/** What mirrors synchronously, and knows nothing of points. */
export type Mirrors = Omit<ReplicaSource, 'follow' | 'attend'>;

/** Every mode behind one interface: a pair has a mirror, is followed by points, or is looked after; never two of these. */
export function createReplicaSource(
  mirrors: Mirrors,
  followers: Followers,
  attenders: Attenders,
): ReplicaSource {
  return {
    get ready() {
      return mirrors.ready;
    },
    async start() {
      await Promise.all([mirrors.start(), followers.start()]);
    },
    async stop() {
      await Promise.all([mirrors.stop(), followers.stop(), attenders.stop()]);
    },
    async mirror(order) {
      await followers.end(order.pairId);
      attenders.forget(order.pairId);
      return mirrors.mirror(order);
    },
    async follow(order: FollowOrder) {
      attenders.forget(order.pairId);
      const ended = await mirrors.end(order.pairId);
      return ended.ok ? followers.follow(order) : ended;
    },
    async attend(order: AttendOrder) {
      await followers.end(order.pairId);
      const ended = await mirrors.end(order.pairId);
      return ended.ok ? attenders.attend(order) : ended;
    },
    status: (pairId) => attenders.status(pairId) ?? followers.status(pairId) ?? mirrors.status(pairId),
    subscribe(listener) {
      const ends = [mirrors, followers, attenders].map((one) => one.subscribe(listener));
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
      const attended = attenders.has(pairId);
      await attenders.end(pairId, drained);
      return mirrors.end(pairId, attended ? undefined : drained);
    },
    async distanceKnown(pairId) {
      return (await followers.distanceKnown(pairId)) ?? mirrors.distanceKnown(pairId);
    },
    beginDistance: (guest, generation) => mirrors.beginDistance(guest, generation),
    // Only what is in sync can be compared, and what follows never is.
    verify: (pairId, order) => mirrors.verify(pairId, order),
    endVerify: (pairId) => mirrors.endVerify(pairId),
    figures: (pairId) => mirrors.figures(pairId),
    endedInSync: (pairId) =>
      attenders.endedInSync(pairId) || (!followers.has(pairId) && mirrors.endedInSync(pairId)),
  };
}
