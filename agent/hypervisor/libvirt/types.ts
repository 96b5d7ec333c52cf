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
