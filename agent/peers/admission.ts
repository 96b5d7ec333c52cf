import type { Clock, Log } from '../ports.ts';

/** Connections of one address that may be shaking hands at a time. */
const MAX_UNPROVEN_PER_ADDRESS = 8;
/** The same over all addresses: bounds memory when the flood comes from many. */
const MAX_UNPROVEN = 64;
/** Strangers are logged this often per address, ms. */
const LOG_EVERY_MS = 60_000;
/** Addresses remembered for that. */
const MAX_REMEMBERED = 1000;

/** Who may knock at the peer port how often, before anybody has proven who they are. */
export class Admission {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #unproven = new Map<string, number>();
  readonly #lastLogged = new Map<string, number>();
  #total = 0;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Counts a connection in; null when it is one too many. The function given back counts it out (once). */
  enter(address: string): (() => void) | null {
    const held = this.#unproven.get(address) ?? 0;
    if (held >= MAX_UNPROVEN_PER_ADDRESS || this.#total >= MAX_UNPROVEN) {
      this.turnedAway(address, 'too many connections that prove nothing');
      return null;
    }
    this.#unproven.set(address, held + 1);
    this.#total += 1;
    let inside = true;
    return () => {
      if (inside) this.#leave(address);
      inside = false;
    };
  }

  #leave(address: string): void {
    this.#total -= 1;
    const held = (this.#unproven.get(address) ?? 1) - 1;
    if (held === 0) this.#unproven.delete(address);
    else this.#unproven.set(address, held);
  }

  /** Logs once per address and minute. */
  turnedAway(address: string, why: string): void {
    const now = this.#clock.bootMs();
    const last = this.#lastLogged.get(address);
    if (last !== undefined && now - last < LOG_EVERY_MS) return;
    if (this.#lastLogged.size >= MAX_REMEMBERED) this.#lastLogged.clear();
    this.#lastLogged.set(address, now);
    this.#log('warn', `connection from ${address} refused: ${why}`);
  }
}
