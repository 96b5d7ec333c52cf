import { modesContract } from '../../agent/replication/modes.spec-kit.ts';
import { Bench } from './replication/bench.ts';
import { sleep, until } from './replication/ports.ts';

const CHUNK = 65536;

modesContract('QEMU, the storage daemon and the copier', async () => {
  const bench = await Bench.open();
  const { guest, target, link } = bench.parts;
  let written = 0;
  return {
    source: bench.source,
    target,
    own: bench.own(),
    disks: bench.replicaDisks(),
    through: () => link.port,
    link: bench.pointsLink(),
    now: () => Date.now(),
    async write() {
      written += 1;
      const before = guest.completed;
      await guest.write('vda', (written % 250) + 1, written * CHUNK, CHUNK);
      await until(() => guest.completed > before || bench.source.status('pair-1')?.state === 'held');
      await sleep(20);
      return guest.completed > before ? 'acknowledged' : 'held';
    },
    async missing() {
      const copy = bench.replica('vda');
      return guest.acknowledged.filter((offset) => copy[offset] !== ((offset / CHUNK) % 250) + 1).length;
    },
    shutdownGuest: () => guest.quit(),
    async network(connected) {
      link.connected = connected;
    },
    until: (state) => until(state, 60_000),
    close: () => bench.close(),
  };
});
