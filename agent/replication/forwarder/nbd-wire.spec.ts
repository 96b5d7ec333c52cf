import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Command,
  decodeGo,
  decodeInfo,
  decodeReply,
  decodeRequest,
  type ExportInfo,
  encodeGo,
  encodeInfos,
  encodeReply,
  encodeRequest,
  MAX_PAYLOAD,
  NbdError,
  REPLY_BYTES,
  REQUEST_BYTES,
} from './nbd-wire.ts';

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

/** Anything but an NbdError escaping from a parser would end the process: a bug. */
function onlyNbdErrors(parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    expect(error).toBeInstanceOf(NbdError);
  }
}

describe('NBD on the wire', () => {
  it('carries requests there and back', () => {
    const request = fc.record({
      flags: fc.integer({ min: 0, max: 0xffff }),
      type: fc.constantFrom(...Object.values(Command)),
      handle: u64,
      offset: u64,
      length: fc.integer({ min: 0, max: MAX_PAYLOAD }),
    });
    fc.assert(
      fc.property(request, (one) => {
        expect(decodeRequest(encodeRequest(one))).toEqual(one);
      }),
    );
  });

  it('carries replies there and back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), u64, (error, handle) => {
        expect(decodeReply(encodeReply(error, handle))).toEqual({ error, handle });
      }),
    );
  });

  it('carries the name and the infos of an option there and back', () => {
    const infos = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 });
    fc.assert(
      fc.property(fc.string({ maxLength: 100 }), infos, (name, asked) => {
        expect(decodeGo(encodeGo(name, asked))).toEqual({ name: Buffer.from(name).toString(), infos: asked });
      }),
    );
  });

  it('carries what an export is', () => {
    const info: ExportInfo = {
      sizeBytes: 5 * 2 ** 40,
      flags: 0b1101101,
      blockSize: { minimum: 1, preferred: 65536, maximum: MAX_PAYLOAD },
    };
    const known: Partial<ExportInfo> = {};
    const wire = encodeInfos(info);
    decodeInfo(wire.export, known);
    decodeInfo(wire.blockSize, known);
    expect(known).toEqual(info);
  });

  it('refuses payloads beyond what QEMU sends, but not long ranges without payload', () => {
    const long = { flags: 0, handle: 1n, offset: 0n, length: MAX_PAYLOAD + 1 };
    expect(() => decodeRequest(encodeRequest({ ...long, type: Command.write }))).toThrow(NbdError);
    expect(() => decodeRequest(encodeRequest({ ...long, type: Command.read }))).toThrow(NbdError);
    expect(decodeRequest(encodeRequest({ ...long, type: Command.writeZeroes })).length).toBe(MAX_PAYLOAD + 1);
  });

  it('survives any bytes', () => {
    const fixed = (size: number) =>
      fc.uint8Array({ minLength: size, maxLength: size }).map((array) => Buffer.from(array));
    fc.assert(fc.property(fixed(REQUEST_BYTES), (wire) => onlyNbdErrors(() => decodeRequest(wire))));
    fc.assert(fc.property(fixed(REPLY_BYTES), (wire) => onlyNbdErrors(() => decodeReply(wire))));
    fc.assert(fc.property(bytes(64), (wire) => onlyNbdErrors(() => decodeGo(wire))));
    fc.assert(fc.property(bytes(32), (wire) => onlyNbdErrors(() => decodeInfo(wire, {}))));
  });

  it('survives infos of the right kind with wrong content', () => {
    const kinds = fc.constantFrom(0, 3);
    fc.assert(
      fc.property(kinds, bytes(20), (kind, rest) => {
        onlyNbdErrors(() => decodeInfo(Buffer.concat([Buffer.from([0, kind]), rest]), {}));
      }),
    );
  });
});
