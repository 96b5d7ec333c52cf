import { rename, rm, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as v from 'valibot';
import { syncPath } from '../../journal/durable-file.ts';
import { fail, ok, type Result } from '../../protocol/index.ts';
import {
  blockName,
  exportId,
  type PointNode,
  type PointUse,
  pointExportName,
  pointExportPrefix,
  pointJob,
  pointNode,
  pointNodes,
} from '../names.ts';
import { notOpen, pointGone } from '../problems.ts';
import type { QmpEvent } from '../qmp.ts';
import { overlayPath, type PointTaken, type ReplicaDisk, sealedName, sealedPath } from '../replication.ts';
import type { StorageDaemon } from './daemon.ts';
import { allocatedBytes, createOverlay, exists } from './images.ts';

/** QEMU's word that one child of a quorum failed: here always an overlay's file. */
const Bad = v.object({ 'node-name': v.string() });
const Jobs = v.array(v.object({ device: v.string() }));
const LOOKS = 200;
const PAUSE_MS = 25;

/**
 * Frozen states of replicas that go on being filled (QEMU's copy-before-write): before a block of the replica is
 * written over, the block job of a point copies it into the point's overlay. The overlay, whose backing file is the
 * replica, reads as the replica did when the point was taken. The replica's own file and its export do not change.
 *
 * What stands is asked of the daemon, never remembered, so an agent that was killed finds what it had made. A daemon that
 * was killed takes its points with it: an overlay's tables are in memory until it is closed in order, so what lies on
 * disk after a kill is no point, and `seal` alone gives a name that may be believed.
 *
 * The callers see to it that one order at a time is at work on the daemon.
 */
export class DaemonPoints {
  readonly #daemon: StorageDaemon;
  readonly #hostName: string;
  /** File nodes of overlays that missed a block: no point any more. */
  readonly #broken = new Set<string>();

  constructor(daemon: StorageDaemon, hostName: string) {
    this.#daemon = daemon;
    this.#hostName = hostName;
    daemon.onEvent((event) => this.#told(event));
  }

  #told({ event, data }: QmpEvent): void {
    const bad = event === 'QUORUM_REPORT_BAD' ? v.safeParse(Bad, data) : null;
    if (bad?.success) this.#broken.add(bad.output['node-name']);
  }

  /** See `ReplicaPoints.take`. */
  async take(pairId: string, use: PointUse, disks: ReplicaDisk[]): Promise<Result<PointTaken>> {
    const stands = await this.stands(pairId, use, disks);
    if (!stands.ok) return stands;
    if (stands.value) return ok({ tookMs: 0, already: true });
    const open = await this.#replicaOpen(pairId, disks);
    if (!open.ok) return open;
    // The last whole copy may hang on it: only `undo`, an order of its own, takes it away.
    if ((await this.sealed(use, disks)).ok) return fail(this.#sealedAlready());
    const cleared = await this.undo(pairId, use, disks);
    if (!cleared.ok) return cleared;
    const made = await this.#make(pairId, use, disks);
    if (!made.ok) await this.undo(pairId, use, disks);
    return made;
  }

  /** Whether every disk's point is there and unbroken since it was taken. */
  async stands(pairId: string, use: PointUse, disks: ReplicaDisk[]): Promise<Result<boolean>> {
    const attached = await this.#daemon.attach();
    if (!attached.ok || !attached.value) return attached;
    const jobs = await this.#jobs();
    if (!jobs.ok) return jobs;
    const whole = ({ target }: ReplicaDisk): boolean =>
      jobs.value.includes(pointJob(use, pairId, target)) &&
      !this.#broken.has(pointNode('file', use, pairId, target));
    return ok(disks.every(whole));
  }

  /** Offers the point's disks read-only beside the replica's own exports; export names by disk. Idempotent. */
  async offer(pairId: string, use: PointUse, disks: ReplicaDisk[]): Promise<Result<Record<string, string>>> {
    const stands = await this.stands(pairId, use, disks);
    if (!stands.ok) return stands;
    if (!stands.value) return fail(this.#gone());
    const exports = await this.#daemon.exports();
    if (!exports.ok) return exports;
    const names: Record<string, string> = {};
    for (const { target } of disks) {
      const name = pointExportName(use, pairId, target);
      names[target] = name;
      if (exports.value.some(({ id }) => id === name)) continue;
      const offered = await this.#daemon.execute('block-export-add', {
        type: 'nbd',
        id: name,
        'node-name': pointNode('image', use, pairId, target),
        name,
        writable: false,
      });
      if (!offered.ok) return offered;
    }
    return ok(names);
  }

  /**
   * Lets go of the replica, whose export the caller has ended: ends offers and copying of all its points and closes their
   * overlays, so that the replica's own nodes can be closed. A sealing point that stood unbroken until now is complete on
   * disk and gets the name that says so. Files are not deleted.
   */
  async settle(pairId: string): Promise<Result<void>> {
    const drill = await this.#settle(pairId, 'drill', false);
    return drill.ok ? this.#settle(pairId, 'seal', true) : drill;
  }

  /** The sealed overlays; the caller has closed the replica. Problem kind: `point-gone`. */
  async sealed(use: PointUse, disks: ReplicaDisk[]): Promise<Result<ReplicaDisk[]>> {
    const sealed = disks.map((disk) => ({
      ...disk,
      path: sealedPath(disk.path, use),
      format: 'qcow2' as const,
    }));
    for (const { path } of sealed) if (!(await exists(path))) return fail(this.#gone());
    return ok(sealed);
  }

  async sizeBytes(use: PointUse, disks: ReplicaDisk[]): Promise<number> {
    const sizes = disks.map(({ path }) => allocatedBytes(overlayPath(path, use)));
    return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Ends one point and deletes its overlays. Idempotent, whatever was left by whom. */
  async undo(pairId: string, use: PointUse, disks: ReplicaDisk[]): Promise<Result<void>> {
    const attached = await this.#daemon.attach();
    if (!attached.ok) return attached;
    if (attached.value) {
      const settled = await this.#settle(pairId, use, false);
      if (!settled.ok) return settled;
    }
    for (const { path } of disks) {
      await rm(overlayPath(path, use), { force: true });
      await rm(sealedPath(path, use), { force: true });
    }
    return ok(undefined);
  }

  async #replicaOpen(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>> {
    const exports = await this.#daemon.exports();
    if (!exports.ok) return exports;
    const offered = new Set(exports.value.map(({ id }) => id));
    if (disks.every(({ target }) => offered.has(exportId(pairId, target)))) return ok(undefined);
    return fail(notOpen(this.#hostName));
  }

  async #make(pairId: string, use: PointUse, disks: ReplicaDisk[]): Promise<Result<PointTaken>> {
    for (const disk of disks) {
      const prepared = await this.#prepare(pairId, use, disk);
      if (!prepared.ok) return prepared;
    }
    const actions = disks.map(({ target }) => ({
      type: 'blockdev-backup',
      data: {
        device: blockName('image', pairId, target),
        target: pointNode('image', use, pairId, target),
        sync: 'none',
        'job-id': pointJob(use, pairId, target),
        'filter-node-name': pointNode('filter', use, pairId, target),
      },
    }));
    const began = performance.now();
    // One transaction: the disks of a machine are frozen at the same instant, or none is.
    const taken = await this.#daemon.execute('transaction', { actions });
    const tookMs = performance.now() - began;
    return taken.ok ? ok({ tookMs, already: false }) : taken;
  }

  async #prepare(pairId: string, use: PointUse, disk: ReplicaDisk): Promise<Result<void>> {
    const path = overlayPath(disk.path, use);
    const made = await createOverlay(path, disk, this.#hostName);
    if (!made.ok) return made;
    const name = (role: PointNode): string => pointNode(role, use, pairId, disk.target);
    this.#broken.delete(name('file'));
    // Before the file is opened: a quorum wants children of one length, once and for all.
    if (use === 'drill') await truncate(path, longestOverlay(disk));
    const opened = await this.#daemon.addFile(name('file'), path);
    if (!opened.ok) return opened;
    const spared = use === 'drill' && (await this.#spareReplica(name, longestOverlay(disk)));
    const node = await this.#daemon.execute('blockdev-add', {
      driver: 'qcow2',
      'node-name': name('image'),
      file: name(spared ? 'either' : 'file'),
      backing: blockName('image', pairId, disk.target),
    });
    return node.ok ? ok(undefined) : node;
  }

  /**
   * Without this QEMU 7.2 fails the replica's own write when the overlay cannot take the old block (its disk is full). For
   * a drill the point shall break instead: a quorum of one out of two, whose other child takes everything. False where QEMU has no
   * quorum. A sealing point is worth more than the writes that would break it, and does without.
   */
  async #spareReplica(name: (role: PointNode) => string, size: number): Promise<boolean> {
    const sink = { driver: 'null-co', 'node-name': name('sink'), size };
    if (!(await this.#daemon.execute('blockdev-add', sink)).ok) return false;
    const either = await this.#daemon.execute('blockdev-add', {
      driver: 'quorum',
      'node-name': name('either'),
      children: [name('file'), name('sink')],
      'vote-threshold': 1,
      'read-pattern': 'fifo',
    });
    return either.ok;
  }

  async #settle(pairId: string, use: PointUse, sealed: boolean): Promise<Result<void>> {
    const offersEnded = await this.#endOffers(pairId, use);
    if (!offersEnded.ok) return offersEnded;
    const files = sealed ? await this.#unbroken(pairId, use) : ok<string[]>([]);
    if (!files.ok) return files;
    const jobsEnded = await this.#endJobs(pairId, use);
    if (!jobsEnded.ok) return jobsEnded;
    const nodes = await this.#daemon.nodes();
    if (!nodes.ok) return nodes;
    // The overlay first: closing it flushes its tables into its file.
    for (const role of ['image', 'either', 'sink', 'file'] as const) {
      for (const name of nodes.value.filter((node) => node.startsWith(pointNodes(role, use, pairId)))) {
        const freed = await this.#daemon.execute('blockdev-del', { 'node-name': name });
        if (!freed.ok) return freed;
      }
    }
    for (const path of files.value) {
      await rename(path, sealedName(path));
      await syncPath(dirname(path));
    }
    return ok(undefined);
  }

  /** Files of the overlays whose copying is still at work. */
  async #unbroken(pairId: string, use: PointUse): Promise<Result<string[]>> {
    const jobs = await this.#jobs();
    if (!jobs.ok) return jobs;
    const nodes = await this.#daemon.files();
    if (!nodes.ok) return nodes;
    const own = pointNodes('file', use, pairId);
    return ok(
      [...nodes.value]
        .filter(([node]) => node.startsWith(own))
        .filter(([node]) => jobs.value.includes(pointJob(use, pairId, node.slice(own.length))))
        .map(([, path]) => path),
    );
  }

  async #endOffers(pairId: string, use: PointUse): Promise<Result<void>> {
    const prefix = pointExportPrefix(use, pairId);
    const left = async (): Promise<Result<string[]>> => {
      const exports = await this.#daemon.exports();
      return exports.ok
        ? ok(exports.value.map(({ id }) => id).filter((id) => id.startsWith(prefix)))
        : exports;
    };
    return this.#end(left, (id) => this.#daemon.execute('block-export-del', { id, mode: 'hard' }));
  }

  async #endJobs(pairId: string, use: PointUse): Promise<Result<void>> {
    const prefix = pointJob(use, pairId, '');
    const left = async (): Promise<Result<string[]>> => {
      const jobs = await this.#jobs();
      return jobs.ok ? ok(jobs.value.filter((id) => id.startsWith(prefix))) : jobs;
    };
    return this.#end(left, (id) => this.#daemon.execute('block-job-cancel', { device: id }));
  }

  /** Asks each thing to end, then waits until none is left. */
  async #end(
    left: () => Promise<Result<string[]>>,
    ask: (id: string) => Promise<Result<unknown>>,
  ): Promise<Result<void>> {
    let there = await left();
    if (there.ok) for (const id of there.value) await ask(id);
    for (let look = 0; look < LOOKS; look += 1) {
      if (look > 0 || (there.ok && there.value.length > 0)) there = await left();
      if (!there.ok) return there;
      if (there.value.length === 0) return ok(undefined);
      if (look > 1) await new Promise((done) => setTimeout(done, PAUSE_MS));
    }
    return fail({
      kind: 'point-not-ended',
      message: `The storage daemon on ${this.#hostName} does not let go of a point of the copy.`,
      next: 'See whether its disk hangs.',
    });
  }

  async #jobs(): Promise<Result<string[]>> {
    const answer = await this.#daemon.execute('query-block-jobs');
    return answer.ok ? ok(v.parse(Jobs, answer.value).map(({ device }) => device)) : answer;
  }

  #sealedAlready() {
    return {
      kind: 'point-sealed',
      message: `A sealed point of the copy on ${this.#hostName} is kept.`,
      next: 'Put the copy back to it or give it up first.',
    };
  }

  #gone() {
    return pointGone(this.#hostName);
  }
}

/** An overlay that holds every block of its disk takes this much: its tables are far less than a 512th of it. */
const longestOverlay = ({ sizeBytes }: ReplicaDisk): number =>
  Math.ceil(sizeBytes / MEBIBYTE + sizeBytes / MEBIBYTE / 512 + 16) * MEBIBYTE;
const MEBIBYTE = 2 ** 20;
