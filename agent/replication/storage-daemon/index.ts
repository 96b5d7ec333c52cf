import { type ExportAddress, fail, ok, type Result } from '../../protocol/index.ts';
import type { Copiers } from '../copier/helper.ts';
import type { TlsFiles } from '../forwarder/remote.ts';
import { blockName, blockPrefix, exportId, exportName, IMAGE_NODE } from '../names.ts';
import { notOpen, pointGone } from '../problems.ts';
import type {
  DigestStatus,
  ImagePrint,
  ReplicaDisk,
  ReplicaPoints,
  ReplicaTarget,
  RestorePoints,
} from '../replication.ts';
import { commit, standAlone, stopStanding, takePlaceOf } from './chain.ts';
import { type DaemonOptions, HEARTBEAT_EXPORT, StorageDaemon } from './daemon.ts';
import { allThere, Digests, imageItself } from './digests.ts';
import { fitAll, printsOf, sizesOf } from './fitting.ts';
import { type Flush, flushNodes, flushOver } from './flush.ts';
import {
  allocatedBytes,
  createImage,
  deleteImage,
  exists,
  layerImage,
  roomBeside,
  setAside,
  settleImage,
} from './images.ts';
import { Manifests } from './manifest.ts';
import { DaemonPoints } from './points.ts';
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

const CLOSE_LOOKS = 200;
const CLOSE_PAUSE_MS = 25;

/** `through`: on disk before it is acknowledged; `memory`: not, under a marker; `unmarked`: not, and nobody counts on it yet. */
type Caching = 'through' | 'memory' | 'unmarked';

const LOOPBACK = '127.0.0.1';

const digestExport = (pairId: string, target: string): string => `${exportId(pairId, target)}.digests`;
const digestNode = (pairId: string, target: string): string => blockName('file', pairId, `${target}-d`);

/** The standby's side over one qemu-storage-daemon: images by qemu-img, exports through QMP. */
export function createStorageDaemonTarget(options: StorageDaemonOptions): ReplicaTarget {
  return new StorageDaemonTarget(options);
}

class StorageDaemonTarget implements ReplicaTarget {
  readonly #options: StorageDaemonOptions;
  readonly #daemon: StorageDaemon;
  readonly #points: DaemonPoints;
  readonly points: ReplicaPoints;
  readonly #manifests: Manifests;
  readonly #shown: ShownPoints;
  readonly #layers: LayeredPoints;
  readonly restore: RestorePoints;
  /** Export ids as the daemon last told them. */
  #offered = new Set<string>();
  /** Of images that are to be closed, prefixes of their nodes: offered no more, but QEMU's locks are still on them. */
  readonly #unclosed = new Set<string>();
  #turn: Promise<unknown> = Promise.resolve();
  readonly #digests: Digests;
  readonly #markers: UncleanMarkers;
  readonly #listeners = new Set<(pairId: string) => void>();

