import type { SimulatedHost } from '../../hypervisor/simulated/host.ts';
import { hostOff, vmNotRunning } from '../../hypervisor/simulated/problems.ts';
import type { Member } from '../../hypervisor/simulated/types.ts';
import { fail, type MirrorStatus, ok, type Problem, type Result } from '../../protocol/index.ts';
import { Attenders } from '../coordinated/attenders.ts';
import type { CopyPace } from '../pace.ts';
import { notInSync } from '../problems.ts';
import type { MirrorOrder, ReplicaSource, Verified } from '../replication.ts';
import { SimulatedFollowers } from './followers.ts';
import { SimulatedMirror, WRITE_BYTES } from './mirror.ts';
import { readAll } from './target.ts';

type Listener = (pairId: string, status: MirrorStatus) => void;

interface Known {
  generation: string;
  vmUuid: string;
  startedAt: number | null;
  /** Versions of the guest's own disks that the replica has, by path; null while it has every write. */
  versions: Map<string, number> | null;
}

/** The mirrors of one host, kept outside the agent as QEMU and the forwarder keep them. */
interface Mirrors {
  bootId: string;
  byPair: Map<string, SimulatedMirror>;
  /** Pairs whose last mirror ended with every acknowledged write on the replica. */
  endedInSync: Set<string>;
  /** Generation of the replica up to which changes are known, and the start of the guest that knows. */
  known: Map<string, Known>;
  listeners: Set<Listener>;
  /** Pairs in whose guest a bitmap for a comparison stands; it outlives the agent. */
  marked: Set<string>;
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
    marked: new Set(),
  };
  kept.set(host, fresh);
  return fresh;
}

/** What comparisons of their replicas have left in the guests of a host. */
export const simulatedMarks = (host: SimulatedHost): ReadonlySet<string> => mirrorsOf(host).marked;

