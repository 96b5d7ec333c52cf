import { randomUUID } from 'node:crypto';
import { fail, ok } from '../../agent/protocol/index.ts';
import { linuxCoordinatedHost } from '../../agent/replication/coordinated/linux-host.ts';
import { modesContract } from '../../agent/replication/modes.spec-kit.ts';
import { Bench } from './replication/bench.ts';
import { sleep, until } from './replication/ports.ts';

const CHUNK = 65536;

modesContract('QEMU, the storage daemon and the copier', async () => {
  const bench = await Bench.open();
  const { guest, target, link } = bench.parts;
  let written = 0;
  let shared = false;
  return {
    source: bench.source,
    target,
    own: bench.own(),
    disks: bench.replicaDisks(),
    through: () => link.port,
    link: bench.pointsLink(),
    attended() {
      shared = true;
      const host = linuxCoordinatedHost(() => 'boreas');
      const [own] = bench.own().disks;
      const path = own?.path ?? '';
      return async () => {
        if (!link.connected) return fail(silent);
        const token = randomUUID();
        const written = await host.writeToken(path, token);
        if (!written.ok) return written;
        const seen = await host.see(path, true);
        const proved = seen.token === token && seen.writable && seen.lock === 'locked';
        return proved ? ok({ state: 'in-sync', behindS: 0, behindBytes: 0, line: '' }) : fail(silent);
      };
    },
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
      const [own] = bench.own().disks;
      // Of shared disks there is but one set, and whoever has it open has to be gone.
      if (shared && guest.alive) await guest.quit();
      const copy = shared ? bench.content('vda', own?.path ?? '') : bench.replica('vda');
      return guest.acknowledged.filter((offset) => copy[offset] !== ((offset / CHUNK) % 250) + 1).length;
    },
    shutdownGuest: () => guest.quit(),
    async network(connected) {
      link.connected = connected;
    },
    until: (state) => until(state, 60_000),
    close: () => bench.close(),
  };
}, [{ kind: 'shared' }]);

const silent = { kind: 'peer-unreachable', message: 'The standby is silent.', next: 'Wait.' };
