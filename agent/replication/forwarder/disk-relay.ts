import type { Duplex } from 'node:stream';
import type { HoldReason, LinkState } from './control-protocol.ts';
import { Command, EIO, type ExportInfo, encodeReply, type Request } from './nbd-wire.ts';
import { ReplyWalker, RequestWalker } from './walkers.ts';

export interface RelayEvents {
  /** A sign of life of the standby. */
  alive(): void;
  /** The pair must be held: this disk cannot go on. */
  lost(kind: HoldReason['kind'], detail: string, errno: number): void;
  /** QEMU took its leave; `clean` when nothing was unanswered. */
  ended(clean: boolean): void;
}

/**
 * One disk between QEMU and the standby. It passes bytes on in state `up`, swallows QEMU's and answers nothing
 * in `held`, and answers errors in `released`. It never turns a held write into an acknowledged one by itself.
 */
export class DiskRelay {
  readonly info: ExportInfo;
  readonly #events: RelayEvents;
  readonly #outstanding = new Map<bigint, Request>();
  #state: LinkState;
  #clean = false;
  #qemu: Duplex | null = null;
  #requests = new RequestWalker();
  #remote: Duplex | null = null;
  #replies = new ReplyWalker();
  /** True once QEMU used the present connection to the standby; another QEMU connection needs another one. */
  #used = false;
  #oldest: { request: Request; looks: number } | null = null;

  constructor(info: ExportInfo, state: LinkState, clean: boolean, events: RelayEvents) {
    this.info = info;
    this.#state = state;
    this.#clean = clean;
    this.#events = events;
  }

  get state(): LinkState {
    return this.#state;
  }

  get clean(): boolean {
    return this.#clean;
  }

  get attached(): boolean {
    return this.#qemu !== null;
  }

  get outstanding(): number {
    return this.#outstanding.size;
  }

  /** Takes the negotiated connection to the standby and goes `up`; QEMU re-sends what had no answer. */
  connect(remote: Duplex): void {
    if (this.#outstanding.size > 0 || this.#requests.current !== null || this.#replies.midway)
      this.#dropQemu();
    this.#remote?.destroy();
    this.#remote = remote;
    this.#replies = new ReplyWalker();
    this.#used = this.#qemu !== null;
    this.#state = 'up';
    remote.on('data', (chunk: Buffer) => this.#fromRemote(remote, chunk));
    remote.on('error', (error) => this.#remoteLost(remote, error.message));
    remote.on('close', () => this.#remoteLost(remote, 'closed by the standby'));
    remote.resume();
  }

  /** Takes a connection of QEMU after its negotiation; `first` is what came with it. */
  attach(qemu: Duplex, first: Buffer): void {
    this.#dropQemu();
    if (this.#state === 'up' && this.#used) {
      this.#events.lost('qemu-gone', 'QEMU connected a second time', 0);
    }
    this.#used = true;
    this.#qemu = qemu;
    this.#requests = new RequestWalker();
    this.#outstanding.clear();
    qemu.on('data', (chunk: Buffer) => this.#fromQemu(qemu, chunk));
    qemu.on('error', () => qemu.destroy());
    qemu.on('close', () => this.#qemuGone(qemu));
    if (first.length > 0) this.#fromQemu(qemu, first);
    qemu.resume();
  }

  /** Nothing reaches the standby and nothing is acknowledged from here on. */
  hold(): void {
    if (this.#state !== 'up') return;
    this.#state = 'held';
    this.#remote?.destroy();
    this.#remote = null;
    // It may have been waiting for the standby to take more; what it still sends is dropped.
    this.#qemu?.resume();
  }

  /** Answers all that waits, and all that comes, with an error: the mirror ends, the guest goes on. */
  release(): void {
    if (this.#state === 'ended') return;
    this.hold();
    this.#state = 'released';
    if (this.#replies.midway) this.#dropQemu();
    const unfinished = this.#requests.current;
    for (const request of [...this.#outstanding.values()]) {
      if (request !== unfinished) this.#refuse(request);
    }
  }

  close(): void {
    this.#state = 'ended';
    this.#remote?.destroy();
    this.#dropQemu();
  }

  /** The oldest unanswered write; zeroing and trimming large ranges may take long on a healthy disk. */
  get oldest(): Request | null {
    const oldest = this.#state === 'up' ? this.#outstanding.values().next().value : undefined;
    return oldest && (oldest.type === Command.write || oldest.type === Command.flush) ? oldest : null;
  }

  /** Looks again at the oldest unanswered write; @returns how many times it has been seen waiting. */
  lookAtOldest(): number {
    const { oldest } = this;
    if (!oldest) {
      this.#oldest = null;
      return 0;
    }
    if (this.#oldest?.request === oldest) this.#oldest.looks += 1;
    else this.#oldest = { request: oldest, looks: 1 };
    return this.#oldest.looks;
  }

  #dropQemu(): void {
    const qemu = this.#qemu;
    this.#qemu = null;
    qemu?.destroy();
    this.#outstanding.clear();
  }

  #fromQemu(qemu: Duplex, chunk: Buffer): void {
    if (qemu !== this.#qemu) return;
    let leaving = false;
    try {
      this.#requests.walk(
        chunk,
        (request) => {
          if (request.type === Command.disconnect) leaving = true;
          else this.#outstanding.set(request.handle, request);
        },
        (request) => {
          if (this.#state === 'released' && request.type !== Command.disconnect) this.#refuse(request);
        },
      );
    } catch (error) {
      this.#events.lost('qemu-malformed', error instanceof Error ? error.message : String(error), 0);
      this.#dropQemu();
      return;
    }
    if (this.#state === 'up' && this.#remote) this.#pass(qemu, this.#remote, chunk);
    if (leaving) this.#leave();
  }

  #pass(qemu: Duplex, remote: Duplex, chunk: Buffer): void {
    if (remote.write(chunk)) return;
    qemu.pause();
    remote.once('drain', () => qemu.resume());
  }

  #leave(): void {
    this.#clean = this.#state === 'up' && this.#outstanding.size === 0;
    this.#state = 'ended';
    this.#remote?.end();
    this.#dropQemu();
    this.#events.ended(this.#clean);
  }

  #fromRemote(remote: Duplex, chunk: Buffer): void {
    if (this.#state !== 'up' || remote !== this.#remote) return;
    this.#events.alive();
    const qemu = this.#qemu;
    let room = true;
    try {
      const failed = this.#replies.walk(chunk, this.#outstanding, (bytes) => {
        if (qemu) room = qemu.write(bytes);
      });
      if (failed) {
        this.#events.lost('remote-error', `the standby answered error ${failed.error}`, failed.error);
        return;
      }
    } catch (error) {
      this.#events.lost('connection-lost', error instanceof Error ? error.message : String(error), 0);
      return;
    }
    if (!room && qemu) {
      remote.pause();
      qemu.once('drain', () => remote.resume());
    }
  }

  #remoteLost(remote: Duplex, detail: string): void {
    if (this.#state !== 'up' || remote !== this.#remote) return;
    this.#events.lost('connection-lost', detail, 0);
  }

  #qemuGone(qemu: Duplex): void {
    if (qemu !== this.#qemu) return;
    this.#qemu = null;
    if (this.#state === 'up') {
      this.#events.lost('qemu-gone', 'QEMU closed the connection without taking its leave', 0);
    }
  }

  #refuse(request: Request): void {
    this.#outstanding.delete(request.handle);
    this.#qemu?.write(encodeReply(EIO, request.handle));
  }
}
