import type { Duplex } from 'node:stream';
import {
  type CancellationToken,
  CancellationTokenSource,
  createMessageConnection,
  ErrorCodes,
  type MessageConnection,
  NullLogger,
  ParameterStructures,
  type ResponseError,
} from 'vscode-jsonrpc/node';
import type { Log } from '../ports.ts';
import {
  type Api,
  fail,
  type Handlers,
  MAX_MESSAGE_BYTES,
  type NoticeOf,
  type Notices,
  ok,
  type Problem,
  ProblemError,
  problemOf,
  type Result,
} from '../protocol/index.ts';
import { encodeFrame, type FrameError } from './frames.ts';
import { MessageGate } from './gate.ts';
import type { Caller, Notifier } from './link.ts';
import {
  cancelled,
  checked,
  deadlinePassed,
  fromWire,
  linkClosed,
  toWire,
  unknownMethod,
} from './problems.ts';
import { BoundedReader, BoundedWriter } from './transport.ts';

/** Why a link ended. `closed`: by either side in order; `error`: the stream failed. */
export interface LinkEnd {
  kind: 'closed' | 'malformed' | 'too-large' | 'slow-reader' | 'error';
  text: string;
}

/** One notice received, to be told apart by `name`. */
export type NoticeMessage<N extends Notices> = {
  [K in keyof N & string]: { name: K; value: NoticeOf<N, K> };
}[keyof N & string];

export interface LinkOptions<S extends Api, C extends Api, O extends Notices, I extends Notices> {
  stream: Duplex;
  /** What the far end may ask of us. */
  serve?: { api: S; handlers: Handlers<S> };
  /** What we may ask of the far end. */
  calls?: C;
  noticesOut?: O;
  noticesIn?: I;
  onNotice?: (notice: NoticeMessage<I>) => void;
  /** Largest body accepted, bytes; default MAX_MESSAGE_BYTES. */
  maxMessageBytes?: number;
  /** Called once, whichever side ended it. */
  onClose?: (end: LinkEnd) => void;
  /** Told of bugs in handlers, with the stack. */
  log?: Log;
}

export interface Link<C extends Api, O extends Notices> extends Caller<C>, Notifier<O> {
  /** Ends the link in order: what was written is still delivered. Idempotent. */
  close(): void;
  readonly closed: boolean;
}

/** How long a far end may take to see our end before the stream is torn down, ms. */
const LINGER_MS = 1000;

/**
 * A typed JSON-RPC 2.0 link over any stream. Never throws for what the far end does: bad input ends this link,
 * with the reason in `onClose`, and touches no other.
 * A handler's signal is aborted by the far end's cancellation or deadline, and when the link ends.
 */
export function openLink<
  S extends Api = Record<never, never>,
  C extends Api = Record<never, never>,
  O extends Notices = Record<never, never>,
  I extends Notices = Record<never, never>,
>(options: LinkOptions<S, C, O, I>): Link<C, O> {
  return new JsonRpcLink(options);
}

class JsonRpcLink<S extends Api, C extends Api, O extends Notices, I extends Notices> implements Link<C, O> {
  readonly #options: LinkOptions<S, C, O, I>;
  readonly #connection: MessageConnection;
  readonly #running = new Set<AbortController>();
  closed = false;

