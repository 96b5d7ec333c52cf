import type { Duplex } from 'node:stream';
import {
  AbstractMessageReader,
  AbstractMessageWriter,
  type DataCallback,
  type Message,
} from 'vscode-jsonrpc/node';
import { encodeFrame, FrameDecoder, FrameError } from './frames.ts';
import type { MessageGate } from './gate.ts';

/** Reads bounded messages from a stream, one at a time, and stops reading while it has any in hand. */
export class BoundedReader extends AbstractMessageReader {
  readonly #stream: Duplex;
  readonly #gate: MessageGate;
  readonly #decoder: FrameDecoder;
  readonly #onFault: (fault: FrameError) => void;
  #waiting: Buffer[] = [];
  #stopped = false;

  constructor(stream: Duplex, gate: MessageGate, maxBytes: number, onFault: (fault: FrameError) => void) {
    super();
    this.#stream = stream;
    this.#gate = gate;
    this.#decoder = new FrameDecoder(maxBytes);
    this.#onFault = onFault;
  }

  override listen(callback: DataCallback): { dispose(): void } {
    const onData = (chunk: Buffer) => this.#guarded(() => this.#receive(chunk, callback));
    this.#stream.on('data', onData);
    return { dispose: () => this.#stream.off('data', onData) };
  }

  override dispose(): void {
    this.#stopped = true;
    this.#waiting = [];
    super.dispose();
  }

  #receive(chunk: Buffer, callback: DataCallback): void {
    if (this.#stopped) return;
    this.#waiting.push(...this.#decoder.push(chunk));
    if (this.#waiting.length === 0) return;
    this.#stream.pause();
    this.#deliver(callback);
  }

  /** One message per turn of the event loop, so that a flood on one link does not starve the others. */
  #deliver(callback: DataCallback): void {
    const body = this.#waiting.shift();
    if (body !== undefined) {
      const message = this.#gate.incoming(parse(body));
      if (message !== null) callback(message as Message);
    }
    if (this.#stopped) return;
    if (this.#waiting.length === 0) this.#stream.resume();
    else setImmediate(() => this.#guarded(() => this.#deliver(callback)));
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#stopped = true;
      this.#onFault(error instanceof FrameError ? error : new FrameError('malformed', String(error)));
    }
  }
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new FrameError('malformed', 'body is not JSON');
  }
}

/** Thrown to the caller of `write` when a message of ours is larger than the far end accepts. */
export class OversizedMessage extends Error {}

/** Writes messages; a far end that does not read is cut off rather than buffered for without bound. */
export class BoundedWriter extends AbstractMessageWriter {
  readonly #stream: Duplex;
  readonly #gate: MessageGate;
  readonly #maxBytes: number;
  readonly #onSlow: () => void;

  constructor(stream: Duplex, gate: MessageGate, maxBytes: number, onSlow: () => void) {
    super();
    this.#stream = stream;
    this.#gate = gate;
    this.#maxBytes = maxBytes;
    this.#onSlow = onSlow;
  }

  async write(message: Message): Promise<void> {
    this.#gate.outgoing(message);
    const body = Buffer.from(JSON.stringify(message), 'utf8');
    if (body.length > this.#maxBytes) {
      if (!isSuccess(message)) throw new OversizedMessage(`message of ${body.length} bytes`);
      return this.#send(Buffer.from(JSON.stringify(oversizedAnswer(message, body.length))));
    }
    this.#send(body);
  }

  end(): void {
    this.#stream.end();
  }

  #send(body: Buffer): void {
    if (this.#stream.destroyed || this.#stream.writableEnded) return;
    // A slow reader may owe us two full messages, not more.
    if (this.#stream.writableLength > 2 * this.#maxBytes) this.#onSlow();
    else this.#stream.write(encodeFrame(body));
  }
}

function isSuccess(message: Message): message is Message & { id: unknown; result: unknown } {
  return 'id' in message && 'result' in message;
}

function oversizedAnswer(message: Message & { id: unknown }, bytes: number): object {
  const data = {
    kind: 'answer-too-large',
    message: `The answer takes ${bytes} bytes, more than a message may have.`,
    next: 'Report it with the diagnostics; fewer items per question may help.',
  };
  return { jsonrpc: '2.0', id: message.id, error: { code: -32603, message: data.message, data } };
}
