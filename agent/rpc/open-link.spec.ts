import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import * as v from 'valibot';
import { afterEach, expect, test } from 'vitest';
import { method, nothing, ProblemError } from '../protocol/index.ts';
import { type LinkEnd, type NoticeMessage, openLink } from './index.ts';

const api = {
  add: method(v.object({ a: v.number(), b: v.number() }), v.object({ sum: v.number() })),
  refuse: method(nothing, nothing),
  crash: method(nothing, nothing),
  lie: method(nothing, v.object({ count: v.number() })),
  huge: method(v.object({ bytes: v.number() }), v.object({ text: v.string() })),
  wait: method(nothing, nothing, 50),
} as const;
const notices = { tick: v.object({ n: v.number() }), list: v.array(v.number()) } as const;
const PROBLEM = {
  kind: 'disk-full',
  message: 'The disk of boreas is full.',
  next: 'Free 3 GiB.',
  field: 'disk',
};

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** A real pair of connected sockets: buffering and ends behave as on a host. */
async function sockets(): Promise<[Socket, Socket]> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  await once(near, 'connect');
  cleanups.push(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return [near, far];
}

interface Serving {
  stream: Socket;
  maxMessageBytes?: number;
  log?: (level: string, text: string) => void;
}

function serve(options: Serving) {
  const aborted: string[] = [];
  let closed: (end: LinkEnd) => void = () => undefined;
  const end = new Promise<LinkEnd>((resolve) => {
    closed = resolve;
  });
  const link = openLink({
    ...options,
    serve: {
      api,
      handlers: {
        add: async ({ a, b }) => ({ sum: a + b }),
        refuse: async () => {
          throw new ProblemError(PROBLEM);
        },
        crash: async () => {
          throw new TypeError('x is undefined');
        },
        lie: async () => ({ count: 'many' as unknown as number }),
        huge: async ({ bytes }) => ({ text: 'x'.repeat(bytes) }),
        wait: (_params, signal) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => {
              aborted.push('wait');
              reject(new Error('aborted'));
            });
          }),
      },
    },
    noticesOut: notices,
    onClose: closed,
  });
  return { link, end, aborted };
}

