import { fail, ok, type Problem, type Result } from '../../protocol/index.ts';
import { shownExport, shownExports, shownNode, shownNodes } from '../names.ts';
import type { ReplicaDisk } from '../replication.ts';
import type { StorageDaemon } from './daemon.ts';

const LOOKS = 200;
const PAUSE_MS = 25;

/**
 * Restore points that somebody reads: offered read-only beside whatever else is done with the pair's layers. Nodes and exports have
 * names of their own, so closing a replica, as each new point does, leaves them. What is shown is asked of the daemon, never remembered: an
 * agent that was killed finds it again. The callers see to it that one order at a time is at work on the daemon.
 */
export class ShownPoints {
  readonly #daemon: StorageDaemon;
  readonly #hostName: string;

  constructor(daemon: StorageDaemon, hostName: string) {
    this.#daemon = daemon;
    this.#hostName = hostName;
  }

  /** Offers these images, each with all that it lies on. @returns export names by disk */
  async show(pairId: string, images: ReplicaDisk[]): Promise<Result<Record<string, string>>> {
    const serving = await this.#daemon.ensureServing();
    if (!serving.ok) return serving;
    const hidden = await this.hide(pairId);
    if (!hidden.ok) return hidden;
    for (const image of images) {
      const offered = await this.#offer(pairId, image);
      if (offered.ok) continue;
      await this.hide(pairId);
      return offered;
    }
    return ok(Object.fromEntries(images.map(({ target }) => [target, shownExport(pairId, target)])));
  }

  /** Whether anything of the pair is shown, or still open for it; `disks`: whether all of them are. */
  async isShown(pairId: string, disks: ReplicaDisk[] = []): Promise<Result<boolean>> {
    const attached = await this.#daemon.attach();
    if (!attached.ok || !attached.value) return attached;
    const there = await this.#exports(pairId);
    if (!there.ok) return there;
    if (disks.length > 0)
      return ok(disks.every(({ target }) => there.value.includes(shownExport(pairId, target))));
    if (there.value.length > 0) return ok(true);
    const nodes = await this.#nodes(pairId);
    return nodes.ok ? ok(nodes.value.length > 0) : nodes;
  }

  /** Idempotent. */
  async hide(pairId: string): Promise<Result<void>> {
    const attached = await this.#daemon.attach();
    if (!attached.ok) return attached;
    if (!attached.value) return ok(undefined);
    const there = await this.#exports(pairId);
    if (!there.ok) return there;
    for (const id of there.value) await this.#daemon.execute('block-export-del', { id, mode: 'hard' });
    const gone = await this.#untilGone(pairId);
    if (!gone.ok) return gone;
    const nodes = await this.#nodes(pairId);
    if (!nodes.ok) return nodes;
    for (const name of nodes.value) {
      const freed = await this.#daemon.execute('blockdev-del', { 'node-name': name });
      if (!freed.ok) return freed;
    }
    return ok(undefined);
  }

  async #offer(pairId: string, { target, path }: ReplicaDisk): Promise<Result<void>> {
    const node = shownNode(pairId, target);
    const opened = await this.#daemon.execute('blockdev-add', {
      driver: 'qcow2',
      'node-name': node,
      'read-only': true,
      file: { driver: 'file', filename: path, 'read-only': true },
    });
    if (!opened.ok) return fail(this.#notOpened(path, opened.problem.message));
    const id = shownExport(pairId, target);
    const offered = await this.#daemon.execute('block-export-add', {
      type: 'nbd',
      id,
      'node-name': node,
      name: id,
      writable: false,
    });
    return offered.ok ? ok(undefined) : offered;
  }

  async #exports(pairId: string): Promise<Result<string[]>> {
    const exports = await this.#daemon.exports();
    if (!exports.ok) return exports;
    return ok(exports.value.map(({ id }) => id).filter((id) => id.startsWith(shownExports(pairId))));
  }

  async #nodes(pairId: string): Promise<Result<string[]>> {
    const nodes = await this.#daemon.nodes();
    return nodes.ok ? ok(nodes.value.filter((name) => name.startsWith(shownNodes(pairId)))) : nodes;
  }

  async #untilGone(pairId: string): Promise<Result<void>> {
    for (let look = 0; look < LOOKS; look += 1) {
      const there = await this.#exports(pairId);
      if (!there.ok) return there;
      if (there.value.length === 0) return ok(undefined);
      await new Promise((done) => setTimeout(done, PAUSE_MS));
    }
    return fail({
      kind: 'point-not-ended',
      message: `The storage daemon on ${this.#hostName} does not let go of a restore point.`,
      next: 'See whether its disk hangs.',
    });
  }

  #notOpened(path: string, cause: string): Problem {
    return {
      kind: 'image-not-opened',
      message: `The restore point ${path} on ${this.#hostName} could not be opened. ${cause}`,
      next: 'See that its files are undamaged (qemu-img check), then try again.',
      details: { path },
    };
  }
}