  constructor(options: LinkOptions<S, C, O, I>) {
    this.#options = options;
    const { stream } = options;
    const maxBytes = options.maxMessageBytes ?? MAX_MESSAGE_BYTES;
    const gate = new MessageGate();
    const reader = new BoundedReader(stream, gate, maxBytes, (fault) => this.#refuse(fault));
    const writer = new BoundedWriter(stream, gate, maxBytes, () =>
      this.#end({ kind: 'slow-reader', text: 'the far end does not read what it is sent' }, 'now'),
    );
    this.#connection = createMessageConnection(reader, writer, NullLogger);
    this.#connection.onRequest((method, params, token) => this.#serve(method, params, token));
    this.#connection.onNotification((method, params) => this.#receiveNotice(method, params));
    stream.on('error', (error: Error) => this.#end({ kind: 'error', text: error.message }, 'now'));
    stream.on('end', () => this.#end({ kind: 'closed', text: 'ended by the far end' }, 'in order'));
    stream.on('close', () => this.#end({ kind: 'closed', text: 'stream closed' }, 'now'));
    this.#connection.listen();
  }

  async call<M extends keyof C & string>(
    method: M,
    params: unknown,
    options: { signal?: AbortSignal; deadlineMs?: number } = {},
  ): Promise<Result<never>> {
    const spec = this.#options.calls?.[method];
    if (spec === undefined) return fail(unknownMethod(method));
    const input = checked(spec.params, params, `The order ${method}`);
    if (!input.ok) return input;
    const answer = await this.#ask(
      method,
      input.value,
      options.deadlineMs ?? spec.deadlineMs,
      options.signal,
    );
    if (!answer.ok) return answer;
    // The schema's output is the method's result type; the erased table cannot say so.
    return checked(spec.result, answer.value, `The answer to ${method}`) as Result<never>;
  }

  notify<K extends keyof O & string>(notice: K, value: NoticeOf<O, K>): void {
    const schema = this.#options.noticesOut?.[notice];
    if (this.closed || schema === undefined) return;
    const checkedValue = checked(schema, value, `The notice ${notice}`);
    if (!checkedValue.ok) {
      this.#options.log?.('warn', checkedValue.problem.message);
      return;
    }
    this.#connection
      .sendNotification(notice, ParameterStructures.byPosition, checkedValue.value)
      .catch((error: unknown) => this.#options.log?.('warn', `notice ${notice} not sent: ${String(error)}`));
  }

  close(): void {
    this.#end({ kind: 'closed', text: 'closed here' }, 'in order');
  }

  #ask(method: string, params: unknown, deadlineMs: number, signal?: AbortSignal): Promise<Result<unknown>> {
    if (this.closed) return Promise.resolve(fail(linkClosed()));
    if (signal?.aborted) return Promise.resolve(fail(cancelled(method)));
    return new Promise((resolve) => {
      const source = new CancellationTokenSource();
      const giveUp = (problem: Problem) => {
        settle(fail(problem));
        source.cancel();
      };
      const onAbort = () => giveUp(cancelled(method));
      const timer = setTimeout(() => giveUp(deadlinePassed(method, deadlineMs)), deadlineMs);
      const settle = (result: Result<unknown>) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        resolve(result);
      };
      signal?.addEventListener('abort', onAbort);
      this.#connection.sendRequest(method, ParameterStructures.byName, params, source.token).then(
        (value) => settle(ok(value)),
        (error: unknown) => settle(fail(fromWire(error, method))),
      );
    });
  }

  async #serve(
    method: string,
    params: unknown,
    token: CancellationToken,
  ): Promise<unknown | ResponseError<Problem>> {
    const { serve } = this.#options;
    if (serve === undefined || !Object.hasOwn(serve.api, method)) {
      return toWire(unknownMethod(method), ErrorCodes.MethodNotFound);
    }
    const spec = serve.api[method];
    const handler = serve.handlers[method];
    if (spec === undefined || handler === undefined) return toWire(unknownMethod(method));
    const input = checked(spec.params, params ?? {}, `The order ${method}`);
    if (!input.ok) return toWire(input.problem, ErrorCodes.InvalidParams);
    const controller = new AbortController();
    this.#running.add(controller);
    const cancellation = token.onCancellationRequested(() => controller.abort());
    try {
      const output = checked(
        spec.result,
        await handler(input.value, controller.signal),
        `Our answer to ${method}`,
      );
      return output.ok ? output.value : toWire(output.problem, ErrorCodes.InternalError);
    } catch (error) {
      return toWire(controller.signal.aborted ? cancelled(method) : this.#explain(method, error));
    } finally {
      cancellation.dispose();
      this.#running.delete(controller);
    }
  }

  #explain(method: string, error: unknown): Problem {
    if (!(error instanceof ProblemError)) {
      const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#options.log?.('warn', `bug in ${method}: ${trace}`);
    }
    return problemOf(error);
  }

  #receiveNotice(name: string, params: unknown): void {
    const { noticesIn, onNotice, log } = this.#options;
    // Unknown notices are left aside: a newer far end may have more to tell.
    if (noticesIn === undefined || !Object.hasOwn(noticesIn, name)) return;
    const schema = noticesIn[name];
    if (schema === undefined) return;
    const value = checked(schema, Array.isArray(params) ? params[0] : params, `The notice ${name}`);
    if (value.ok) onNotice?.({ name, value: value.value } as NoticeMessage<I>);
    else log?.('warn', value.problem.message);
  }

  /** Says why, as JSON-RPC does for what it cannot answer (id null), then hangs up. */
  #refuse(fault: FrameError): void {
    const message = {
      jsonrpc: '2.0',
      id: null,
      error: { code: ErrorCodes.ParseError, message: fault.message },
    };
    const { stream } = this.#options;
    if (!stream.destroyed && !stream.writableEnded)
      stream.write(encodeFrame(Buffer.from(JSON.stringify(message))));
    this.#end({ kind: fault.kind, text: fault.message }, 'in order');
  }

  #end(end: LinkEnd, how: 'in order' | 'now'): void {
    if (this.closed) return;
    this.closed = true;
    const { stream } = this.#options;
    this.#connection.dispose();
    for (const controller of this.#running) controller.abort();
    if (how === 'now') stream.destroy();
    else finish(stream);
    this.#options.onClose?.(end);
  }
}

function finish(stream: Duplex): void {
  // Nobody listens any more; without this the far end's last bytes would keep the stream open.
  stream.resume();
  stream.end();
  const timer = setTimeout(() => stream.destroy(), LINGER_MS);
  stream.once('close', () => clearTimeout(timer));
}
