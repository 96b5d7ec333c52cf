import { type ExportAddress, fail, ok, type Result } from '../../protocol/index.ts';
import type { Copiers } from '../copier/helper.ts';
import type { TlsFiles } from '../forwarder/remote.ts';
import { makeTurns } from '../in-turn.ts';
import { exportName } from '../names.ts';
import { notOpen, pointGone } from '../problems.ts';
import type {
  DigestStatus,
  ImagePrint,
  ReplicaDisk,
  ReplicaPoints,
  ReplicaTarget,
  RestorePoints,
} from '../replication.ts';
import { commit, standAlone } from './chain.ts';
import { Closing } from './closing.ts';
import { type DaemonOptions, StorageDaemon } from './daemon.ts';
import { allThere, Digests, imageItself } from './digests.ts';
import { fitAll, printsOf, sizesOf } from './fitting.ts';
import { type Flush, flushOver } from './flush.ts';
import { allocatedBytes, exists, roomBeside } from './images.ts';
import { layersInTurn } from './layers-in-turn.ts';
import { Manifests } from './manifest.ts';
import { Offers } from './offers.ts';
import { DaemonPoints } from './points.ts';
import { createAll, deleteAll, layerAll, putBackAll, settleAll } from './replica-files.ts';
import { LayeredPoints } from './restore.ts';
import { ShownPoints } from './shown.ts';
import { UncleanMarkers } from './unclean.ts';

export interface StorageDaemonOptions extends DaemonOptions {
  /** This host's id: the name in its certificate. */
  hostId: string;
  /** This host's name, for messages. */
  hostName: string;
  copiers: Copiers;
  /** Directory for the digests of images that are being compared. */
  digestDir: string;
  /** Directory for what is written down of restore points. */
  pointsDir: string;
  /** Directory for the markers of replicas that acknowledge from memory. */
  uncleanDir: string;
  /** This host's certificate, for the copiers that read what this daemon offers. */
  tls: TlsFiles;
  /** In the place of its NBD server, in specs. */
  flush?: Flush;
}

/** `through`: on disk before it is acknowledged; `memory`: not, under a marker; `unmarked`: not, and nobody counts on it yet. */
type Caching = 'through' | 'memory' | 'unmarked';

const LOOPBACK = '127.0.0.1';

/** The standby's side over one qemu-storage-daemon: images by qemu-img, exports through QMP. */
export function createStorageDaemonTarget(options: StorageDaemonOptions): ReplicaTarget {
  return new StorageDaemonTarget(options);
}

class StorageDaemonTarget implements ReplicaTarget {
  readonly #options: StorageDaemonOptions;
  readonly #daemon: StorageDaemon;
  readonly #offers: Offers;
  readonly #closing: Closing;
  readonly #points: DaemonPoints;
  readonly points: ReplicaPoints;
  readonly #manifests: Manifests;
  readonly #shown: ShownPoints;
  readonly #layers: LayeredPoints;
  readonly restore: RestorePoints;
  readonly #inTurn = makeTurns();
  readonly #digests: Digests;
  readonly #markers: UncleanMarkers;
  readonly #listeners = new Set<(pairId: string) => void>();

  constructor(options: StorageDaemonOptions) {
    this.#options = options;
    this.#digests = new Digests(options.digestDir, options.copiers);
    this.#daemon = new StorageDaemon(options, { gone: () => this.#daemonEnded() });
    this.#markers = new UncleanMarkers(options.uncleanDir, (pairId) => {
      options.log('warn', `${pairId}: its replica ended uncleanly while it acknowledged from memory`);
      for (const listener of this.#listeners) listener(pairId);
    });
    this.#offers = new Offers(this.#daemon, options, this.#digests);
    this.#points = new DaemonPoints(this.#daemon, options.hostName);
    this.points = this.#pointsInTurn(this.#points);
    this.#closing = this.#makeClosing();
    this.#manifests = new Manifests(options.pointsDir, options.log);
    this.#shown = new ShownPoints(this.#daemon, options.hostName);
    this.#layers = this.#makeLayers();
    this.restore = layersInTurn(this.#layers, this.#inTurn);
  }

  async start(): Promise<void> {
    await this.#manifests.load();
    // Not running means that nothing is offered: the daemon is started with the first offer.
    const attached = await this.#daemon.attach();
    if (attached.ok && attached.value) await this.#offers.refresh();
    if (attached.ok && attached.value) await this.#closing.find();
    if (!attached.ok) this.#options.log('warn', `storage daemon: ${attached.problem.message}`);
    // A daemon that ended has none of them open; nor does this agent know of one that does not answer.
    await this.#markers.load((pairId) => this.#closing.has(pairId));
  }

  async stop(): Promise<void> {
    this.#digests.stopAll();
    this.#daemon.detach();
  }

  isUnclean(pairId: string): boolean {
    return this.#markers.isUnclean(pairId);
  }

