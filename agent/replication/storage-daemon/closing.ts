import type { Log } from '../../ports.ts';
import { ok, type Result } from '../../protocol/index.ts';
import { blockPrefix, IMAGE_NODE } from '../names.ts';
import { stopStanding } from './chain.ts';
import type { StorageDaemon } from './daemon.ts';
import type { Digests } from './digests.ts';
import { type Flush, flushNodes } from './flush.ts';
import type { Offers } from './offers.ts';
import type { DaemonPoints } from './points.ts';
import type { UncleanMarkers } from './unclean.ts';

export interface ClosingPorts {
  daemon: StorageDaemon;
  offers: Offers;
  digests: Digests;
  points: DaemonPoints;
  markers: UncleanMarkers;
  flush: Flush;
  log: Log;
}

/** Closes a pair's images in order, and knows which of them are not closed yet. */
export class Closing {
  readonly #ports: ClosingPorts;
  /** Of images that are to be closed, prefixes of their nodes: offered no more, but QEMU's locks are still on them. */
  readonly #unclosed = new Set<string>();

  constructor(ports: ClosingPorts) {
    this.#ports = ports;
  }

  has(pairId: string): boolean {
    return this.#unclosed.has(blockPrefix('image', pairId));
  }

  /** The daemon has ended. */
  clear(): void {
    this.#unclosed.clear();
  }

  /** An agent that ended while it closed them has left them open, offered or not. */
  async find(): Promise<void> {
    const nodes = await this.#ports.daemon.nodes();
    for (const node of nodes.ok ? nodes.value : []) {
      const [prefix] = IMAGE_NODE.exec(node) ?? [];
      if (prefix !== undefined) this.#unclosed.add(prefix);
    }
  }

  /** Export first, so that no write can arrive; then the nodes, which flushes and unlocks the images. */
  async close(pairId: string): Promise<Result<void>> {
    const { daemon, offers, digests, markers } = this.#ports;
    // Whatever is read of the images now must not keep a machine from starting on them.
    digests.stop(pairId);
    const attached = await daemon.attach();
    if (!attached.ok) return attached;
    const prefix = blockPrefix('image', pairId);
    // No daemon, so nothing has the images open.
    if (!attached.value) {
      this.#unclosed.delete(prefix);
      markers.ended(pairId);
      return ok(undefined);
    }
    const refreshed = await offers.refresh();
    if (!refreshed.ok) return refreshed;
    this.#unclosed.add(prefix);
    const ended = await offers.end(pairId);
    if (!ended.ok) return ended;
    const freed = await this.#free(pairId);
    if (!freed.ok) return freed;
    this.#unclosed.delete(prefix);
    if (freed.value.flushed) await markers.clear(pairId);
    else markers.ended(pairId);
    return ok(undefined);
  }

  async #free(pairId: string): Promise<Result<{ flushed: boolean }>> {
    const { daemon, points } = this.#ports;
    const settled = await points.settle(pairId);
    if (!settled.ok) return settled;
    const stopped = await stopStanding(daemon, pairId);
    if (!stopped.ok) return stopped;
    const nodes = await daemon.nodes();
    if (!nodes.ok) return nodes;
    const flushed = await this.#flush(pairId, nodes.value);
    for (const role of ['image', 'file'] as const) {
      for (const node of nodes.value.filter((name) => name.startsWith(blockPrefix(role, pairId)))) {
        const freed = await daemon.execute('blockdev-del', { 'node-name': node });
        if (!freed.ok) return freed;
      }
    }
    return ok({ flushed });
  }

  /**
   * Puts on disk what was acknowledged from memory, export closed and nodes still there. Closing a node flushes it too, but a
   * disk that fails then is told to nobody. @returns false when something may be missing: also when this daemon does not have
   * the images open
   */
  async #flush(pairId: string, nodes: string[]): Promise<boolean> {
    const { daemon, offers, markers, flush, log } = this.#ports;
    if (!markers.has(pairId)) return true;
    const own = nodes.filter((name) => name.startsWith(blockPrefix('image', pairId)));
    if (own.length === 0 || markers.isUnclean(pairId)) return false;
    const flushed = await flushNodes(daemon, own, flush, (id) => offers.untilGone(id));
    if (!flushed.ok) log('warn', `${pairId}: ${flushed.problem.message}`);
    return flushed.ok;
  }
}