/** The primary's side on one simulated host; worthless once that host lost its power. */
export function createSimulatedSource(host: SimulatedHost, pace: CopyPace | null = null): ReplicaSource {
  const mirrors = mirrorsOf(host);
  const alive = (): boolean => host.powered && host.bootId === mirrors.bootId;
  const own = new Set<Listener>();
  const comparing = new Map<string, { stop(): void; ended: Promise<unknown> }>();
  /** The agent has ended: what it was at stays as it was. */
  let over = false;
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

  const followers = new SimulatedFollowers(host, tell, pace);
  const attenders = new Attenders({
    clock: { ...host.world.clock, bootMs: () => host.bootMs() },
    guestLives: (uuid) => alive() && (host.guest(uuid)?.startedAt ?? null) !== null,
  });
  attenders.subscribe(tell);

  return {
    async start() {},
    ready: true,
    async stop() {
      await followers.stop();
      await attenders.stop();
      over = true;
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
      await followers.end(order.pairId);
      followers.forget(order.pairId);
      attenders.forget(order.pairId);
      end(order.pairId);
      mirrors.endedInSync.delete(order.pairId);
      const { how, pairId, vmUuid } = order;
      const mirror = new SimulatedMirror(order, { source: host, target, guest, pace }, (status) => {
        const { startedAt } = guest;
        const known = mirrors.known.get(pairId);
        if (status.state === 'in-sync' && how)
          mirrors.known.set(pairId, { generation: how.generation, vmUuid, startedAt, versions: null });
        else if (known) known.versions ??= versionsOf(host, order.disks);
        tell(pairId, status);
      });
      mirrors.byPair.set(order.pairId, mirror);
      void mirror.copy();
      return ok(undefined);
    },

    async follow(order) {
      if (!alive()) return fail(hostOff(host.name));
      end(order.pairId);
      attenders.forget(order.pairId);
      return followers.follow(order);
    },

    async attend(order) {
      if (!alive()) return fail(hostOff(host.name));
      await followers.end(order.pairId);
      end(order.pairId);
      return attenders.attend(order);
    },

    status: (pairId) =>
      alive()
        ? (attenders.status(pairId) ?? followers.status(pairId) ?? mirrors.byPair.get(pairId)?.status ?? null)
        : null,

    subscribe(listener) {
      own.add(listener);
      mirrors.listeners.add(listener);
      return () => {
        own.delete(listener);
        mirrors.listeners.delete(listener);
      };
    },

    async setPatience(pairId, ms): Promise<Result<void>> {
      if (!alive()) return fail(hostOff(host.name));
      mirrors.byPair.get(pairId)?.setPatience(ms);
      return ok(undefined);
    },

    async answersIn({ port }) {
      const target = host.world.hostAtReplicationPort(port);
      return alive() && target && host.world.linked(host, target) ? target.answerMs : null;
    },

    async release(pairId): Promise<Result<void>> {
      if (!alive()) return fail(hostOff(host.name));
      const mirror = mirrors.byPair.get(pairId);
      mirror?.release(mirror.status.problem ?? released(host.name));
      return ok(undefined);
    },

    async end(pairId, drained): Promise<Result<void>> {
      if (!alive()) return fail(hostOff(host.name));
      await followers.end(pairId);
      await attenders.end(pairId, drained);
      const mirror = mirrors.byPair.get(pairId);
      end(pairId);
      if (mirror?.endedInSync) drained?.();
      return ok(undefined);
    },

    async beginDistance({ pairId, vmUuid, disks }, generation): Promise<Result<void>> {
      if (!alive()) return fail(hostOff(host.name));
      const guest = host.guest(vmUuid);
      mirrors.known.delete(pairId);
      mirrors.endedInSync.delete(pairId);
      if (guest?.state !== 'paused') return fail(wentOn(host.name));
      const versions = disks.map(({ path }) => host.images.get(path)?.version ?? 0);
      host.world.contents.set(generation, versions);
      const { startedAt } = guest;
      mirrors.known.set(pairId, { generation, vmUuid, startedAt, versions: versionsOf(host, disks) });
      return ok(undefined);
    },

    async distanceKnown(pairId) {
      const distance = alive() ? followers.distanceKnown(pairId) : null;
      if (distance) return distance;
      const known = mirrors.known.get(pairId);
      if (!alive() || !known || known.startedAt === null) return null;
      if (host.guest(known.vmUuid)?.startedAt !== known.startedAt) return null;
      const writes = [...(known.versions ?? [])].map(
        ([path, version]) => (host.images.get(path)?.version ?? version) - version,
      );
      const bytes = Math.max(0, ...writes) * WRITE_BYTES;
      return { generation: known.generation, bytes };
    },

    async verify(pairId, { begun, signal, progress }) {
      const mirror = alive() ? mirrors.byPair.get(pairId) : undefined;
      if (mirror?.status.state !== 'in-sync' || comparing.has(pairId)) return fail(notInSync);
      let stop = (): void => undefined;
      const stopped = new Promise<Result<never>>((resolve) => {
        stop = () => resolve(fail(notInSync));
      });
      const compare = async (): Promise<Result<Verified>> => {
        mirrors.marked.add(pairId);
        const { totalBytes } = mirror.compared();
        const tell = (part: number): void => progress(Math.round(totalBytes * part), totalBytes);
        tell(0);
        const own = readAll(host, mirror.own(), tell);
        const theirs = await Promise.race([begun(), stopped]);
        if (!theirs.ok) return theirs;
        await Promise.race([own, stopped]);
        if (signal.aborted || !alive() || mirror.status.state !== 'in-sync') return fail(notInSync);
        return ok(mirror.compared());
      };
      const ended = compare().finally(() => {
        comparing.delete(pairId);
        if (!over) mirrors.marked.delete(pairId);
      });
      comparing.set(pairId, { stop, ended });
      return ended;
    },

    async endVerify(pairId) {
      const running = comparing.get(pairId);
      running?.stop();
      await running?.ended;
      mirrors.marked.delete(pairId);
    },

    figures: (pairId) => (alive() ? (mirrors.byPair.get(pairId)?.figures ?? null) : null),

    endedInSync: (pairId) =>
      alive() &&
      (attenders.endedInSync(pairId) ||
        (mirrors.byPair.get(pairId)?.endedInSync ?? mirrors.endedInSync.has(pairId))),
  };
}

const versionsOf = (host: SimulatedHost, disks: readonly { path: string }[]): Map<string, number> =>
  new Map(disks.map(({ path }) => [path, host.images.get(path)?.version ?? 0]));

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

const wentOn = (host: string): Problem => ({
  kind: 'guest-went-on',
  message: `The machine went on on ${host} before it was known what it writes.`,
  next: 'Both sides are compared instead, by itself.',
});
