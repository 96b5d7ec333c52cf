import { replicationContract } from '../../agent/replication/replication.spec-kit.ts';
import type { ReplicaSource } from '../../agent/replication/replication.ts';
import { Bench } from './replication/bench.ts';
import { GUEST_UUID } from './replication/guest-hypervisor.ts';
import { sleep, until } from './replication/ports.ts';

/** The contract hands one list of disks to both hosts; here they are one machine with two directories. */
function ownPaths(bench: Bench): ReplicaSource {
  const { source } = bench;
  return {
    get ready() {
      return source.ready;
    },
    start: () => source.start(),
    stop: () => source.stop(),
    status: (pairId) => source.status(pairId),
    subscribe: (listener) => source.subscribe(listener),
    release: (pairId) => source.release(pairId),
    end: (pairId) => source.end(pairId),
    setPatience: (pairId, ms) => source.setPatience(pairId, ms),
    answersIn: (standby) => source.answersIn(standby),
    beginDistance: (of, generation) => source.beginDistance(of, generation),
    distanceKnown: (pairId) => source.distanceKnown(pairId),
    verify: (pairId, order) => source.verify(pairId, order),
    endVerify: (pairId) => source.endVerify(pairId),
    figures: (pairId) => source.figures(pairId),
    endedInSync: (pairId) => source.endedInSync(pairId),
    attend: (order) => source.attend(order),
    follow: (order) => source.follow({ ...order, ...bench.own() }),
    mirror: (order) => source.mirror({ ...bench.order(order.remote), pairId: order.pairId }),
  };
}

replicationContract('the mirror, the forwarder and the storage daemon', async () => {
  const bench = await Bench.open();
  const { guest, target, link } = bench.parts;
  let written = 0;
  return {
    source: ownPaths(bench),
    target,
    vmUuid: GUEST_UUID,
    address: '127.0.0.1',
    disks: bench.replicaDisks(),
    async write() {
      written += 1;
      const before = guest.completed;
      await guest.write('vda', (written % 250) + 1, written * 65536, 65536);
      await until(() => guest.completed > before || bench.state === 'held');
      await sleep(100);
      return guest.completed > before ? 'acknowledged' : 'held';
    },
    async missing() {
      const replica = bench.replica('vda');
      return guest.acknowledged.filter((offset) => replica[offset] !== ((offset / 65536) % 250) + 1).length;
    },
    async shutdownGuest() {
      await guest.quit();
    },
    async network(connected: boolean) {
      link.connected = connected;
    },
    until: (state) => until(state),
    close: () => bench.close(),
  };
});
