import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { ToPage } from '../contract/index.ts';
import { MAX_PAGE_MESSAGE } from '../local/attach.ts';
import { openShell, type Shell } from './shell.ts';

let folder = '';
let shell: Shell;
let received: unknown[] = [];
let sends: ((message: ToPage) => void)[] = [];
let closedPages = 0;

beforeEach(async () => {
  [received, sends, closedPages] = [[], [], 0];
  folder = mkdtempSync(join(tmpdir(), 'understudy-page-'));
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>Understudy</title>');
  writeFileSync(join(folder, 'app.js'), 'start()');
  writeFileSync(join(folder, 'map.png'), Buffer.from('89504e470d0a1a0a', 'hex'));
  writeFileSync(join(folder, '..', 'understudy-outside.txt'), 'not for the page');
  const core = {
    connect: (send: (message: ToPage) => void) => {
      sends.push(send);
      return { receive: (message: unknown) => received.push(message), close: () => closedPages++ };
    },
  };
  shell = await openShell({ core, rendererDir: folder, port: 0 });
});
afterEach(async () => {
  await shell.close();
  rmSync(folder, { recursive: true });
  rmSync(join(folder, '..', 'understudy-outside.txt'));
});

const port = () => Number(new URL(shell.url).port);
const origin = () => `http://127.0.0.1:${port()}`;

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** Node's fetch does not let the Host header be chosen; `path` goes out as it is. */
function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: port(), path, method, headers }, (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    asked.on('error', reject);
    asked.end();
  });
}

async function enter(): Promise<string> {
  const { headers } = await get(new URL(shell.url).pathname + new URL(shell.url).search);
  return String(headers['set-cookie']?.[0]).split(';')[0] ?? '';
}

/** Open, or the status of the refusal. */
function connect(headers: Record<string, string>, path = '/ws'): Promise<WebSocket | number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port()}${path}`, { headers });
    socket.on('open', () => resolve(socket));
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    socket.on('error', reject);
  });
}

async function connected(): Promise<WebSocket> {
  const socket = await connect({ cookie: await enter(), origin: origin() });
  if (typeof socket === 'number') throw new Error(`refused: ${socket}`);
  return socket;
}

test('the token becomes a cookie once, and leaves the address bar', async () => {
  const path = new URL(shell.url).pathname + new URL(shell.url).search;
  const first = await get(path);
  expect(first).toMatchObject({ status: 303, headers: { location: '/' } });
  expect(first.headers['set-cookie']?.[0]).toMatch(/; HttpOnly; SameSite=Strict$/);
  expect((await get(path)).status).toBe(403);
});

test('without the cookie nothing is served, with it the page and its places', async () => {
  expect((await get('/')).status).toBe(403);
  expect((await get('/app.js')).status).toBe(403);
  expect((await get('/?token=wrong')).status).toBe(403);
  const cookie = await enter();
  expect(await get('/', { cookie })).toMatchObject({
    status: 200,
    body: expect.stringContaining('Understudy'),
  });
  expect(await get('/hosts/h-1', { cookie })).toMatchObject({ status: 200 });
  expect(await get('/app.js', { cookie })).toMatchObject({
    status: 200,
    headers: { 'content-type': expect.stringContaining('javascript') },
  });
  expect(await get('/map.png', { cookie })).toMatchObject({
    status: 200,
    headers: {
      'content-type': 'image/png',
      'content-security-policy': expect.stringContaining("img-src 'self';"),
    },
  });
  expect((await get('/missing.js', { cookie })).status).toBe(404);
  expect((await get('/', { cookie }, 'POST')).status).toBe(405);
});

test('nothing outside the folder is served', async () => {
  const cookie = await enter();
  for (const path of [
    '/../understudy-outside.txt',
    '/..%2funderstudy-outside.txt',
    '/%00.js',
    '/%E0%A4%A.js',
  ]) {
    expect(await get(path, { cookie })).toMatchObject({ status: 404 });
  }
});

test('a name that merely resolves to this machine is refused (DNS rebinding)', async () => {
  const cookie = await enter();
  expect((await get('/', { cookie, host: `evil.example:${port()}` })).status).toBe(421);
  expect((await get('/', { cookie, host: `127.0.0.1:${port() + 1}` })).status).toBe(421);
  expect((await get('/', { cookie, host: `localhost:${port()}` })).status).toBe(200);
});

test('the policy allows no inline script or style and nothing from elsewhere', async () => {
  const { headers } = await get('/', { cookie: await enter() });
  const policy = String(headers['content-security-policy']);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toMatch(/unsafe|\*/);
});

test('a socket needs the cookie, this very origin and a loopback name', async () => {
  const cookie = await enter();
  expect(await connect({ origin: origin() })).toBe(403);
  expect(await connect({ cookie })).toBe(403);
  expect(await connect({ cookie, origin: 'http://evil.example' })).toBe(403);
  expect(await connect({ cookie, origin: `http://127.0.0.1:${port() + 1}` })).toBe(403);
  expect(await connect({ cookie, origin: 'http://evil.example', host: 'evil.example' })).toBe(403);
  expect(await connect({ cookie, origin: origin() }, '/other')).toBe(403);
  expect(sends).toEqual([]);
});

test('messages go both ways; what is no JSON arrives as nothing', async () => {
  const socket = await connected();
  const heard: string[] = [];
  socket.on('message', (data) => heard.push(String(data)));
  socket.send('{"t":"cancel","id":1}');
  socket.send('{nonsense');
  await vi.waitFor(() => expect(received).toEqual([{ t: 'cancel', id: 1 }, undefined]));
  sends[0]?.({ t: 'value', id: 1, value: {} });
  await vi.waitFor(() => expect(heard).toEqual(['{"t":"value","id":1,"value":{}}']));
  socket.close();
  await vi.waitFor(() => expect(closedPages).toBe(1));
});

test('an oversized message ends the connection, not the console', async () => {
  const socket = await connected();
  const code = new Promise((resolve) => socket.on('close', resolve));
  socket.send('x'.repeat(MAX_PAGE_MESSAGE + 1));
  expect(await code).toBe(1009);
  expect(received).toEqual([]);
  await vi.waitFor(() => expect(closedPages).toBe(1));
  expect((await get('/')).status).toBe(403);
});
