import { connect, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import type { Clock } from '../../ports.ts';
import { type Outcome, readRemoteError } from './failure.ts';
import { Lanes } from './lanes.ts';
import { Keepalive, PROGRAM_VERSION, Program } from './procedures.ts';
import { encodeArgs, type Procedure } from './types.ts';
import { encodeMessage, FrameReader, type Message, MessageStatus, MessageType } from './wire.ts';
import { XdrReader } from './xdr.ts';

/** Answers that take longer than this are given up, ms. */
export const DEFAULT_DEADLINE_MS = 10_000;
/** A silent connection is asked for a sign of life after this time, and given up after as much again, ms. */
const KEEPALIVE_MS = 15_000;
/** Of libvirtd's five workers for one connection, how many may wait for guests. */
const WAITING_CALLS = 3;
const CLOSED = 'libvirtd closed the connection';
/** Payload of one message of a stream: every libvirt takes this much (VIR_NET_MESSAGE_LEGACY_PAYLOAD_MAX). */
const STREAM_BYTES = 256 * 1024 - 64;

interface Pending {
  settle(outcome: Outcome<XdrReader>): void;
  lane: string | null;
}

export interface ConnectionOptions {
  clock: Clock;
  onEvent(message: Message): void;
  /** Once, however the connection ends, unless `close` was called. */
  onLost(reason: string): void;
}

/** One connection to libvirtd's unix socket: calls by serial number, events, signs of life. */
export class Connection {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #frames = new FrameReader();
  readonly #lanes = new Lanes(WAITING_CALLS);
  readonly #pending = new Map<number, Pending>();
  #serial = 0;
  #ended = false;
  #heard = true;
  #asked = false;
  #keepalive: { cancel(): void } | null = null;

  private constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', (error) => this.#lose(error.message));
    socket.on('close', () => this.#lose(CLOSED));
    this.#watch();
  }

  static open(path: string, options: ConnectionOptions): Promise<Outcome<Connection>> {
    return new Promise((resolve) => {
      const socket = connect(path);
      const refuse = (error: Error) => resolve({ ok: false, failure: { kind: 'lost', text: error.message } });
      socket.once('error', refuse);
      socket.once('connect', () => {
        socket.off('error', refuse);
        resolve({ ok: true, value: new Connection(socket, options) });
      });
    });
  }

  /** `lane`: the guest's UUID when the call may wait for its process. */
  async call<A, R>(
    procedure: Procedure<A, R>,
    args: A,
    options: { deadlineMs?: number; lane?: string } = {},
  ): Promise<Outcome<R>> {
    const outcome = await this.#exchange(procedure, encodeArgs(procedure, args), options);
    if (!outcome.ok) return outcome;
    try {
      return { ok: true, value: procedure.decode(outcome.value) };
    } catch (error) {
      return { ok: false, failure: { kind: 'malformed', procedure: procedure.name, text: String(error) } };
    }
  }

  /**
   * One call that a stream follows: what `feed` writes goes to libvirtd under the call's serial number
   * (virStream; src/rpc/virnetprotocol.x). For connections made for one such call.
   */
  async callWithStream<A, R>(
    procedure: Procedure<A, R>,
    args: A,
    deadlineMs: number,
  ): Promise<Outcome<{ value: R; stream: Writable }>> {
    const called = this.call(procedure, args, { deadlineMs });
    const serial = this.#serial;
    const outcome = await called;
    if (!outcome.ok) return outcome;
    return { ok: true, value: { value: outcome.value, stream: this.#stream(procedure, serial) } };
  }

  close(): void {
    this.#end('closed here');
  }

  #stream({ program, number: procedure }: { program: number; number: number }, serial: number): Writable {
    const message = (status: number, payload: Buffer): Buffer => {
      const header = {
        program,
        version: PROGRAM_VERSION,
        procedure,
        type: MessageType.stream,
        serial,
        status,
      };
      return encodeMessage({ header, payload });
    };
    // libvirtd takes only what QEMU takes, and so does whoever writes here.
    const send = (bytes: Buffer, done: (error?: Error | null) => void): void => {
      let room = true;
      for (let at = 0; at < bytes.length; at += STREAM_BYTES)
        room = this.#socket.write(message(MessageStatus.continue, bytes.subarray(at, at + STREAM_BYTES)));
      if (room || this.#ended) return void done(this.#ended ? new Error(CLOSED) : null);
      const go = (): void => {
        this.#socket.off('drain', go);
        this.#socket.off('close', go);
        done(this.#ended ? new Error(CLOSED) : null);
      };
      this.#socket.once('drain', go);
      this.#socket.once('close', go);
    };
    return new Writable({
      highWaterMark: STREAM_BYTES,
      write: (chunk: Buffer, _encoding, done) => send(chunk, done),
      // What has come in meanwhile, in one message: each costs libvirtd the same, whatever it holds.
      writev: (chunks, done) => send(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer)), done),
      final: (done) => {
        this.#socket.write(message(MessageStatus.ok, Buffer.alloc(0)));
        done();
      },
    });
  }

  #exchange<A, R>(
    procedure: Procedure<A, R>,
    payload: Buffer,
    { deadlineMs = DEFAULT_DEADLINE_MS, lane }: { deadlineMs?: number; lane?: string },
  ): Promise<Outcome<XdrReader>> {
    return new Promise((resolve) => {
      if (this.#ended) return resolve({ ok: false, failure: { kind: 'lost', text: 'not connected' } });
      let leaveQueue = (): void => {};
      const timer = this.#options.clock.setTimeout(() => {
        leaveQueue();
        // A call already sent keeps its lane: libvirtd is still at work on it.
        resolve({ ok: false, failure: { kind: 'deadline', procedure: procedure.name, ms: deadlineMs } });
      }, deadlineMs);
      const settle = (outcome: Outcome<XdrReader>): void => {
        timer.cancel();
        resolve(outcome);
      };
      const send = (): void => this.#send(procedure, payload, { settle, lane: lane ?? null });
      if (lane === undefined) send();
      else leaveQueue = this.#lanes.enter(lane, send);
    });
  }

  #send(procedure: { program: number; number: number }, payload: Buffer, pending: Pending): void {
    if (this.#ended) {
      pending.settle({ ok: false, failure: { kind: 'lost', text: 'not connected' } });
      return;
    }
    this.#serial = (this.#serial + 1) >>> 0;
    this.#pending.set(this.#serial, pending);
    this.#write(procedure.program, procedure.number, MessageType.call, this.#serial, payload);
  }

  #write(program: number, procedure: number, type: number, serial: number, payload: Buffer): void {
    const header = { program, version: PROGRAM_VERSION, procedure, type, serial, status: MessageStatus.ok };
    this.#socket.write(encodeMessage({ header, payload }));
  }

  #receive(chunk: Buffer): void {
    this.#heard = true;
    try {
      for (const message of this.#frames.push(chunk)) this.#dispatch(message);
    } catch (error) {
      // What follows an impossible frame cannot be read: start over with a new connection.
      this.#lose(error instanceof Error ? error.message : String(error));
    }
  }

  #dispatch(message: Message): void {
    const { program, procedure, type } = message.header;
    if (program === Program.keepalive) {
      if (procedure === Keepalive.ping) this.#sign(Keepalive.pong);
    } else if (type === MessageType.reply) {
      this.#settle(message);
    } else if (type === MessageType.event) {
      this.#options.onEvent(message);
    }
  }

  #settle({ header, payload }: Message): void {
    const pending = this.#pending.get(header.serial);
    if (!pending) return;
    this.#pending.delete(header.serial);
    const reader = new XdrReader(payload);
    pending.settle(
      header.status === MessageStatus.ok
        ? { ok: true, value: reader }
        : { ok: false, failure: { kind: 'refused', error: readRemoteError(reader) } },
    );
    if (pending.lane !== null) this.#lanes.leave(pending.lane);
  }

  #sign(procedure: number): void {
    this.#write(Program.keepalive, procedure, MessageType.event, 0, Buffer.alloc(0));
  }

  /** A hung libvirtd keeps its socket open; only silence after a ping tells. */
  #watch(): void {
    this.#keepalive = this.#options.clock.setTimeout(() => {
      if (!this.#heard && this.#asked)
        return this.#lose(`libvirtd is silent for ${(2 * KEEPALIVE_MS) / 1000} s`);
      this.#asked = !this.#heard;
      if (this.#asked) this.#sign(Keepalive.ping);
      this.#heard = false;
      this.#watch();
    }, KEEPALIVE_MS);
  }

  #lose(reason: string): void {
    if (this.#ended) return;
    this.#end(reason);
    this.#options.onLost(reason);
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#keepalive?.cancel();
    this.#socket.destroy();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { settle, lane } of pending) {
      settle({ ok: false, failure: { kind: 'lost', text: reason } });
      if (lane !== null) this.#lanes.leave(lane);
    }
  }
}