function frame(body: string): string {
  return `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

test('answers, and validates parameters before they leave and when they arrive', async () => {
  const [near, far] = await sockets();
  serve({ stream: far });
  const link = openLink({ stream: near, calls: api });
  expect(await link.call('add', { a: 2, b: 3 })).toEqual({ ok: true, value: { sum: 5 } });
  const wrong = await link.call('add', { a: 2, b: 'three' as unknown as number });
  expect(wrong).toMatchObject({ ok: false, problem: { kind: 'malformed', field: 'b' } });

  // A client of its own that checks nothing.
  const loose = { ...api, add: method(v.unknown(), v.unknown()) };
  const raw = openLink({ stream: (await servedSocket()).near, calls: loose });
  expect(await raw.call('add', { a: 2 })).toMatchObject({ problem: { kind: 'malformed', field: 'b' } });
});

async function servedSocket(options: { maxMessageBytes?: number } = {}) {
  const [near, far] = await sockets();
  return { near, ...serve({ stream: far, ...options }) };
}

test('carries a Problem whole, and turns bugs into one with the stack in the log', async () => {
  const [near, far] = await sockets();
  const lines: string[] = [];
  serve({ stream: far, log: (_level, text) => lines.push(text) });
  const link = openLink({ stream: near, calls: api });
  expect(await link.call('refuse', {})).toEqual({ ok: false, problem: PROBLEM });
  expect(await link.call('crash', {})).toMatchObject({ problem: { kind: 'unexpected' } });
  expect(lines.join('\n')).toContain('open-link.spec.ts');
  expect(await link.call('lie', {})).toMatchObject({ problem: { kind: 'malformed' } });
  expect(await link.call('add', { a: 1, b: 1 })).toMatchObject({ ok: true });
});

test('a method the far end does not know is a Problem', async () => {
  const { near } = await servedSocket();
  const link = openLink({ stream: near, calls: { toString: method(nothing, nothing) } });
  expect(await link.call('toString', {})).toMatchObject({ problem: { kind: 'unknown-method' } });
});

test('a deadline ends the wait here and the work there', async () => {
  const { near, aborted } = await servedSocket();
  const link = openLink({ stream: near, calls: api });
  expect(await link.call('wait', {})).toMatchObject({ problem: { kind: 'deadline' } });
  await until(() => aborted.length === 1);
});

test('an aborted signal cancels at the far end', async () => {
  const { near, aborted } = await servedSocket();
  const link = openLink({ stream: near, calls: api });
  const controller = new AbortController();
  const call = link.call('wait', {}, { signal: controller.signal, deadlineMs: 60_000 });
  await link.call('add', { a: 0, b: 0 });
  controller.abort();
  expect(await call).toMatchObject({ problem: { kind: 'cancelled' } });
  await until(() => aborted.length === 1);
});

test('the end of a link answers what is pending and stops what is running', async () => {
  const { near, aborted, end } = await servedSocket();
  const link = openLink({ stream: near, calls: api });
  const call = link.call('wait', {}, { deadlineMs: 60_000 });
  await link.call('add', { a: 0, b: 0 });
  link.close();
  expect(await call).toMatchObject({ problem: { kind: 'link-closed' } });
  expect(await end).toMatchObject({ kind: 'closed' });
  await until(() => aborted.length === 1);
  expect(await link.call('add', { a: 0, b: 0 })).toMatchObject({ problem: { kind: 'link-closed' } });
});

test('notices arrive typed, arrays included; unknown and wrong ones are left aside', async () => {
  const [near, far] = await sockets();
  const served = serve({ stream: far });
  const got: NoticeMessage<typeof notices>[] = [];
  const link = openLink({
    stream: near,
    calls: api,
    noticesIn: notices,
    onNotice: (notice) => got.push(notice),
  });
  far.write(frame('{"jsonrpc":"2.0","method":"tock","params":[{}]}'));
  far.write(frame('{"jsonrpc":"2.0","method":"tick","params":[{"n":"x"}]}'));
  served.link.notify('tick', { n: 7 });
  served.link.notify('list', [1, 2]);
  await link.call('add', { a: 0, b: 0 });
  expect(got).toEqual([
    { name: 'tick', value: { n: 7 } },
    { name: 'list', value: [1, 2] },
  ]);
});

test('messages survive being cut into single bytes', async () => {
  const { near } = await servedSocket();
  const answer: Buffer[] = [];
  near.on('data', (chunk: Buffer) => answer.push(chunk));
  near.setNoDelay(true);
  for (const byte of Buffer.from(frame('{"jsonrpc":"2.0","id":1,"method":"add","params":{"a":1,"b":2}}'))) {
    near.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => Buffer.concat(answer).includes('"sum":3'));
});

test.each([
  ['no framing', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['no end of header', 'x'.repeat(600)],
  ['no length', 'Content-Type: a\r\n\r\n{}'],
  ['a negative length', 'Content-Length: -1\r\n\r\n'],
  ['two lengths', 'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}'],
  ['broken JSON', frame('{"jsonrpc"')],
  ['a batch', frame('[{"jsonrpc":"2.0","id":1,"method":"add"}]')],
  ['not JSON-RPC', frame('{"hello":1}')],
  ['null', frame('null')],
  ['a cancellation of nothing', frame('{"jsonrpc":"2.0","method":"$/cancelRequest"}')],
  ['an id twice', frame('{"jsonrpc":"2.0","id":1,"method":"wait"}').repeat(2)],
])('ends the link on %s, says why, and leaves other links alone', async (_name, input) => {
  const { near, end } = await servedSocket();
  const other = await servedSocket();
  const link = openLink({ stream: other.near, calls: api });
  const answer: Buffer[] = [];
  near.on('data', (chunk: Buffer) => answer.push(chunk));
  near.write(input);
  expect(await end).toMatchObject({ kind: 'malformed' });
  await once(near, 'close');
  expect(Buffer.concat(answer).toString()).toContain('"code":-32700');
  expect(await link.call('add', { a: 1, b: 1 })).toMatchObject({ ok: true });
});

test('an oversized message is refused by its header, before its body comes', async () => {
  const { near, end } = await servedSocket({ maxMessageBytes: 1000 });
  near.write('Content-Length: 1001\r\n\r\n');
  expect(await end).toMatchObject({ kind: 'too-large' });
});

test('an answer or a request too large for the link is a Problem, and the link lives on', async () => {
  const [near, far] = await sockets();
  serve({ stream: far, maxMessageBytes: 1000 });
  const link = openLink({ stream: near, calls: api, maxMessageBytes: 1000 });
  expect(await link.call('huge', { bytes: 2000 })).toMatchObject({ problem: { kind: 'answer-too-large' } });
  const big = { ...{ a: 1, b: 1 }, text: 'x'.repeat(2000) };
  const loose = { add: method(v.unknown(), v.unknown()) };
  const second = openLink({ stream: (await servedSocket()).near, calls: loose, maxMessageBytes: 1000 });
  expect(await second.call('add', big)).toMatchObject({ problem: { kind: 'request-too-large' } });
  expect(await link.call('add', { a: 1, b: 1 })).toMatchObject({ ok: true });
});

test('a far end that does not read is cut off', async () => {
  const { near, link, end } = await servedSocket({ maxMessageBytes: 100_000 });
  near.pause();
  const list = Array.from({ length: 10_000 }, (_unused, index) => index);
  const timer = setInterval(() => link.notify('list', list), 1);
  expect(await end).toMatchObject({ kind: 'slow-reader' });
  clearInterval(timer);
});

test('a flood of requests ends the link that floods', async () => {
  const { near, end } = await servedSocket();
  const flood = Array.from({ length: 200 }, (_unused, id) =>
    frame(JSON.stringify({ jsonrpc: '2.0', id, method: 'wait' })),
  );
  near.write(flood.join(''));
  expect(await end).toMatchObject({ kind: 'malformed' });
});
