import { type MirrorStatus, modeOf, type ReplicationMode } from '../protocol/index.ts';
import type { PairContext } from './context.ts';

const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 600_000;
/** How soon a standby that still is too slow is looked at again, ms. */
const LOOK_AGAIN_MS = 10_000;
/** In sync for so long, it was no flapping: the next break is the first again. */
const CALM_MS = 600_000;

interface Slow {
  /** Of the break that was last told, so that it is told once. */
  since: number;
  pauseMs: number;
  /** Not mirrored again before, and when it last came to be in sync: ms since boot. */
  until: number;
  inSyncAt: number | null;
}

/**
 * Standbys that were given up because a write had waited too long for them ("rather go on than wait"). They are mirrored again
 * by themselves, but only after a pause that grows with each break, and only when they answer fast: a mirror that comes and goes
 * costs more than one that is away.
 */
export class Slowness {
  readonly #context: () => PairContext;
  readonly #slow = new Map<string, Slow>();

  constructor(context: () => PairContext) {
    this.#context = context;
  }

  /** The mirror's word; the record's `stale` follows from it as from any other break (agent/lease/owner.ts). */
  seen(pairId: string, status: MirrorStatus): void {
    const { clock } = this.#context().deps;
    const known = this.#slow.get(pairId);
    if (status.state === 'in-sync' && known) known.inSyncAt ??= clock.bootMs();
    if (status.state !== 'held' || status.problem?.kind !== 'standby-too-slow') return;
    if (known?.since === status.since) return;
    const calm =
      known === undefined || (known.inSyncAt !== null && clock.bootMs() - known.inSyncAt > CALM_MS);
    const pauseMs = calm ? FIRST_PAUSE_MS : Math.min(2 * known.pauseMs, LONGEST_PAUSE_MS);
    const until = clock.bootMs() + pauseMs;
    this.#slow.set(pairId, { since: status.since, pauseMs, until, inSyncAt: null });
    this.#tell(pairId, 'went-on', `${status.problem.message} The machine rather goes on alone.`);
  }

  /** Whether a mirror to the standby may be begun again now. */
  async mayHeal(pairId: string): Promise<boolean> {
    const slow = this.#slow.get(pairId);
    const { clock, source, peers } = this.#context().deps;
    // In sync since: what broke now was something else.
    if (slow === undefined || slow.inSyncAt !== null) return true;
    const pair = this.#context().pair(pairId);
    const allowed = patience(modeOf(pair));
    if (allowed === null) return true;
    if (clock.bootMs() < slow.until) return false;
    const peer = peers.get(this.#context().other(pair.spec));
    if (!peer) return true;
    const ms = await source.answersIn({
      host: peer.address,
      port: peer.replicationPort,
      serverName: peer.hostId,
    });
    if (ms !== null && ms <= allowed / 2) {
      this.#tell(pairId, 'fast-again', `${peer.name} answers within ${Math.ceil(ms)} ms again.`);
      return true;
    }
    slow.until = clock.bootMs() + LOOK_AGAIN_MS;
    return false;
  }

  #tell(pairId: string, event: string, text: string): void {
    const pair = this.#context().store.get(pairId);
    if (pair) this.#context().audit(event, pair, text);
  }
}

const patience = (mode: ReplicationMode): number | null =>
  mode.kind === 'sync' ? (mode.goOnMs ?? null) : null;
