import { type ExportAddress, fail, ok, type Result } from '../../protocol/index.ts';
import { blockName, exportId, exportName } from '../names.ts';
import type { ReplicaDisk } from '../replication.ts';
import { HEARTBEAT_EXPORT, type StorageDaemon } from './daemon.ts';
import type { Digests } from './digests.ts';

/** Whose offers they are: what an address says of them. */
export interface Offerer {
  /** The name in this host's certificate. */
  hostId: string;
  hostName: string;
  port: number;
}

const LOOKS = 200;
const PAUSE_MS = 25;

const digestExport = (pairId: string, target: string): string => `${exportId(pairId, target)}.digests`;
const digestNode = (pairId: string, target: string): string => blockName('file', pairId, `${target}-d`);

/** What the storage daemon offers: images and digests, as it last told, and how each is made and ended. */
export class Offers {
  readonly #daemon: StorageDaemon;
  readonly #host: Offerer;
  readonly #digests: Digests;
  /** Export ids as the daemon last told them. */
  #ids = new Set<string>();

  constructor(daemon: StorageDaemon, host: Offerer, digests: Digests) {
    this.#daemon = daemon;
    this.#host = host;
    this.#digests = digests;
  }

  /** The daemon has ended. */
  clear(): void {
    this.#ids.clear();
  }

  async refresh(): Promise<Result<void>> {
    const exports = await this.#daemon.exports();
    if (!exports.ok) {
      this.#ids.clear();
      return exports;
    }
    this.#ids = new Set(exports.value.map(({ id }) => id));
    return ok(undefined);
  }

  /** Any of a pair's. */
  has(pairId: string): boolean {
    return this.ofPair(pairId).length > 0;
  }

  /** The images of all its disks. */
  hasAll(pairId: string, disks: ReplicaDisk[]): boolean {
    return disks.every(({ target }) => this.#ids.has(exportId(pairId, target)));
  }

  /** Export ids. */
  ofPair(pairId: string): string[] {
    return this.#beginning(exportId(pairId, ''));
  }

  /** Where all that is offered of the pair. Problem kinds as the daemon's. */
  async address(pairId: string, disks: ReplicaDisk[]): Promise<Result<ExportAddress>> {
    const digests = await this.#offerDigests(pairId, disks);
    if (!digests.ok) return digests;
    return ok({ ...this.addressOf(disks, this.imageNames(pairId, disks)), ...digests.value });
  }

  imageNames(pairId: string, disks: ReplicaDisk[]): Record<string, string> {
    return Object.fromEntries(disks.map(({ target }) => [target, exportName(pairId, target)]));
  }

  addressOf(disks: ReplicaDisk[], exports: Record<string, string>): ExportAddress {
    return {
      port: this.#host.port,
      serverName: this.#host.hostId,
      exports,
      heartbeat: HEARTBEAT_EXPORT,
      host: this.#host.hostName,
      paths: Object.fromEntries(disks.map(({ target, path }) => [target, path])),
    };
  }

  /**
   * Offers one image to be written; nothing is done when it is offered. Without `writethrough` the qcow2 tables of acknowledged
   * writes stay in memory, since the mirror sends no flush.
   */
  async image(pairId: string, disk: ReplicaDisk, writethrough: boolean): Promise<Result<void>> {
    const id = exportId(pairId, disk.target);
    if (this.#ids.has(id)) return ok(undefined);
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
    const offered = await this.#daemon.execute('block-export-add', {
      type: 'nbd',
      id,
      'node-name': image,
      name: exportName(pairId, disk.target),
      writable: true,
      writethrough,
    });
    if (!offered.ok) return fail(this.#notOpened(disk, offered.problem.message));
    this.#ids.add(id);
    return ok(undefined);
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
      if (this.#ids.has(id)) continue;
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
      this.#ids.add(id);
    }
    return ok({ digests });
  }

  /** The images stay offered. */
  async endDigests(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>> {
    for (const { target } of disks) {
      const id = digestExport(pairId, target);
      if (!this.#ids.has(id)) continue;
      const ended = await this.#daemon.execute('block-export-del', { id, mode: 'hard' });
      if (!ended.ok) return ended;
      const gone = await this.untilGone(id);
      if (!gone.ok) return gone;
      const freed = await this.#daemon.execute('blockdev-del', { 'node-name': digestNode(pairId, target) });
      if (!freed.ok) return freed;
    }
    return ok(undefined);
  }

  /** Ends all of a pair's: no write can arrive any more. */
  async end(pairId: string): Promise<Result<void>> {
    for (const id of this.ofPair(pairId)) {
      const ended = await this.#daemon.execute('block-export-del', { id, mode: 'hard' });
      if (!ended.ok) return ended;
    }
    return this.untilGone(exportId(pairId, ''));
  }

  /** @param id of an export, or of all of a pair's: how they begin */
  async untilGone(id: string): Promise<Result<void>> {
    for (let look = 0; look < LOOKS; look += 1) {
      const refreshed = await this.refresh();
      if (!refreshed.ok) return refreshed;
      if (this.#beginning(id).length === 0) return ok(undefined);
      await new Promise((done) => setTimeout(done, PAUSE_MS));
    }
    return fail({
      kind: 'export-not-closed',
      message: `The storage daemon on ${this.#host.hostName} does not close the replica's export.`,
      next: 'See whether its disk hangs; the machine must not be started there before the export is closed.',
    });
  }

  #beginning(id: string): string[] {
    return [...this.#ids].filter((offered) => offered.startsWith(id));
  }

  #notOpened(disk: ReplicaDisk, cause: string) {
    return {
      kind: 'image-not-opened',
      message: `The image ${disk.path} on ${this.#host.hostName} could not be opened. ${cause}`,
      next: 'See that no other process uses it and that it is undamaged (qemu-img check), then try again.',
      details: { path: disk.path },
    };
  }
}
