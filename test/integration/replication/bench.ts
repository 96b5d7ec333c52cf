import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Hypervisor } from '../../../agent/hypervisor/hypervisor.ts';
import type { ExportAddress, MirrorStatus, PointMode, Result } from '../../../agent/protocol/index.ts';
import { Attenders } from '../../../agent/replication/coordinated/attenders.ts';
import { copierProcesses } from '../../../agent/replication/copier/helper.ts';
import { Followers } from '../../../agent/replication/follow/index.ts';
import type { TlsFiles } from '../../../agent/replication/forwarder/remote.ts';
import { createMirrorSource } from '../../../agent/replication/mirror/index.ts';
import { directLink } from '../../../agent/replication/modes.spec-kit.ts';
import type { CopyPace } from '../../../agent/replication/pace.ts';
import type {
  CatchingUp,
  MirrorOrder,
  PointsLink,
  ReplicaDisk,
  ReplicaSource,
  ReplicaTarget,
  Verified,
} from '../../../agent/replication/replication.ts';
import { createReplicaSource } from '../../../agent/replication/source.ts';
import { createStorageDaemonTarget } from '../../../agent/replication/storage-daemon/index.ts';
import { enrol, testAuthority } from './certificates.ts';
import { TestGuest } from './guest.ts';
import { GUEST_UUID, guestHypervisor } from './guest-hypervisor.ts';
import { CuttableLink } from './link.ts';
import { clock, quiet, sleep, until } from './ports.ts';
import { ChildServices, forwarderCommand, storageCommand } from './processes.ts';

export const MIB = 2 ** 20;
export const PAIR = 'pair-1';

/** `node agent/index.ts copier`, as a host runs it from the agent's own file. */
const COPIER = join(import.meta.dirname, '../../../agent/index.ts');
const COPIERS = copierProcesses(COPIER, quiet);

export interface BenchOptions {
  /** Where the replica's images lie; a directory of the bench by default. */
  replicaDir?: string;
  /** The primary's certificate comes from another fleet's CA. */
  stranger?: boolean;
}

interface Parts {
  directory: string;
  replicaDir: string;
  guest: TestGuest;
  link: CuttableLink;
  target: ReplicaTarget;
  primary: ChildServices;
  standby: ChildServices;
  tls: TlsFiles;
}

/** A primary and a standby on this machine: real QEMU, real storage daemon, real forwarder, real TLS. */
export class Bench {
  readonly parts: Parts;
  readonly told: MirrorStatus[] = [];
  source: ReplicaSource;
  followers!: Followers;

  static async open(options: BenchOptions = {}): Promise<Bench> {
    const directory = mkdtempSync(join(tmpdir(), 'understudy-repl-'));
    // QEMU is not root, and must get through to its own directory.
    chmodSync(directory, 0o711);
    for (const host of ['primary', 'standby']) {
      for (const name of ['run', 'images']) mkdirSync(join(directory, host, name), { recursive: true });
    }
    const fleet = await testAuthority('fleet-1');
    const own = options.stranger ? await testAuthority('fleet-2') : fleet;
    const tls = await enrol(
      own,
      options.stranger ? 'fleet-2' : 'fleet-1',
      'host-a',
      join(directory, 'primary'),
    );
    const standbyTls = await enrol(fleet, 'fleet-1', 'host-b', join(directory, 'standby'));
    const port = await freePort();
    const primaryRun = join(directory, 'primary/run');
    const standbyRun = join(directory, 'standby/run');
    const primary = new ChildServices({ 'understudy-forwarder.service': forwarderCommand(primaryRun, tls) });
    const standby = new ChildServices({ 'understudy-storage.service': storageCommand(standbyRun) });
    const target = createStorageDaemonTarget({
      socketPath: join(standbyRun, 'storage.sock'),
      tlsDir: join(directory, 'standby/tls/qemu'),
      listenHost: '127.0.0.1',
      port,
      heartbeatImage: join(directory, 'standby/heartbeat.raw'),
      services: standby,
      log: quiet,
      hostId: 'host-b',
      hostName: 'boreas',
      copiers: COPIERS,
      digestDir: join(directory, 'standby/digests'),
      pointsDir: join(directory, 'standby/points'),
      uncleanDir: join(directory, 'standby/unclean'),
      tls: standbyTls,
    });
    const guest = new TestGuest(
      primaryRun,
      ['vda', 'vdb'].map((name, index) => ({
        target: name,
        path: join(directory, 'primary/images', `${name}.qcow2`),
        sizeBytes: (index + 1) * 32 * MIB,
      })),
    );
    await guest.connect();
    const link = await CuttableLink.open(port);
    const replicaDir = options.replicaDir ?? join(directory, 'standby/images');
    const bench = new Bench({ directory, replicaDir, guest, link, target, primary, standby, tls });
    await target.start();
    await bench.source.start();
    return bench;
  }

