import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeMessage, FrameReader, HEADER_BYTES, MESSAGE_MAX, MessageType, WireError } from './wire.ts';

/** Recorded from libvirtd 9.0.0: the answer to auth_list (one entry: none), and a lifecycle event. */
const AUTH_LIST = '000000242000808600000001000000420000000100000001000000000000000100000000';
const EVENT =
  '0000004420008086000000010000013e000000020000000100000000000000120000000474696e795bca16d12e9a4fd6867fcd19a5f1a62fffffffff0000000100000000';

describe('framing', () => {
  it('reads what libvirtd sends', () => {
    const [message, ...rest] = new FrameReader().push(Buffer.from(AUTH_LIST, 'hex'));
    expect(rest).toEqual([]);
    expect(message?.header).toEqual({
      program: 0x20008086,
      version: 1,
      procedure: 66,
      type: MessageType.reply,
      serial: 1,
      status: 0,
    });
    expect(message?.payload.toString('hex')).toBe('0000000100000000');
  });

  it('writes what it reads', () => {
    const [message] = new FrameReader().push(Buffer.from(EVENT, 'hex'));
    expect(message && encodeMessage(message).toString('hex')).toBe(EVENT);
  });

  it('finds the same messages however the stream is cut', () => {
    const stream = Buffer.from(AUTH_LIST + EVENT + AUTH_LIST, 'hex');
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sizes) => {
        const reader = new FrameReader();
        const found: string[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn += 1) {
          const end = at + (sizes[turn % sizes.length] ?? 1);
          for (const message of reader.push(stream.subarray(at, end)))
            found.push(encodeMessage(message).toString('hex'));
          at = end;
        }
        expect(found).toEqual([AUTH_LIST, EVENT, AUTH_LIST]);
      }),
    );
  });

  it('refuses a message longer than libvirt may send, at its length word', () => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(MESSAGE_MAX + 1);
    expect(() => new FrameReader().push(length)).toThrow(WireError);
  });

  it('refuses a message shorter than its header', () => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(HEADER_BYTES - 1);
    expect(() => new FrameReader().push(length)).toThrow('shorter than its header');
  });
});
