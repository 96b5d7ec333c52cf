import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ToPage } from '../contract/index.ts';
import { type Door, openDoor } from './door.ts';
import { knock } from './knock.ts';
import { doorOf } from './place.ts';

let folder = '';
let door: Door | null = null;
let received: unknown[] = [];
let closed = 0;
const lines: string[] = [];

/** A core that answers every message with an event. */
const core = {
  connect: (send: (message: ToPage) => void) => ({
    receive(message: unknown) {
      received.push(message);
      send({ t: 'event', event: 'app', data: 'heard' });
    },
    close: () => closed++,
  }),
};

beforeEach(() => {
  [received, closed] = [[], 0];
  folder = mkdtempSync(join(tmpdir(), 'understudy-door-'));
});
afterEach(async () => {
  await door?.close();
  door = null;
  rmSync(folder, { recursive: true });
});

const open = async () => {
  door = await openDoor(core, folder, (line) => lines.push(line));
};

test('messages go both ways, and only this person may knock', async () => {
  await open();
  const heard: unknown[] = [];
  let lost = false;
  const knocked = await knock(folder, {
    onMessage: (message) => heard.push(message),
    onLost: () => {
      lost = true;
    },
  });
  knocked?.post({ t: 'call', id: 1, method: 'app.info', params: {} });
  await expect.poll(() => heard).toEqual([{ t: 'event', event: 'app', data: 'heard' }]);
  expect(received).toEqual([{ t: 'call', id: 1, method: 'app.info', params: {} }]);
  expect(statSync(doorOf(folder, process.platform) ?? '').mode & 0o777).toBe(0o600);
  await door?.close();
  await expect.poll(() => [lost, closed]).toEqual([true, 1]);
});

test('nobody is there, or what is there was left over', async () => {
  const events = { onMessage: () => undefined, onLost: () => undefined };
  expect(await knock(folder, events)).toBeNull();
  writeFileSync(join(folder, 'console.sock'), 'of a console that was killed');
  expect(await knock(folder, events)).toBeNull();
  await open();
  const knocked = await knock(folder, events);
  expect(knocked).not.toBeNull();
  knocked?.close();
});

test('a path too long for a socket is told, and the console goes on', async () => {
  const deep = join(folder, 'x'.repeat(100));
  expect(await openDoor(core, deep, (line) => lines.push(line))).toBeNull();
  expect(lines.at(-1)).toContain('too long');
  expect(await knock(deep, { onMessage: () => undefined, onLost: () => undefined })).toBeNull();
});

test('every folder has a door of its own on Windows too', () => {
  expect(doorOf('/a', 'win32')).toMatch(/^\\\\\.\\pipe\\understudy-[0-9a-f]{32}$/);
  expect(doorOf('/a', 'win32')).not.toBe(doorOf('/b', 'win32'));
});
