import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeFrame, FrameDecoder, FrameError } from './frames.ts';

/** Cuts bytes at the given places, as a network does. */
function cut(bytes: Buffer, places: number[]): Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

test('whatever the cuts, the bodies come out whole and in order', () => {
  const bodies = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 });
  fc.assert(
    fc.property(bodies, fc.array(fc.nat(), { maxLength: 20 }), (given, places) => {
      const sent = given.map((body) => Buffer.from(body));
      const decoder = new FrameDecoder(1000);
      const got = cut(Buffer.concat(sent.map(encodeFrame)), places).flatMap((piece) => decoder.push(piece));
      expect(got.map((body) => body.toString('hex'))).toEqual(sent.map((body) => body.toString('hex')));
    }),
  );
});

test('garbage is refused in order and never held without bound', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), (chunks) => {
      const decoder = new FrameDecoder(100);
      let held = 0;
      try {
        for (const chunk of chunks) {
          held += chunk.length;
          for (const body of decoder.push(Buffer.from(chunk))) held -= body.length;
          expect(held).toBeLessThan(512 + 200);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(FrameError);
      }
    }),
  );
});

test('other headers are tolerated, the length is bounded by its header alone', () => {
  const decoder = new FrameDecoder(10);
  const typed = 'Content-Type: application/vscode-jsonrpc; charset=utf-8\r\ncontent-length: 2\r\n\r\n{}';
  expect(decoder.push(Buffer.from(typed)).map(String)).toEqual(['{}']);
  expect(() => decoder.push(Buffer.from('Content-Length: 11\r\n\r\n'))).toThrowError(/at most 10/);
});
