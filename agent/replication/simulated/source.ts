import type { SimulatedHost } from '../../hypervisor/simulated/host.ts';
import { hostOff, vmNotRunning } from '../../hypervisor/simulated/problems.ts';
import type { Member } from '../../hypervisor/simulated/types.ts';
import { fail, type MirrorStatus, ok, type Problem, type Result } from '../../protocol/index.ts';
import { notInSync } from '../problems.ts';
import type { MirrorOrder, ReplicaSource } from '../replication.ts';
import { SimulatedMirror } from './mirror.ts';

type Listener = (pairId: string, status: MirrorStatus) => void;

/** The mirrors of one host, kept outside the agent as QEMU and the forwarder keep them. */
interface Mirrors {
  bootId: string;
  byPair: Map<string, SimulatedMirror>;
  /** Pairs whose last mirror ended with every acknowledged write on the replica. */
  endedInSync: Set<string>;
  /** Generation of the replica up to which changes are known, and the start of the guest that knows. */
  known: Map<string, { generation: string; vmUuid: string; startedAt: number | null }>;
  listeners: Set<Listener>;
}
const kept = new WeakMap<SimulatedHost, Mirrors>();

function mirrorsOf(host: SimulatedHost): Mirrors {
  const found = kept.get(host);
  if (found?.bootId === host.bootId) return found;
  const fresh: Mirrors = {
    bootId: host.bootId,
    byPair: new Map(),
    endedInSync: new Set(),
    known: new Map(),
    listeners: new Set(),
  };
  kept.set(host, fresh);
  return fresh;
}

/** The primary's side on one simulated host; worthless once that host lost its power. */
export function createSimulatedSource(host: SimulatedHost): ReplicaSource {
  const mirrors = mirrorsOf(host);
  const alive = (): boolean => host.powered && host.bootId === mirrors.bootId;
  const own = new Set<Listener>();
  const tell = (pairId: string, status: MirrorStatus): void => {
    for (const listener of [...mirrors.listeners]) listener(pairId, status);
  };
  const end = (pairId: string): void => {
    const mirror = mirrors.byPair.get(pairId);
    if (!mirror) return;
    mirror.end();
    if (mirror.endedInSync) mirrors.endedInSync.add(pairId);
    mirrors.byPair.delete(pairId);
  };

  return {
    async start() {},
    ready: true,
    async stop() {
      for (const listener of own) mirrors.listeners.delete(listener);
      own.clear();
    },

    async mirror(order): Promise<Result<void>> {
      if (!alive()) return fail(hostOff(host.name));
      const guest = host.guest(order.vmUuid);
      if (!guest || guest.startedAt === null)
        return fail(vmNotRunning(guest?.domain.name ?? order.vmUuid, host.name));
      const target = host.world.hostAtReplicationPort(order.remote.port);
      const offered = target && (order.how?.way === 'compare' || offers(target, order));
      if (!offered || !host.world.linked(host, target))
        return fail(notOffered(target?.name ?? order.address));
      end(order.pairId);
      mirrors.endedInSync.delete(order.pairId);
      const { how, pairId, vmUuid } = order;
      const mirror = new SimulatedMirror(order, { source: host, target, guest }, (status) => {
        if (status.state === 'in-sync' && how)
          mirrors.known.set(pairId, { generation: how.generation, vmUuid, startedAt: guest.startedAt });
        tell(pairId, status);
      });
      mirrors.byPair.set(order.pairId, mirror);
      void mirror.copy();
      return ok(undefined);
    },

    status: (pairId) => (alive() ? (mirrors.byPair.get(pairId)?.status ?? null) : null),

    subscribe(listener) {
      own.add(listener);
      mirrors.listeners.add(listener);
      return () => {
        own.delete(listener);
        mirrors.listeners.delete(listener);
      };
    },

    async release(pairId): Promise<Result<void>> {
      if (!alive()) return fail(hostOff(host.name));
      const mirror = mirrors.byPair.get(pairId);
      mirror?.release(mirror.status.problem ?? released(host.name));
      return ok(undefined);
    },

    async end(pairId): Promise<Result<void>> {
      if (!alive()) return fail(hostOff(host.name));
      end(pairId);
      return ok(undefined);
    },

    async distanceKnown(pairId) {
      const known = mirrors.known.get(pairId);
      if (!alive() || !known || known.startedAt === null) return null;
      if (host.guest(known.vmUuid)?.startedAt !== known.startedAt) return null;
      // Nobody asks the standby: what it has is not known here, only that little is missing.
      return { generation: known.generation, bytes: 0 };
    },

    async verify(pairId, { begun, signal, progress }) {
      const mirror = alive() ? mirrors.byPair.get(pairId) : undefined;
      if (mirror?.status.state !== 'in-sync') return fail(notInSync);
      const theirs = await begun();
      if (!theirs.ok) return theirs;
      if (signal.aborted || mirror.status.state !== 'in-sync') return fail(notInSync);
      const found = mirror.compared();
      progress(found.totalBytes, found.totalBytes);
      return ok(found);
    },

    figures: (pairId) => (alive() ? (mirrors.byPair.get(pairId)?.figures ?? null) : null),

    endedInSync: (pairId) =>
      alive() && (mirrors.byPair.get(pairId)?.endedInSync ?? mirrors.endedInSync.has(pairId)),
  };
}

const offers = (target: Member, order: MirrorOrder): boolean =>
  order.disks.every((disk) => target.exports.get(order.pairId)?.has(disk.path));

const notOffered = (target: string): Problem => ({
  kind: 'replica-unreachable',
  message: `${target} does not offer the standby's disks.`,
  next: `Look whether ${target} runs and can be reached.`,
});

const released = (host: string): Problem => ({
  kind: 'replica-released',
  message: `${host} was told to go on without its standby.`,
  next: 'Copy the machine anew when the standby is back.',
});
