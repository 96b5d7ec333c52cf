import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Command, encodeReply, encodeRequest, NbdError, type Request } from './nbd-wire.ts';
import { ReplyWalker, RequestWalker } from './walkers.ts';

/** Cuts a stream at arbitrary places, as a socket does. */
function cut(stream: Buffer, lengths: number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const length of lengths) {
    if (at >= stream.length) break;
    pieces.push(stream.subarray(at, at + length));
    at += length;
  }
  if (at < stream.length) pieces.push(stream.subarray(at));
  return pieces;
}

const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 60 });
const someRequests = fc
  .array(fc.record({ type: fc.constantFrom(0, 1, 3, 4, 6), length: fc.integer({ min: 0, max: 60 }) }), {
    minLength: 1,
    maxLength: 12,
  })
  .map((list) =>
    list.map(({ type, length }, index): Request => {
      return { flags: 0, type, handle: BigInt(index + 1), offset: 0n, length };
    }),
  );

function requestStream(requests: Request[]): Buffer {
  return Buffer.concat(
    requests.flatMap((request) => [
      encodeRequest(request),
      // Payload that looks like headers must not be taken for one.
      request.type === Command.write ? Buffer.alloc(request.length, 0x25) : Buffer.alloc(0),
    ]),
  );
}

function replyStream(requests: Request[], failing: number | null): Buffer {
  return Buffer.concat(
    requests.flatMap((request, index) => {
      if (index === failing) return [encodeReply(28, request.handle)];
      const data = request.type === Command.read ? Buffer.alloc(request.length, 0x67) : Buffer.alloc(0);
      return [encodeReply(0, request.handle), data];
    }),
  );
}

const byHandle = (requests: Request[]) => new Map(requests.map((request) => [request.handle, request]));

describe('the walker over requests', () => {
  it('finds every request, however the stream is cut', () => {
    fc.assert(
      fc.property(someRequests, cuts, (requests, lengths) => {
        const walker = new RequestWalker();
        const seen: Request[] = [];
        const complete: Request[] = [];
        for (const piece of cut(requestStream(requests), lengths)) {
          walker.walk(
            piece,
            (request) => seen.push(request),
            (request) => complete.push(request),
          );
        }
        expect(seen).toEqual(requests);
        expect(complete).toEqual(requests);
        expect(walker.current).toBeNull();
      }),
    );
  });

  it('knows the request whose payload is still arriving', () => {
    const walker = new RequestWalker();
    const request = { flags: 0, type: Command.write, handle: 7n, offset: 0n, length: 100 };
    const ignore = () => undefined;
    walker.walk(encodeRequest(request), ignore, ignore);
    walker.walk(Buffer.alloc(99), ignore, ignore);
    expect(walker.current).toEqual(request);
    walker.walk(Buffer.alloc(1), ignore, ignore);
    expect(walker.current).toBeNull();
  });

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 90 }), { maxLength: 6 }), (pieces) => {
        const walker = new RequestWalker();
        const ignore = () => undefined;
        try {
          for (const piece of pieces) walker.walk(Buffer.from(piece), ignore, ignore);
        } catch (error) {
          expect(error).toBeInstanceOf(NbdError);
        }
      }),
    );
  });
});

describe('the walker over replies', () => {
  it('lets every successful reply through unchanged, however the stream is cut', () => {
    fc.assert(
      fc.property(someRequests, cuts, (requests, lengths) => {
        const walker = new ReplyWalker();
        const outstanding = byHandle(requests);
        const passed: Buffer[] = [];
        const stream = replyStream(requests, null);
        for (const piece of cut(stream, lengths)) {
          expect(walker.walk(piece, outstanding, (bytes) => passed.push(Buffer.from(bytes)))).toBeNull();
        }
        expect(Buffer.concat(passed).equals(stream)).toBe(true);
        expect(outstanding.size).toBe(0);
        expect(walker.midway).toBe(false);
      }),
    );
  });

  it('lets nothing of a failed reply through, nor anything after it', () => {
    const cases = someRequests.chain((requests) =>
      fc.tuple(fc.constant(requests), fc.integer({ min: 0, max: requests.length - 1 })),
    );
    fc.assert(
      fc.property(cases, cuts, ([requests, failing], lengths) => {
        const walker = new ReplyWalker();
        const outstanding = byHandle(requests);
        const passed: Buffer[] = [];
        const good = replyStream(requests.slice(0, failing), null);
        let failed: number | null = null;
        for (const piece of cut(replyStream(requests, failing), lengths)) {
          const result = walker.walk(piece, outstanding, (bytes) => passed.push(Buffer.from(bytes)));
          if (!result) continue;
          failed = result.error;
          break;
        }
        expect(failed).toBe(28);
        expect(Buffer.concat(passed).equals(good)).toBe(true);
        expect(outstanding.has(BigInt(failing + 1))).toBe(true);
      }),
    );
  });

  it('refuses a reply to what was not asked', () => {
    expect(() => new ReplyWalker().walk(encodeReply(0, 9n), new Map(), () => undefined)).toThrow(NbdError);
  });

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 6 }), (pieces) => {
        const walker = new ReplyWalker();
        try {
          for (const piece of pieces) walker.walk(Buffer.from(piece), new Map(), () => undefined);
        } catch (error) {
          expect(error).toBeInstanceOf(NbdError);
        }
      }),
    );
  });
});
