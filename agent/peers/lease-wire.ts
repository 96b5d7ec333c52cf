import * as v from 'valibot';
import { Body, Envelope } from '../lease/messages.ts';

/** Pairs that one member may speak of on one link. */
const MOST_PAIRS = 4096;

/** One message: what differs from the last one of the same pair on this link, and of its body of the same kind. */
const Item = v.object({
  n: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MOST_PAIRS - 1)),
  head: v.optional(v.record(v.string(), v.unknown())),
  body: v.looseObject({ kind: v.string() }),
});
type Item = v.InferOutput<typeof Item>;
export const LeaseBundle = v.pipe(v.array(Item), v.minLength(1), v.maxLength(MOST_PAIRS));
export type LeaseBundle = v.InferOutput<typeof LeaseBundle>;

const { body: _body, ...headEntries } = Envelope.entries;
const Head = v.object(headEntries);
type Head = v.InferOutput<typeof Head>;

type Fields = Record<string, unknown>;
interface Known {
  n: number;
  head: Fields;
  bodies: Map<string, Fields>;
}

/**
 * The lease's messages as they travel over one link, where nothing is lost or reordered. Each carries the sender's whole
 * record by the rules of the lease (docs/safety.md); on the wire it is sent once, and then only what has changed since:
 * a renewal is some sixty bytes instead of a thousand.
 */
export class LeaseWire {
  readonly #sent = new Map<string, Known>();
  readonly #heard = new Map<number, Known>();

  encode(envelopes: readonly Envelope[]): LeaseBundle {
    return envelopes.map((envelope) => this.#item(envelope));
  }

  /** Null when it makes no sense: whoever sent it does not keep to the rules. */
  decode(bundle: LeaseBundle): Envelope[] | null {
    const envelopes: Envelope[] = [];
    for (const item of bundle) {
      const envelope = this.#envelope(item);
      if (envelope === null) return null;
      envelopes.push(envelope);
    }
    return envelopes;
  }

  #item({ body, ...head }: Envelope): Item {
    let known = this.#sent.get(head.pairId);
    if (known === undefined) {
      known = { n: this.#sent.size % MOST_PAIRS, head: {}, bodies: new Map() };
      this.#sent.set(head.pairId, known);
    }
    const last = known.bodies.get(body.kind) ?? {};
    const changedHead = changes(known.head, head);
    const item: Item = { n: known.n, body: { kind: body.kind, ...changes(last, body) } };
    if (Object.keys(changedHead).length > 0) item.head = changedHead;
    known.head = head;
    known.bodies.set(body.kind, body);
    return item;
  }

  #envelope({ n, head: changed, body: told }: Item): Envelope | null {
    const known = this.#heard.get(n) ?? { n, head: {}, bodies: new Map() };
    const head: Fields | null =
      changed === undefined ? known.head : parsed(Head, { ...known.head, ...changed });
    const body = parsed(Body, { ...known.bodies.get(told.kind), ...told });
    if (head === null || body === null || head.pairId === undefined) return null;
    this.#heard.set(n, known);
    known.head = head;
    known.bodies.set(body.kind, body);
    return { ...(head as Head), body };
  }
}

function parsed<S extends v.GenericSchema>(schema: S, value: unknown): v.InferOutput<S> | null {
  const result = v.safeParse(schema, value);
  return result.success ? result.output : null;
}

/** Fields of `next` that are not in `last` as they are. Most are the very same object: those are not looked into. */
function changes(last: Fields, next: Fields): Fields {
  const changed: Fields = {};
  for (const [name, value] of Object.entries(next)) {
    const before = last[name];
    if (value === before) continue;
    const same =
      typeof value === 'object' &&
      typeof before === 'object' &&
      JSON.stringify(value) === JSON.stringify(before);
    if (!same) changed[name] = value;
  }
  return changed;
}
