import { type XdrReader, XdrWriter } from './xdr.ts';

/** How libvirt's RPC names a guest (remote_nonnull_domain in src/remote/remote_protocol.x). */
export interface DomainRef {
  name: string;
  uuid: string;
  /** QEMU's number while it runs, -1 otherwise; the daemon looks guests up by UUID. */
  id: number;
}

export function writeDomain(writer: XdrWriter, dom: DomainRef): XdrWriter {
  return writer.string(dom.name).uuid(dom.uuid).int(dom.id);
}

export function readDomain(reader: XdrReader): DomainRef {
  return { name: reader.string(), uuid: reader.uuid(), id: reader.int() };
}

export type TypedValue = number | bigint | boolean | string;

/** virTypedParameterType, /usr/include/libvirt/libvirt-common.h. */
const typedReaders: Record<number, (reader: XdrReader) => TypedValue> = {
  1: (reader) => reader.int(),
  2: (reader) => reader.uint(),
  3: (reader) => reader.hyper(),
  4: (reader) => reader.uhyper(),
  5: (reader) => reader.double(),
  6: (reader) => reader.int() !== 0,
  7: (reader) => reader.string(),
};

/** A list of named values of mixed types (remote_typed_param). */
export function readTypedParams(reader: XdrReader): Map<string, TypedValue> {
  const entries = reader.array((each): [string, TypedValue] => {
    const field = each.string();
    const type = each.int();
    const read = typedReaders[type];
    if (!read) throw new RangeError(`typed parameter ${field} of unknown type ${type}`);
    return [field, read(each)];
  });
  return new Map(entries);
}

/** One remote procedure: numbers, and how its arguments and its answer look on the wire. */
export interface Procedure<A, R> {
  program: number;
  number: number;
  name: string;
  /** True when the call may wait for the guest's own process (QEMU's monitor, the guest agent). */
  waitsForGuest: boolean;
  encode(writer: XdrWriter, args: A): void;
  decode(reader: XdrReader): R;
}

export function encodeArgs<A, R>(procedure: Procedure<A, R>, args: A): Buffer {
  const writer = new XdrWriter();
  procedure.encode(writer, args);
  return writer.finish();
}