  forgetUnclean(pairId: string): Promise<void> {
    // The mark of one that is open and well is not for anybody to take away.
    return this.#inTurn(async () => {
      if (this.#markers.isUnclean(pairId)) await this.#markers.clear(pairId);
    });
  }

  onUnclean(listener: (pairId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  isOpen(pairId: string): boolean {
    return this.#offers.has(pairId) || this.#closing.has(pairId);
  }

  create(pairId: string, disks: ReplicaDisk[], asideTag: string): Promise<Result<{ aside: string[] }>> {
    return this.#closed(pairId, () => createAll(disks, asideTag, this.#options.hostName));
  }

  async layer(
    pairId: string,
    disks: ReplicaDisk[],
    asideTag: string,
  ): Promise<Result<{ aside: string[] } | null>> {
    if (disks.some(({ format }) => format !== 'qcow2')) return ok(null);
    return this.#closed(pairId, () => layerAll(disks, asideTag, this.#options.hostName));
  }

  async backToPoint(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>> {
    const sealed = await this.points.seal(pairId, 'seal', disks);
    if (!sealed.ok) return sealed;
    for (const { path } of sealed.value) {
      const back = await commit(path, this.#options.hostName);
      if (!back.ok) return back;
    }
    return this.points.undo(pairId, 'seal', disks);
  }

  backUnder(pairId: string, disks: ReplicaDisk[], under: Record<string, string>): Promise<Result<void>> {
    return this.#closed(pairId, () => putBackAll(disks, under, this.#options.hostName));
  }

  /** Not in turn with the others: it may take long, and closing the replica must not wait for it. */
  standAlone(
    pairId: string,
    disks: ReplicaDisk[],
    progress: (doneBytes: number, totalBytes: number) => void,
  ): Promise<Result<void>> {
    return standAlone(this.#daemon, pairId, disks, this.#offers.has(pairId), progress);
  }

  settle(disks: ReplicaDisk[]): Promise<Result<void>> {
    return settleAll(disks);
  }

  async allocatedBytes(path: string): Promise<number | null> {
    return (await exists(path)) ? allocatedBytes(path) : null;
  }

  digest(pairId: string, disks: ReplicaDisk[]): Promise<Result<ExportAddress>> {
    return this.#closed(pairId, async () => {
      const there = await allThere(disks, this.#options.hostName);
      if (!there.ok) return there;
      // Closed, so nobody writes to them meanwhile.
      await this.#digests.begin(pairId, disks, imageItself);
      return ok(this.#offers.addressOf(disks, this.#offers.imageNames(pairId, disks)));
    });
  }

  digestOpen(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>> {
    return this.#inTurn(async () => {
      const ended = await this.#endDigest(pairId, disks);
      if (!ended.ok) return ended;
      if (!this.#offers.hasAll(pairId, disks)) return fail(notOpen(this.#options.hostName));
      // Through the daemon that has them open, as the mirror's writes come.
      await this.#digests.begin(pairId, disks, ({ target }) => ({
        kind: 'remote',
        remote: this.#here(),
        tls: this.#options.tls,
        exportName: exportName(pairId, target),
      }));
      return ok(undefined);
    });
  }

  offerDigests(pairId: string, disks: ReplicaDisk[]): Promise<Result<ExportAddress>> {
    return this.#inTurn(async () => {
      const refreshed = await this.#offers.refresh();
      if (!refreshed.ok) return refreshed;
      if (!this.#offers.hasAll(pairId, disks)) return fail(notOpen(this.#options.hostName));
      return this.#offers.address(pairId, disks);
    });
  }

  endDigest(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>> {
    return this.#inTurn(() => this.#endDigest(pairId, disks));
  }

  digesting(pairId: string): DigestStatus | null {
    return this.#digests.status(pairId);
  }

  open(pairId: string, disks: ReplicaDisk[], memory = false): Promise<Result<ExportAddress>> {
    return this.#inTurn(async () => {
      const fit = await this.#fitFor(pairId, memory);
      return fit.ok ? this.#open(pairId, disks, memory ? 'memory' : 'through') : fit;
    });
  }

  close(pairId: string): Promise<Result<void>> {
    return this.#inTurn(() => this.#closing.close(pairId));
  }

  sizes(disks: ReplicaDisk[]): Promise<Record<string, number | null>> {
    return sizesOf(disks);
  }

  fit(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>> {
    return this.#closed(pairId, () => fitAll(disks, this.#options.hostName));
  }

  prints(paths: string[]): Promise<Record<string, ImagePrint | null>> {
    return printsOf(paths);
  }

  roomBeside(disks: ReplicaDisk[], atMostBytes?: number): Promise<boolean> {
    return roomBeside(
      disks.map(({ path }) => path),
      atMostBytes,
    );
  }

  remove(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>> {
    return this.#inTurn(async () => {
      const hidden = await this.#shown.hide(pairId);
      if (!hidden.ok) return hidden;
      const closed = await this.#closing.close(pairId);
      if (!closed.ok) return closed;
      await this.#layers.remove(pairId, disks);
      const deleted = await deleteAll(disks.map(({ path }) => path));
      if (deleted.ok) await this.#markers.clear(pairId);
      return deleted;
    });
  }

  discard(paths: string[]): Promise<Result<void>> {
    return this.#inTurn(() => deleteAll(paths));
  }

  /** What is done to the image files themselves, once nobody has them open. */
  #closed<T>(pairId: string, work: () => Promise<Result<T>>): Promise<Result<T>> {
    return this.#inTurn(async () => {
      const closed = await this.#closing.close(pairId);
      return closed.ok ? work() : closed;
    });
  }

  /** Open the other way it is closed first; one that ended uncleanly is not opened before that is forgotten. */
  async #fitFor(pairId: string, memory: boolean): Promise<Result<void>> {
    if (this.#markers.isUnclean(pairId)) return fail(uncleanly(this.#options.hostName));
    const other = this.isOpen(pairId) && this.#markers.has(pairId) !== memory;
    const closed = other ? await this.#closing.close(pairId) : ok(undefined);
    if (closed.ok && this.#markers.isUnclean(pairId)) return fail(uncleanly(this.#options.hostName));
    // Before the first write can come.
    if (closed.ok && memory) await this.#markers.set(pairId);
    return closed;
  }

  async #open(pairId: string, disks: ReplicaDisk[], caching: Caching): Promise<Result<ExportAddress>> {
    const serving = await this.#daemon.ensureServing();
    if (!serving.ok) return serving;
    const refreshed = await this.#offers.refresh();
    if (!refreshed.ok) return refreshed;
    for (const disk of disks) {
      const offered = await this.#offers.image(pairId, disk, caching === 'through');
      if (!offered.ok) {
        await this.#closing.close(pairId);
        return offered;
      }
    }
    return this.#offers.address(pairId, disks);
  }

  async #endDigest(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>> {
    this.#digests.stop(pairId);
    await this.#digests.forget(pairId, disks);
    const attached = await this.#daemon.attach();
    if (!attached.ok) return attached;
    if (!attached.value) return ok(undefined);
    const refreshed = await this.#offers.refresh();
    return refreshed.ok ? this.#offers.endDigests(pairId, disks) : refreshed;
  }

  #daemonEnded(): void {
    this.#offers.clear();
    this.#closing.clear();
    this.#markers.allEnded();
  }

  /** This daemon's own server. */
  #here(): { host: string; port: number; serverName: string } {
    const { port, hostId } = this.#options;
    return { host: LOOPBACK, port, serverName: hostId };
  }

  #makeClosing(): Closing {
    const { log, tls, flush } = this.#options;
    return new Closing({
      ...{ daemon: this.#daemon, offers: this.#offers, digests: this.#digests },
      ...{ points: this.#points, markers: this.#markers, log },
      flush: flush ?? flushOver(() => this.#here(), tls),
    });
  }

  #pointsInTurn(points: DaemonPoints): ReplicaPoints {
    return {
      take: (...order) => this.#inTurn(() => points.take(...order)),
      stands: (...order) => this.#inTurn(() => points.stands(...order)),
      offer: (pairId, use, disks) =>
        this.#inTurn(async () => {
          const offered = await points.offer(pairId, use, disks);
          return offered.ok ? ok(this.#offers.addressOf(disks, offered.value)) : offered;
        }),
      undo: (...order) => this.#inTurn(() => points.undo(...order)),
      seal: (pairId, use, disks) =>
        this.#closed(pairId, async () => {
          // What lies under the overlay may lack what the point was taken of.
          if (this.#markers.isUnclean(pairId)) return fail(pointGone(this.#options.hostName));
          return points.sealed(use, disks);
        }),
      sizeBytes: (...order) => points.sizeBytes(...order),
    };
  }

  #makeLayers(): LayeredPoints {
    const options = this.#options;
    return new LayeredPoints({
      get hostName() {
        return options.hostName;
      },
      manifests: this.#manifests,
      digests: this.#digests,
      close: (pairId) => this.#closing.close(pairId),
      offer: (pairId, disks) => this.#open(pairId, disks, 'unmarked'),
      withDigests: (pairId, disks) => this.#open(pairId, disks, 'unmarked'),
      shown: this.#shown,
      address: (disks, exports) => this.#offers.addressOf(disks, exports),
      offered: async (pairId, disks) => {
        const refreshed = await this.#offers.refresh();
        return refreshed.ok && this.#offers.hasAll(pairId, disks);
      },
    });
  }
}

const uncleanly = (host: string) => ({
  kind: 'replica-unclean',
  message: `The copy on ${host} ended uncleanly while it acknowledged writes from memory: some may be missing.`,
  next: 'It is compared before it counts again, by itself, as soon as the other host answers.',
});