  private constructor(parts: Parts) {
    this.parts = parts;
    this.source = this.#makeSource();
  }

  /** How fast copies may be sent from now on, bytes/s each; null: as fast as they go. */
  limit(bytesPerS: number | null): void {
    this.#rate = bytesPerS;
    for (const tell of this.#paced) tell(bytesPerS);
  }

  readonly #paced = new Set<(bytesPerS: number | null) => void>();
  #rate: number | null = null;
  readonly pace: CopyPace = {
    join: (tell) => {
      this.#paced.add(tell);
      tell(this.#rate);
      return () => void this.#paced.delete(tell);
    },
  };

  /** The agent's start: a new source over the same state. */
  async restartAgent(): Promise<void> {
    await this.source.stop();
    this.source = this.#makeSource();
    await this.source.start();
  }

  /** Shut down and started anew: what its QEMU knew is gone. */
  async restartGuest(): Promise<void> {
    const { guest, directory } = this.parts;
    await this.source.stop();
    await guest.quit();
    this.parts.guest = new TestGuest(join(directory, 'primary/run'), guest.disks, true);
    await this.parts.guest.connect();
    this.source = this.#makeSource();
    await this.source.start();
  }

  get state(): MirrorStatus['state'] | null {
    return this.source.status(PAIR)?.state ?? null;
  }

  replicaDisks(): ReplicaDisk[] {
    return this.parts.guest.disks.map(({ target, sizeBytes }) => ({
      target,
      sizeBytes,
      format: 'qcow2',
      path: join(this.parts.replicaDir, `${target}.qcow2`),
    }));
  }

  async protect(): Promise<Result<void>> {
    const created = await this.parts.target.create(PAIR, this.replicaDisks(), 'aside-e1');
    if (!created.ok) return created;
    return this.mirror();
  }

  async mirror(how: CatchingUp = { way: 'full', generation: 'g1' }): Promise<Result<void>> {
    const offered = await this.parts.target.open(PAIR, this.replicaDisks());
    if (!offered.ok) return offered;
    return this.source.mirror({ ...this.order(offered.value), how });
  }

  /** Both sides are compared; the standby's images must not be offered. */
  async compare(generation: string): Promise<Result<void>> {
    const { target, link } = this.parts;
    const disks = this.replicaDisks();
    const begun = await target.digest(PAIR, disks);
    if (!begun.ok) return begun;
    const compared = async (): Promise<Result<ExportAddress>> => {
      await until(() => target.digesting(PAIR)?.done === true);
      const offered = await target.open(PAIR, disks);
      return offered.ok ? { ok: true, value: { ...offered.value, port: link.port } } : offered;
    };
    const exports = Object.fromEntries(disks.map(({ target: name }) => [name, `${PAIR}.${name}`]));
    const order = this.order({ port: 0, serverName: 'host-b', exports, heartbeat: '' });
    return this.source.mirror({ ...order, how: { way: 'compare', generation, compared } });
  }

  /** Compares both sides beside the running mirror. */
  verify(signal = new AbortController().signal): Promise<Result<Verified>> {
    const { target, link } = this.parts;
    const disks = this.replicaDisks();
    const begun = async (): Promise<Result<ExportAddress>> => {
      const started = await target.digestOpen(PAIR, disks);
      if (!started.ok) return started;
      await until(() => target.digesting(PAIR)?.done === true || target.digesting(PAIR)?.problem != null);
      const offered = await target.offerDigests(PAIR, disks);
      return offered.ok ? { ok: true, value: { ...offered.value, port: link.port } } : offered;
    };
    return this.source.verify(PAIR, { begun, signal, progress: () => undefined });
  }

  order(remote: ExportAddress): MirrorOrder {
    return { pairId: PAIR, ...this.own(), remote: { ...remote, port: this.parts.link.port } };
  }

  /** What this side gives to every order. */
  own(): Pick<MirrorOrder, 'vmUuid' | 'disks' | 'address'> {
    return {
      vmUuid: GUEST_UUID,
      disks: this.parts.guest.disks.map((disk) => ({ ...disk, format: 'qcow2' as const })),
      address: '127.0.0.1',
    };
  }

  /** Points, one after the other, as the agents of two hosts would make them. */
  follow(mode: PointMode): Promise<Result<void>> {
    const last = this.parts.target.restore.list(PAIR).at(-1) ?? null;
    return this.source.follow({ pairId: PAIR, ...this.own(), mode, last, link: this.pointsLink() });
  }

  pointsLink(): PointsLink {
    const { target, link } = this.parts;
    return directLink(target, PAIR, this.replicaDisks(), {
      reaches: () => link.connected,
      through: () => link.port,
      pause: () => sleep(20),
    });
  }

  /** What a restore point reads like, disk by disk: put where a machine would start from it. */
  async surfaced(id: string | null): Promise<Buffer[]> {
    const surfaced = await this.parts.target.restore.surface(PAIR, this.replicaDisks(), id);
    if (!surfaced.ok) throw new Error(surfaced.problem.message);
    return this.replicaDisks().map(({ target }) => this.replica(target));
  }

  /** The replica's content, read past QEMU's lock: write-through, so that it is all there. */
  replica(target: string): Buffer {
    return this.content(target, join(this.parts.replicaDir, `${target}.qcow2`));
  }

  content(target: string, path: string): Buffer {
    const raw = join(this.parts.directory, `${target}.raw`);
    execFileSync('qemu-img', ['convert', '-U', '-f', 'qcow2', '-O', 'raw', path, raw]);
    return readFileSync(raw);
  }

  async inSync(): Promise<void> {
    const started = await this.protect();
    if (!started.ok) throw new Error(started.problem.message);
    await until(() => this.state === 'in-sync');
  }

  /** Whether both copies of every disk read alike. Both sides must have closed them. */
  identical(): boolean {
    return this.replicaDisks().every(({ target, path }) => {
      const own = this.parts.guest.disks.find((disk) => disk.target === target)?.path ?? '';
      try {
        execFileSync('qemu-img', ['compare', '-q', '-f', 'qcow2', '-F', 'qcow2', own, path]);
        return true;
      } catch {
        return false;
      }
    });
  }

  async close(): Promise<void> {
    const { guest, primary, standby, link, directory, target } = this.parts;
    await this.source.stop();
    await target.stop();
    await guest.kill();
    await primary.killAll();
    await standby.killAll();
    await link.close();
    rmSync(directory, { recursive: true, force: true });
  }

  #makeSource(): ReplicaSource {
    const { guest, primary, directory, tls } = this.parts;
    const sending = {
      hypervisor: guestHypervisor(guest) as Hypervisor,
      stateDir: join(directory, 'primary'),
      clock,
      log: quiet,
      copiers: copierProcesses(COPIER, quiet, this.pace),
      tls,
    };
    const forwarderSocket = join(directory, 'primary/run/forwarder.sock');
    this.followers = new Followers(sending);
    const source = createReplicaSource(
      createMirrorSource({ ...sending, services: primary, forwarderSocket, pace: this.pace }),
      this.followers,
      new Attenders({ clock, guestLives: () => guest.alive }),
    );
    source.subscribe((_pairId, status) => this.told.push(status));
    return source;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

/** A file system with so many MiB, for disks that fill up (needs root: tmpfs). */
export function smallFileSystem(mebibytes: number): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'understudy-small-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', path]);
  return {
    path,
    remove() {
      execFileSync('umount', [path]);
      rmSync(path, { recursive: true });
    },
  };
}
