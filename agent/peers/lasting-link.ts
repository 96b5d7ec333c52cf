import type { Credentials } from '../identity/identity.ts';
import type { Clock, Log } from '../ports.ts';
import { type Peer, type PeerApi, peerApi, type Result, type Sight } from '../protocol/index.ts';
import { type Caller, type Link, openLink } from '../rpc/index.ts';
import { dial, unreachable } from './dial.ts';
import type { LeaseBundle } from './lease-wire.ts';
import { type PeerNotices, peerNotices } from './notices.ts';

/** First and longest pause between two attempts, ms. */
const BACK_OFF = { first: 200, longest: 1000 } as const;
/** A member that hangs is noticed within PING_EVERY_MS plus the deadline of `peer.hello` (2 s). */
const PING_EVERY_MS = 1000;

export type PeerLink = Link<PeerApi, PeerNotices>;

export interface LastingLinkOptions {
  peer: Peer;
  bootId: string;
  clock: Clock;
  log: Log;
  credentials(): Credentials | null;
  onSight(sight: Sight): void;
  /** Messages of the lease came over this link. */
  onLease(bundle: LeaseBundle, link: PeerLink): void;
  /** A greeting was answered: this link works. */
  onAlive(link: PeerLink): void;
}

/**
 * One client link to one member, set up again for ever, with a greeting each second.
 * `reachable` says that the last greeting was answered; it is the only thing that says so.
 */
export class LastingLink implements Caller<PeerApi> {
  readonly peer: Peer;
  readonly #options: LastingLinkOptions;
  readonly #stop = new AbortController();
  #link: PeerLink | null = null;
  #sight: Sight;
  #pause: number = BACK_OFF.first;
  #why = 'not tried yet';
  /** Ends the present pause early; null while there is none. */
  #wake: (() => void) | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(options: LastingLinkOptions) {
    this.#options = options;
    this.peer = options.peer;
    const { hostId, name } = options.peer;
    this.#sight = { hostId, name, reachable: false, since: options.clock.now(), lastHeardAt: null };
  }

  get sight(): Sight {
    return this.#sight;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake?.();
    await this.#running;
  }

  /** The member was heard elsewhere (it dialled us): try now. */
  nudge(): void {
    this.#pause = BACK_OFF.first;
    if (this.#link === null) this.#wake?.();
  }

  /** Lets go of the present connection, so that the next one uses new credentials. */
  renew(): void {
    this.#link?.close();
    this.nudge();
  }

  call: Caller<PeerApi>['call'] = (method, params, options) => {
    if (this.#link === null) return Promise.resolve(unreachable(this.peer, this.#why));
    return this.#link.call(method, params, options);
  };

  /** The link dialled from here, when it works. */
  get link(): PeerLink | null {
    return this.#link;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#connectAndGreet();
      this.#see(false);
      if (this.#stop.signal.aborted) return;
      const pause = this.#pause;
      // Before the rest, so that a nudge during it starts over from the first pause.
      this.#pause = Math.min(pause * 2, BACK_OFF.longest);
      await this.#rest(pause);
    }
  }

  /** Returns when there is no connection (any more). */
  async #connectAndGreet(): Promise<void> {
    const credentials = this.#options.credentials();
    if (credentials === null) return;
    const socket = await dial(this.peer, credentials, this.#stop.signal);
    if (!socket.ok) {
      this.#lost(socket.problem.details?.why ?? socket.problem.message);
      return;
    }
    let closing = false;
    const link: PeerLink = openLink({
      stream: socket.value,
      calls: peerApi,
      noticesOut: peerNotices,
      noticesIn: peerNotices,
      onNotice: ({ value }) => this.#options.onLease(value, link),
      onClose: (end) => {
        if (!closing) this.#lost(end.text);
        this.#wake?.();
      },
    });
    const { signal } = this.#stop;
    const close = () => {
      closing = true;
      link.close();
    };
    signal.addEventListener('abort', close);
    if (signal.aborted) close();
    await this.#greetWhileOpen(link, credentials.hostId);
    signal.removeEventListener('abort', close);
    this.#link = null;
    close();
  }

  async #greetWhileOpen(link: PeerLink, selfHostId: string): Promise<void> {
    while (!link.closed) {
      const greeting = await link.call('peer.hello', { hostId: selfHostId, bootId: this.#options.bootId });
      if (!this.#understood(greeting)) return;
      // Calls of others go out only over a link that was answered once.
      if (this.#link !== link) this.#options.onAlive(link);
      this.#link = link;
      this.#pause = BACK_OFF.first;
      this.#see(true);
      if (!link.closed) await this.#rest(PING_EVERY_MS);
    }
  }

  #understood(greeting: Result<{ hostId: string }>): boolean {
    if (!greeting.ok) this.#lost(greeting.problem.message);
    return greeting.ok && greeting.value.hostId === this.peer.hostId;
  }

  #lost(why: string): void {
    if (this.#why !== why && this.#sight.reachable) {
      this.#options.log('info', `lost ${this.peer.name}: ${why}`);
    }
    this.#why = why;
  }

  #see(reachable: boolean): void {
    const now = this.#options.clock.now();
    const before = this.#sight;
    const changed = before.reachable !== reachable;
    this.#sight = {
      ...before,
      reachable,
      since: changed ? now : before.since,
      lastHeardAt: reachable ? now : before.lastHeardAt,
    };
    if (changed) this.#options.onSight(this.#sight);
  }

  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimeout(() => this.#wake?.(), ms);
      this.#wake = () => {
        timer.cancel();
        this.#wake = null;
        resolve();
      };
    });
  }
}
