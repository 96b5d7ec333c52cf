import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Command, encodeReply } from '../forwarder/nbd-wire.ts';
import { NbdRequests } from './nbd-requests.ts';

/** One structured chunk (NBD protocol, "Structured reply chunk message"). */
function chunk(handle: bigint, type: number, payload: Buffer, done = true): Buffer {
  const head = Buffer.alloc(20);
  head.writeUInt32BE(0x668e33ef, 0);
  head.writeUInt16BE(done ? 1 : 0, 4);
  head.writeUInt16BE(type, 6);
  head.writeBigUInt64BE(handle, 8);
  head.writeUInt32BE(payload.length, 16);
  return Buffer.concat([head, payload]);
}

const at = (offset: number, rest: Buffer): Buffer => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64BE(BigInt(offset));
  return Buffer.concat([buffer, rest]);
};
const words = (...values: number[]): Buffer => {
  const buffer = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    buffer.writeUInt32BE(value, index * 4);
  });
  return buffer;
};

const quiet = (): NbdRequests => new NbdRequests(new PassThrough(), true);

describe('NBD requests', () => {
  it('put a read together from data and holes, in whatever pieces they arrive', async () => {
    const requests = quiet();
    const read = requests.read(1000, Buffer.alloc(12, 9));
    const answer = Buffer.concat([
      chunk(1n, 1, at(1000, Buffer.from('abcd')), false),
      chunk(1n, 2, at(1004, words(4)), false),
      chunk(1n, 1, at(1008, Buffer.from('wxyz')), true),
    ]);
    // Byte by byte, out of one buffer that is filled anew each time.
    const shared = Buffer.alloc(1);
    for (const byte of answer) {
      shared[0] = byte;
      requests.take(shared);
    }
    expect((await read).toString('latin1')).toBe('abcd\0\0\0\0wxyz');
    requests.close();
  });

  it('answer block status', async () => {
    const requests = quiet();
    const status = requests.status(0, 4096);
    requests.take(chunk(1n, 5, words(1, 512, 0, 3584, 3)));
    expect(await status).toEqual([
      { length: 512, flags: 0 },
      { length: 3584, flags: 3 },
    ]);
    requests.close();
  });

  it('fail with the error of either kind of reply, and go on', async () => {
    const requests = quiet();
    const first = requests.read(0, Buffer.alloc(4));
    requests.take(chunk(1n, 0x8001, Buffer.concat([words(28), Buffer.alloc(2)])));
    await expect(first).rejects.toThrow('error 28');
    const second = requests.ask(Command.write, 0, 4, Buffer.alloc(4));
    requests.take(encodeReply(5, 2n));
    await expect(second).rejects.toThrow('error 5');
    const third = requests.ask(Command.writeZeroes, 0, 4);
    requests.take(encodeReply(0, 3n));
    await third;
    expect(requests.sentBytes).toBe(3 * 28 + 4);
    requests.close();
  });

  it('fail all that wait when the other side speaks nonsense, or answers what was not asked', async () => {
    for (const nonsense of [
      Buffer.alloc(20, 7),
      chunk(77n, 0, Buffer.alloc(0)),
      chunk(1n, 1, at(99, Buffer.alloc(8))),
    ]) {
      const requests = quiet();
      const read = requests.read(0, Buffer.alloc(4));
      requests.take(nonsense);
      await expect(read).rejects.toThrow();
    }
  });
});