  constructor(options: StorageDaemonOptions) {
    this.#options = options;
    this.#digests = new Digests(options.digestDir, options.copiers);
    this.#daemon = new StorageDaemon(options, {
      gone: () => {
        this.#offered.clear();
        this.#unclosed.clear();
        this.#markers.allEnded();
      },
      told: (event) => this.#points.told(event),
    });
    this.#markers = new UncleanMarkers(options.uncleanDir, (pairId) => {
      options.log('warn', `${pairId}: its replica ended uncleanly while it acknowledged from memory`);
      for (const listener of this.#listeners) listener(pairId);
    });
    this.#points = new DaemonPoints(this.#daemon, options.hostName);
    this.points = this.#pointsInTurn(this.#points);
    this.#manifests = new Manifests(options.pointsDir, options.log);
    this.#shown = new ShownPoints(this.#daemon, options.hostName);
    this.#layers = this.#makeLayers();
    this.restore = this.#layersInTurn(this.#layers);
  }

  async start(): Promise<void> {
    await this.#manifests.load();
    // Not running means that nothing is offered: the daemon is started with the first offer.
    const attached = await this.#daemon.attach();
    if (attached.ok && attached.value) await this.#refresh();
    if (attached.ok && attached.value) await this.#findUnclosed();
    if (!attached.ok) this.#options.log('warn', `storage daemon: ${attached.problem.message}`);
    // A daemon that ended has none of them open; nor does this agent know of one that does not answer.
    await this.#markers.load((pairId) => this.#unclosed.has(blockPrefix('image', pairId)));
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

  async stop(): Promise<void> {
    this.#digests.stopAll();
    this.#daemon.detach();
  }

  isOpen(pairId: string): boolean {
    return this.#isOffered(pairId) || this.#unclosed.has(blockPrefix('image', pairId));
  }

  #isOffered(pairId: string): boolean {
    return [...this.#offered].some((id) => id.startsWith(exportId(pairId, '')));
  }

  /** An agent that ended while it closed them has left them open, offered or not. */
  async #findUnclosed(): Promise<void> {
    const nodes = await this.#daemon.nodes();
    for (const node of nodes.ok ? nodes.value : []) {
      const [prefix] = IMAGE_NODE.exec(node) ?? [];
      if (prefix !== undefined) this.#unclosed.add(prefix);
    }
  }

  create(pairId: string, disks: ReplicaDisk[], asideTag: string): Promise<Result<{ aside: string[] }>> {
    return this.#inTurn(async () => {
      const closed = await this.#close(pairId);
      if (!closed.ok) return closed;
      const aside: string[] = [];
      for (const disk of disks) {
        const moved = await this.#setAside(disk, asideTag);
        if (!moved.ok) return moved;
        if (moved.value !== null) aside.push(moved.value);
        const made = await createImage(disk, this.#options.hostName);
        if (!made.ok) return made;
      }
      return ok({ aside });
    });
  }

  layer(pairId: string, disks: ReplicaDisk[], asideTag: string): Promise<Result<{ aside: string[] } | null>> {
    return this.#inTurn(async () => {
      if (disks.some(({ format }) => format !== 'qcow2')) return ok(null);
      const closed = await this.#close(pairId);
      if (!closed.ok) return closed;
      const aside: string[] = [];
      for (const disk of disks) {
        const layered = await layerImage(disk, asideTag, this.#options.hostName);
        if (!layered.ok) return layered;
        aside.push(layered.value);
      }
      return ok({ aside });
    });
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
    return this.#inTurn(async () => {
      const closed = await this.#close(pairId);
      if (!closed.ok) return closed;
      for (const disk of disks) {
        const back = await takePlaceOf(disk, under[disk.target] ?? '', this.#options.hostName);
        if (!back.ok) return back;
      }
      return ok(undefined);
    });
  }

  /** Not in turn with the others: it may take long, and closing the replica must not wait for it. */
  standAlone(
    pairId: string,
    disks: ReplicaDisk[],
    progress: (doneBytes: number, totalBytes: number) => void,
  ): Promise<Result<void>> {
    return standAlone(this.#daemon, pairId, disks, this.#isOffered(pairId), progress);
  }

  async settle(disks: ReplicaDisk[]): Promise<Result<void>> {
    const settled = await Promise.all(disks.map(({ path }) => settleImage(path)));
    return settled.find((one) => !one.ok) ?? ok(undefined);
  }

  async allocatedBytes(path: string): Promise<number | null> {
    return (await exists(path)) ? allocatedBytes(path) : null;
  }

  digest(pairId: string, disks: ReplicaDisk[]): Promise<Result<ExportAddress>> {
    return this.#inTurn(async () => {
      const closed = await this.#close(pairId);
      if (!closed.ok) return closed;
      const there = await allThere(disks, this.#options.hostName);
      if (!there.ok) return there;
      // Closed, so nobody writes to them meanwhile.
      await this.#digests.begin(pairId, disks, imageItself);
      const names = disks.map(({ target }) => [target, exportName(pairId, target)] as const);
      return ok(this.#address(disks, Object.fromEntries(names)));
    });
  }

  digestOpen(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>> {
    return this.#inTurn(async () => {
      const ended = await this.#endDigest(pairId, disks);
      if (!ended.ok) return ended;
      if (!this.#allOffered(pairId, disks)) return fail(notOpen(this.#options.hostName));
      // Through the daemon that has them open, as the mirror's writes come.
      const { port, hostId: serverName, tls } = this.#options;
      await this.#digests.begin(pairId, disks, ({ target }) => ({
        kind: 'remote',
        remote: { host: LOOPBACK, port, serverName },
        tls,
        exportName: exportName(pairId, target),
      }));
      return ok(undefined);
    });
  }

  offerDigests(pairId: string, disks: ReplicaDisk[]): Promise<Result<ExportAddress>> {
    return this.#inTurn(async () => {
      const refreshed = await this.#refresh();
      if (!refreshed.ok) return refreshed;
      if (!this.#allOffered(pairId, disks)) return fail(notOpen(this.#options.hostName));
      return this.#withDigests(pairId, disks);
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

  /** Open the other way it is closed first; one that ended uncleanly is not opened before that is forgotten. */
  async #fitFor(pairId: string, memory: boolean): Promise<Result<void>> {
    if (this.#markers.isUnclean(pairId)) return fail(uncleanly(this.#options.hostName));
    const other = this.isOpen(pairId) && this.#markers.has(pairId) !== memory;
    const closed = other ? await this.#close(pairId) : ok(undefined);
    if (closed.ok && this.#markers.isUnclean(pairId)) return fail(uncleanly(this.#options.hostName));
    // Before the first write can come.
    if (closed.ok && memory) await this.#markers.set(pairId);
    return closed;
  }

  async #open(pairId: string, disks: ReplicaDisk[], caching: Caching): Promise<Result<ExportAddress>> {
    const serving = await this.#daemon.ensureServing();
    if (!serving.ok) return serving;
    const refreshed = await this.#refresh();
    if (!refreshed.ok) return refreshed;
    for (const disk of disks) {
      if (this.#offered.has(exportId(pairId, disk.target))) continue;
      const offered = await this.#offer(pairId, disk, caching === 'through');
      if (!offered.ok) {
        await this.#close(pairId);
        return offered;
      }
    }
    return this.#withDigests(pairId, disks);
  }

  close(pairId: string): Promise<Result<void>> {
    return this.#inTurn(() => this.#close(pairId));
  }

  sizes(disks: ReplicaDisk[]): Promise<Record<string, number | null>> {
    return sizesOf(disks);
  }

  fit(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>> {
    return this.#inTurn(async () => {
      const closed = await this.#close(pairId);
      return closed.ok ? fitAll(disks, this.#options.hostName) : closed;
    });
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
      const closed = await this.#close(pairId);
      if (!closed.ok) return closed;
      await this.#layers.remove(pairId, disks);
      const deleted = await this.#delete(disks.map(({ path }) => path));
      if (deleted.ok) await this.#markers.clear(pairId);
      return deleted;
    });
  }

  discard(paths: string[]): Promise<Result<void>> {
    return this.#inTurn(() => this.#delete(paths));
  }

  #allOffered(pairId: string, disks: ReplicaDisk[]): boolean {
    return disks.every(({ target }) => this.#offered.has(exportId(pairId, target)));
  }

  async #withDigests(pairId: string, disks: ReplicaDisk[]): Promise<Result<ExportAddress>> {
    const digests = await this.#offerDigests(pairId, disks);
    if (!digests.ok) return digests;
    const names = disks.map(({ target }) => [target, exportName(pairId, target)] as const);
    return ok({ ...this.#address(disks, Object.fromEntries(names)), ...digests.value });
  }

  /** Finished digests are offered read-only beside the images, as long as those are open. */
  async #offerDigests(
    pairId: string,
    disks: ReplicaDisk[],
  ): Promise<Result<{ digests?: Record<string, string> }>> {
    if (!this.#digests.ready(pairId)) return ok({});
    const digests: Record<string, string> = {};
    for (const { target } of disks) {
      digests[target] = `${exportName(pairId, target)}.digests`;
      const id = digestExport(pairId, target);
      if (this.#offered.has(id)) continue;
      const node = digestNode(pairId, target);
      const path = this.#digests.path(pairId, target);
      const added = await this.#daemon.addFile(node, path);
      const offered = added.ok
        ? await this.#daemon.execute('block-export-add', {
            type: 'nbd',
            id,
            'node-name': node,
            name: digests[target],
            writable: false,
          })
        : added;
      if (!offered.ok) return offered;
      this.#offered.add(id);
    }
    return ok({ digests });
  }

  async #endDigest(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>> {
    this.#digests.stop(pairId);
    await this.#digests.forget(pairId, disks);
    const attached = await this.#daemon.attach();
    if (!attached.ok) return attached;
    if (!attached.value) return ok(undefined);
    const refreshed = await this.#refresh();
    if (!refreshed.ok) return refreshed;
    for (const { target } of disks) {
      const id = digestExport(pairId, target);
      if (!this.#offered.has(id)) continue;
      const ended = await this.#daemon.execute('block-export-del', { id, mode: 'hard' });
      if (!ended.ok) return ended;
      const gone = await this.#untilGone(id);
      if (!gone.ok) return gone;
      const freed = await this.#daemon.execute('blockdev-del', { 'node-name': digestNode(pairId, target) });
      if (!freed.ok) return freed;
    }
    return ok(undefined);
  }

  async #delete(paths: string[]): Promise<Result<void>> {
    for (const path of paths) {
      const deleted = await deleteImage(path);
      if (!deleted.ok) return deleted;
    }
    return ok(undefined);
  }

  async #setAside(disk: ReplicaDisk, tag: string): Promise<Result<string | null>> {
    try {
      return ok(await setAside(disk.path, tag));
    } catch (error) {
      return fail({
        kind: 'image-in-the-way',
        message: `The file ${disk.path} on ${this.#options.hostName} could not be renamed (${String(error)}).`,
        next: 'Move it away by hand, then try again.',
      });
    }
  }

  async #offer(pairId: string, disk: ReplicaDisk, writethrough: boolean): Promise<Result<void>> {
    const image = blockName('image', pairId, disk.target);
    const file = blockName('file', pairId, disk.target);
    const opened = await this.#daemon.addFile(file, disk.path);
    if (!opened.ok) return fail(this.#notOpened(disk, opened.problem.message));
    const node = await this.#daemon.execute('blockdev-add', {
      driver: disk.format,
      'node-name': image,
      file,
      discard: 'unmap',
    });
    if (!node.ok) return fail(this.#notOpened(disk, node.problem.message));
    // Without write-through the qcow2 tables of acknowledged writes stay in memory (the mirror sends no flush): see Caching.
    const offered = await this.#daemon.execute('block-export-add', {
      type: 'nbd',
      id: exportId(pairId, disk.target),
      'node-name': image,
      name: exportName(pairId, disk.target),
      writable: true,
      writethrough,
    });
    if (!offered.ok) return fail(this.#notOpened(disk, offered.problem.message));
    this.#offered.add(exportId(pairId, disk.target));
    return ok(undefined);
  }

  #address(disks: ReplicaDisk[], exports: Record<string, string>): ExportAddress {
    return {
      port: this.#options.port,
      serverName: this.#options.hostId,
      exports,
      heartbeat: HEARTBEAT_EXPORT,
      host: this.#options.hostName,
      paths: Object.fromEntries(disks.map(({ target, path }) => [target, path])),
    };
  }

  #pointsInTurn(points: DaemonPoints): ReplicaPoints {
    return {
      take: (...order) => this.#inTurn(() => points.take(...order)),
      stands: (...order) => this.#inTurn(() => points.stands(...order)),
      offer: (pairId, use, disks) =>
        this.#inTurn(async () => {
          const offered = await points.offer(pairId, use, disks);
          return offered.ok ? ok(this.#address(disks, offered.value)) : offered;
        }),
      undo: (...order) => this.#inTurn(() => points.undo(...order)),
      seal: (pairId, use, disks) =>
        this.#inTurn(async () => {
          const closed = await this.#close(pairId);
          if (!closed.ok) return closed;
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
      close: (pairId) => this.#close(pairId),
      offer: (pairId, disks) => this.#open(pairId, disks, 'unmarked'),
      withDigests: (pairId, disks) => this.#open(pairId, disks, 'unmarked'),
      shown: this.#shown,
      address: (disks, exports) => this.#address(disks, exports),
      offered: async (pairId, disks) => {
        const refreshed = await this.#refresh();
        return refreshed.ok && disks.every(({ target }) => this.#offered.has(exportId(pairId, target)));
      },
    });
  }

  #layersInTurn(layers: LayeredPoints): RestorePoints {
    return {
      list: (pairId) => layers.list(pairId),
      sizeBytes: (pairId) => layers.sizeBytes(pairId),
      surfacedAt: (pairId) => layers.surfacedAt(pairId),
      makeWay: (pairId) => layers.makeWay(pairId),
      liesOn: (pairId) => layers.liesOn(pairId),
      lieOn: (...order) => this.#inTurn(() => layers.lieOn(...order)),
      standAlone: (...order) => this.#inTurn(() => layers.standAlone(...order)),
      adopt: (...order) => this.#inTurn(() => layers.adopt(...order)),
      begin: (...order) => this.#inTurn(() => layers.begin(...order)),
      compare: (...order) => this.#inTurn(() => layers.compare(...order)),
      seal: (...order) => this.#inTurn(() => layers.seal(...order)),
      prune: (...order) => this.#inTurn(() => layers.prune(...order)),
      surface: (...order) => this.#inTurn(() => layers.surface(...order)),
      keepSurfaced: (...order) => this.#inTurn(() => layers.keepSurfaced(...order)),
      release: (...order) => this.#inTurn(() => layers.release(...order)),
      show: (...order) => this.#inTurn(() => layers.show(...order)),
      isShown: (...order) => this.#inTurn(() => layers.isShown(...order)),
      hide: (...order) => this.#inTurn(() => layers.hide(...order)),
    };
  }

  #notOpened(disk: ReplicaDisk, cause: string) {
    return {
      kind: 'image-not-opened',
      message: `The image ${disk.path} on ${this.#options.hostName} could not be opened. ${cause}`,
      next: 'See that no other process uses it and that it is undamaged (qemu-img check), then try again.',
      details: { path: disk.path },
    };
  }

  /** Export first, so that no write can arrive; then the nodes, which flushes and unlocks the images. */
  async #close(pairId: string): Promise<Result<void>> {
    // Whatever is read of the images now must not keep a machine from starting on them.
    this.#digests.stop(pairId);
    const attached = await this.#daemon.attach();
    if (!attached.ok) return attached;
    const prefix = blockPrefix('image', pairId);
    // No daemon, so nothing has the images open.
    if (!attached.value) {
      this.#unclosed.delete(prefix);
      this.#markers.ended(pairId);
      return ok(undefined);
    }
    const refreshed = await this.#refresh();
    if (!refreshed.ok) return refreshed;
    this.#unclosed.add(prefix);
    for (const id of this.#offered) {
      if (!id.startsWith(exportId(pairId, ''))) continue;
      const ended = await this.#daemon.execute('block-export-del', { id, mode: 'hard' });
      if (!ended.ok) return ended;
    }
    const gone = await this.#untilGone(exportId(pairId, ''));
    if (!gone.ok) return gone;
    const settled = await this.#points.settle(pairId);
    if (!settled.ok) return settled;
    const stopped = await stopStanding(this.#daemon, pairId);
    if (!stopped.ok) return stopped;
    const nodes = await this.#daemon.nodes();
    if (!nodes.ok) return nodes;
    const flushed = await this.#flush(pairId, nodes.value);
    for (const role of ['image', 'file'] as const) {
      for (const node of nodes.value.filter((name) => name.startsWith(blockPrefix(role, pairId)))) {
        const freed = await this.#daemon.execute('blockdev-del', { 'node-name': node });
        if (!freed.ok) return freed;
      }
    }
    this.#unclosed.delete(prefix);
    if (flushed) await this.#markers.clear(pairId);
    else this.#markers.ended(pairId);
    return ok(undefined);
  }

  /**
   * Puts on disk what was acknowledged from memory, export closed and nodes still there. Closing a node flushes it too, but a
   * disk that fails then is told to nobody. @returns false when something may be missing: also when this daemon does not have
   * the images open
   */
  async #flush(pairId: string, nodes: string[]): Promise<boolean> {
    if (!this.#markers.has(pairId)) return true;
    const own = nodes.filter((name) => name.startsWith(blockPrefix('image', pairId)));
    if (own.length === 0 || this.#markers.isUnclean(pairId)) return false;
    const flush =
      this.#options.flush ??
      flushOver(
        () => ({ host: LOOPBACK, port: this.#options.port, serverName: this.#options.hostId }),
        this.#options.tls,
      );
    const flushed = await flushNodes(this.#daemon, own, flush, (id) => this.#untilGone(id));
    if (!flushed.ok) this.#options.log('warn', `${pairId}: ${flushed.problem.message}`);
    return flushed.ok;
  }

  /** @param id of an export, or of all of a pair's: how they begin */
  async #untilGone(id: string): Promise<Result<void>> {
    for (let look = 0; look < CLOSE_LOOKS; look += 1) {
      const refreshed = await this.#refresh();
      if (!refreshed.ok) return refreshed;
      if (![...this.#offered].some((offered) => offered.startsWith(id))) return ok(undefined);
      await new Promise((done) => setTimeout(done, CLOSE_PAUSE_MS));
    }
    return fail({
      kind: 'export-not-closed',
      message: `The storage daemon on ${this.#options.hostName} does not close the replica's export.`,
      next: 'See whether its disk hangs; the machine must not be started there before the export is closed.',
    });
  }

  async #refresh(): Promise<Result<void>> {
    const exports = await this.#daemon.exports();
    if (!exports.ok) {
      this.#offered.clear();
      return exports;
    }
    this.#offered = new Set(exports.value.map(({ id }) => id));
    return ok(undefined);
  }

  /** One order at a time: two of them would see each other's half-made nodes. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#turn.then(work, work);
    this.#turn = run.catch(() => undefined);
    return run;
  }
}

const uncleanly = (host: string) => ({
  kind: 'replica-unclean',
  message: `The copy on ${host} ended uncleanly while it acknowledged writes from memory: some may be missing.`,
  next: 'It is compared before it counts again, by itself, as soon as the other host answers.',
});
