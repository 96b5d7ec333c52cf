import * as v from 'valibot';
import { FrameError } from './frames.ts';

/** Requests one far end may have unanswered at a time; more is a fault or an attack. */
const MAX_UNANSWERED = 128;

const Id = v.union([v.pipe(v.string(), v.maxLength(64)), v.pipe(v.number(), v.integer())]);
const Version = v.literal('2.0');
const Params = v.optional(v.record(v.string(), v.unknown()));
const Method = v.pipe(v.string(), v.maxLength(64));

/** The JSON-RPC 2.0 messages we take: parameters by name only, no batches. */
const Request = v.strictObject({ jsonrpc: Version, id: Id, method: Method, params: Params });
const Notification = v.strictObject({ jsonrpc: Version, method: Method, params: v.optional(v.unknown()) });
const Response = v.object({
  jsonrpc: Version,
  id: Id,
  result: v.unknown(),
});
const ErrorResponse = v.object({
  jsonrpc: Version,
  id: v.nullable(Id),
  error: v.object({ code: v.number(), message: v.string(), data: v.optional(v.unknown()) }),
});
const Cancel = v.object({ id: Id });

const CANCEL = '$/cancelRequest';

/**
 * Stands between the wire and vscode-jsonrpc, which trusts its far end: it throws on a `$/cancelRequest`
 * without parameters, remembers cancellations of requests that never come, and queues without bound.
 */
export class MessageGate {
  readonly #unanswered = new Set<string | number>();

  /** The message when it may go on; null when it is to be dropped. Throws FrameError. */
  incoming(message: unknown): object | null {
    const is = (schema: v.GenericSchema) => v.is(schema, message);
    if (v.is(Request, message)) return this.#request(message);
    if (v.is(Notification, message)) return this.#notification(message);
    if (is(ErrorResponse) || is(Response)) return message as object;
    throw new FrameError('malformed', 'not a JSON-RPC 2.0 message');
  }

  /** Told of every message that leaves. */
  outgoing(message: unknown): void {
    if (message !== null && typeof message === 'object' && 'id' in message && !('method' in message)) {
      this.#unanswered.delete(message.id as string | number);
    }
  }

  #request(message: v.InferOutput<typeof Request>): object {
    if (message.method.startsWith('$/')) throw new FrameError('malformed', `request ${message.method}`);
    if (this.#unanswered.has(message.id)) throw new FrameError('malformed', 'request id used twice');
    if (this.#unanswered.size >= MAX_UNANSWERED) {
      throw new FrameError('malformed', `more than ${MAX_UNANSWERED} unanswered requests`);
    }
    this.#unanswered.add(message.id);
    return message;
  }

  #notification(message: v.InferOutput<typeof Notification>): object | null {
    if (message.method === CANCEL) {
      const cancel = v.safeParse(Cancel, message.params);
      if (!cancel.success) throw new FrameError('malformed', `${CANCEL} without an id`);
      return this.#unanswered.has(cancel.output.id) ? message : null;
    }
    return message.method.startsWith('$/') ? null : message;
  }
}
