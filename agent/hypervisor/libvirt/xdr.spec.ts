import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { XdrError, XdrReader, XdrWriter } from './xdr.ts';

const UUID = '7e570000-0000-4000-8000-000000000061';

describe('XDR', () => {
  it('encodes as RFC 4506 prescribes', () => {
    const bytes = new XdrWriter()
      .int(-2)
      .uint(7)
      .string('sil')
      .optionalString(null)
      .optionalString('ab')
      .finish();
    expect(bytes.toString('hex')).toBe(
      ['fffffffe', '00000007', '0000000373696c00', '00000000', '000000010000000261620000'].join(''),
    );
  });

  it('reads back what it wrote, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
        (text, n) => {
          const reader = new XdrReader(new XdrWriter().string(text).int(n).uuid(UUID).finish());
          expect([reader.string(), reader.int(), reader.uuid(), reader.left]).toEqual([text, n, UUID, 0]);
        },
      ),
    );
  });

  it('reads 64-bit numbers exactly', () => {
    const reader = new XdrReader(Buffer.from('ffffffffffffffff7fffffffffffffff', 'hex'));
    expect([reader.hyper(), reader.uhyper()]).toEqual([-1n, 2n ** 63n - 1n]);
  });

  it('refuses a string longer than what is left', () => {
    const reader = new XdrReader(Buffer.from('0000000841424344', 'hex'));
    expect(() => reader.string()).toThrow(XdrError);
  });

  it.each(['7fffffff', '80000000', 'fffffffd', 'ffffffff'])('refuses a string of 0x%s bytes', (length) => {
    expect(() => new XdrReader(Buffer.from(`${length}41424344`, 'hex')).string()).toThrow(XdrError);
  });

  it('refuses a missing padding', () => {
    expect(() => new XdrReader(Buffer.from('0000000141', 'hex')).string()).toThrow(XdrError);
  });

  it('refuses an array that could not fit before it costs memory', () => {
    const reader = new XdrReader(Buffer.from('ffffffff00000001', 'hex'));
    expect(() => reader.array((each) => each.int())).toThrow('array of 4294967295 elements in 4 bytes');
  });

  it('refuses an optional value with an impossible flag', () => {
    expect(() => new XdrReader(Buffer.from('0000000200000000', 'hex')).optionalString()).toThrow(XdrError);
  });

  it('refuses what is no UUID', () => {
    expect(() => new XdrWriter().uuid('7e57')).toThrow(XdrError);
  });

  it('never reads past the end, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const reader = new XdrReader(Buffer.from(bytes));
        try {
          reader.array((each) => each.string());
        } catch (error) {
          expect(error).toBeInstanceOf(XdrError);
        }
        expect(reader.left).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
