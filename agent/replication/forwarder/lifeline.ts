import type { Duplex } from 'node:stream';
import { Command, decodeReply, encodeRequest, FUA, NbdError, REPLY_BYTES } from './nbd-wire.ts';

const BEAT_MS = 100;
const BEAT_BYTES = 512;
/** A passed deadline is believed only after the sockets were read once more: it may be us who slept. */
const RECHECK_MS = 10;

export interface LifelineListener {
  /** How long the standby may stay silent, ms. */
  readonly deadlineMs: number;
  lost(reason: 'heartbeat-late' | 'heartbeat-error' | 'connection-lost', detail: string): void;
}

/**
 * Proof that a standby's storage daemon and its disk still work: a small write that must reach stable storage,
 * ten times a second, on a scratch export of the same daemon. TCP alone would not notice a hung daemon or disk.
 */
export class Lifeline {
  readonly #socket: Duplex;
  readonly #listeners = new Set<LifelineListener>();
  readonly #beats: NodeJS.Timeout;
  readonly #payload = Buffer.alloc(BEAT_BYTES);
  #check: NodeJS.Timeout | null = null;
  #handle = 0n;
  /** Monotonic ms since which a beat is unanswered; null when none is. */
  #waitingSince: number | null = null;
  #lastLife = 0;
  #partial = Buffer.alloc(0);
  #over = false;

  constructor(socket: Duplex) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', (error) => this.#lose('connection-lost', error.message));
    socket.on('close', () => this.#lose('connection-lost', 'closed by the standby'));
    socket.resume();
    this.#beats = setInterval(() => this.#beat(), BEAT_MS);
    this.#beat();
  }

  get over(): boolean {
    return this.#over;
  }

  add(listener: LifelineListener): void {
    this.#listeners.add(listener);
    this.changed();
  }

  /** A listener's deadline became another one. */
  changed(): void {
    this.#arm(Math.max(1, this.#shortest() - (this.#silence() ?? 0)));
  }

  /** Closes the lifeline when nobody listens any more. */
  remove(listener: LifelineListener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size === 0) this.close();
  }

  /** Any reply of the same daemon, on any connection, is a sign of life. */
  alive(): void {
    this.#lastLife = performance.now();
  }

  close(): void {
    this.#over = true;
    clearInterval(this.#beats);
    if (this.#check) clearTimeout(this.#check);
    this.#socket.destroy();
  }

  #beat(): void {
    if (this.#waitingSince !== null) return;
    this.#handle += 1n;
    this.#waitingSince = performance.now();
    const head = { flags: FUA, type: Command.write, handle: this.#handle, offset: 0n, length: BEAT_BYTES };
    this.#socket.write(Buffer.concat([encodeRequest(head), this.#payload]));
    this.#arm(this.#shortest());
  }

  #shortest(): number {
    let shortest = 60_000;
    for (const listener of this.#listeners) shortest = Math.min(shortest, listener.deadlineMs);
    return shortest;
  }

  #arm(ms: number, again = false): void {
    if (this.#over) return;
    if (this.#check) clearTimeout(this.#check);
    this.#check = setTimeout(() => this.#look(again), ms);
  }

  #look(again: boolean): void {
    this.#check = null;
    const silence = this.#silence();
    if (silence === null) return;
    const late = [...this.#listeners].filter((listener) => silence >= listener.deadlineMs);
    if (late.length === 0) {
      this.#arm(Math.max(1, this.#shortest() - silence));
    } else if (!again) {
      this.#arm(RECHECK_MS, true);
    } else {
      for (const listener of late) listener.lost('heartbeat-late', `no answer for ${Math.round(silence)} ms`);
      this.#arm(BEAT_MS);
    }
  }

  /** Ms without a sign of life although one is due; null when none is due. */
  #silence(): number | null {
    if (this.#waitingSince === null) return null;
    return performance.now() - Math.max(this.#waitingSince, this.#lastLife);
  }

  #onData(chunk: Buffer): void {
    try {
      this.#replies(chunk);
    } catch (error) {
      this.#lose('heartbeat-error', error instanceof Error ? error.message : String(error));
    }
  }

  #replies(chunk: Buffer): void {
    let rest = this.#partial.length > 0 ? Buffer.concat([this.#partial, chunk]) : chunk;
    while (rest.length >= REPLY_BYTES) {
      const { error, handle } = decodeReply(rest);
      rest = rest.subarray(REPLY_BYTES);
      if (handle !== this.#handle) throw new NbdError('reply to a request that was not made');
      if (error !== 0) throw new NbdError(`the standby's disk answered error ${error}`);
      this.#waitingSince = null;
      this.alive();
    }
    this.#partial = Buffer.from(rest);
  }

  #lose(reason: 'heartbeat-error' | 'connection-lost', detail: string): void {
    if (this.#over) return;
    this.close();
    for (const listener of [...this.#listeners]) listener.lost(reason, detail);
  }
}
