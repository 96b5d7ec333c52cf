import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { socketPair } from '../socket-pair.spec-kit.ts';
import { ByteReader } from './byte-reader.ts';
import {
  decodeInfo,
  type ExportInfo,
  encodeGo,
  encodeGreeting,
  encodeOption,
  HANDSHAKE_FLAGS,
  Info,
  LEAST_FLAGS,
  MAX_OPTION_BYTES,
  NbdError,
  Option,
  Reply,
} from './nbd-wire.ts';
import { serveHandshake } from './server-handshake.ts';

const INFO: ExportInfo = {
  sizeBytes: 2 ** 30,
  flags: LEAST_FLAGS,
  blockSize: { minimum: 512, preferred: 4096, maximum: 2 ** 25 },
};
const STRUCTURED_REPLY = 8;
const flags = Buffer.from([0, 0, 0, HANDSHAKE_FLAGS]);
const readers: ByteReader[] = [];

/** QEMU's end of the negotiation, by hand. */
async function dial() {
  const [near, far] = await socketPair();
  near.on('error', () => undefined);
  far.on('error', () => undefined);
  const served = serveHandshake(near, 'vda', INFO);
  // Looked at later; a failure before that is no bug of the spec.
  served.catch(() => undefined);
  const reader = new ByteReader(far, 5_000);
  readers.push(reader);
  return {
    served,
    far,
    send: (...parts: Buffer[]) => far.write(Buffer.concat(parts)),
    greeting: () => reader.read(18),
    async reply() {
      const header = await reader.read(20);
      return { type: header.readUInt32BE(12), data: await reader.read(header.readUInt32BE(16)) };
    },
  };
}

describe('the negotiation with QEMU', () => {
  afterEach(() => {
    for (const reader of readers.splice(0)) reader.detach();
  });

  it('offers the export as the standby has it, and hands over what came early', async () => {
    const { greeting, send, reply, served } = await dial();
    expect((await greeting()).equals(encodeGreeting())).toBe(true);
    const early = Buffer.from('first request');
    send(flags, encodeOption(Option.go, encodeGo('vda', [Info.blockSize])), early);
    const known: Partial<ExportInfo> = {};
    for (let answer = await reply(); answer.type !== Reply.ack; answer = await reply()) {
      expect(answer.type).toBe(Reply.info);
      decodeInfo(answer.data, known);
    }
    expect(known).toEqual(INFO);
    expect((await served).equals(early)).toBe(true);
  });

  it('refuses what the relay does not understand, and goes on', async () => {
    const { greeting, send, reply } = await dial();
    await greeting();
    send(flags, encodeOption(STRUCTURED_REPLY), encodeOption(Option.startTls), encodeOption(Option.list));
    for (let n = 0; n < 3; n += 1) expect((await reply()).type).toBe(Reply.unsupported);
    send(encodeOption(Option.go, encodeGo('vdb', [])));
    expect((await reply()).type).toBe(Reply.unknown);
    send(encodeOption(Option.info, encodeGo('vda', [])));
    expect((await reply()).type).toBe(Reply.info);
    expect((await reply()).type).toBe(Reply.ack);
  });

  it.each([
    ['gives up', encodeOption(Option.abort)],
    ['names the export in the old way', encodeOption(Option.exportName, Buffer.from('vda'))],
    ['sends an option without end', encodeOption(Option.go, Buffer.alloc(MAX_OPTION_BYTES + 1))],
    ['sends no option', Buffer.alloc(16, 1)],
    ['names more than it sends', encodeOption(Option.go, Buffer.from([0, 0, 255, 0, 0, 0]))],
  ])('ends when QEMU %s', async (_what, bytes) => {
    const { send, served } = await dial();
    send(flags, bytes);
    await expect(served).rejects.toBeInstanceOf(NbdError);
  });

  it('ends when QEMU closes', async () => {
    const { far, served } = await dial();
    far.end();
    await expect(served).rejects.toBeInstanceOf(Error);
  });

  it('survives any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 120 }), async (noise) => {
        const { send, far, served } = await dial();
        send(flags, encodeOption(Option.info, encodeGo('vda', [])).subarray(0, 12), Buffer.from(noise));
        far.end();
        await expect(served).rejects.toBeInstanceOf(Error);
      }),
      { numRuns: 30 },
    );
  });
});
