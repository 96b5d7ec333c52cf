import { mkdtempSync, rmSync, statSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fail, ok } from '../../protocol/index.ts';
import { readJsonLines, writeJsonLine } from '../json-lines.ts';
import { soon } from '../soon.spec-kit.ts';
import { type GroupStatus, MAX_LINE_BYTES } from './control-protocol.ts';
import { type ControlServer, serveControl } from './control-server.ts';

const STATUS: GroupStatus = { group: 'pair-1', state: 'up', reason: null, clean: false, disks: [] };

describe("the forwarder's control socket", () => {
  let directory: string;
  let server: ControlServer;
  const handle = vi.fn();
  const path = () => join(directory, 'run', 'forwarder.sock');

  async function client() {
    const socket = net.connect({ path: path() });
    const messages: unknown[] = [];
    const closed = new Promise((done) => socket.once('close', done));
    socket.on('error', () => undefined);
    await new Promise((done) => socket.once('connect', done));
    readJsonLines(socket, MAX_LINE_BYTES, (value) => messages.push(value));
    return { socket, messages, closed };
  }

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'understudy-control-'));
    handle.mockReset().mockResolvedValue(ok([STATUS]));
    server = await serveControl(path(), handle, () => undefined);
  });
  afterEach(async () => {
    await server.close();
    rmSync(directory, { recursive: true });
  });

  it('answers by id, and tells everybody of changes', async () => {
    const [one, two] = [await client(), await client()];
    writeJsonLine(one.socket, { id: 7, c: 'status' });
    await soon(() => expect(one.messages).toEqual([{ id: 7, ok: true, groups: [STATUS] }]));
    server.tell({ ...STATUS, state: 'held' });
    await soon(() =>
      expect(two.messages).toEqual([{ event: 'group', status: { ...STATUS, state: 'held' } }]),
    );
  });

  it('tells why not, and survives its own bugs', async () => {
    const { socket, messages } = await client();
    handle.mockResolvedValueOnce(fail({ kind: 'not-held', message: 'm', next: 'n' }));
    writeJsonLine(socket, { id: 1, c: 'resume', group: 'pair-1' });
    await soon(() => expect(messages).toHaveLength(1));
    expect(messages[0]).toMatchObject({ id: 1, ok: false, problem: { kind: 'not-held' } });
    handle.mockRejectedValueOnce(new Error('a bug'));
    writeJsonLine(socket, { id: 2, c: 'status' });
    await soon(() =>
      expect(messages[1]).toMatchObject({ id: 2, ok: false, problem: { kind: 'unexpected' } }),
    );
  });

  it.each([
    ['an unknown command', { id: 1, c: 'format-the-disk' }],
    ['no id', { c: 'status' }],
    ['a group that is no pair', { id: 1, c: 'release', group: '../../etc/passwd' }],
    [
      'a socket that is no path',
      { id: 1, c: 'open', order: { group: 'p', disks: [{ name: 'vda', socket: 'x' }] } },
    ],
    ['a deadline that holds nothing', { id: 1, c: 'deadline', group: 'p', deadlineMs: -1 }],
  ])('drops a client that sends %s', async (_what, request) => {
    const { socket, closed } = await client();
    writeJsonLine(socket, request);
    await closed;
    expect(handle).not.toHaveBeenCalled();
  });

  it('drops a client whose line does not end', async () => {
    const { socket, closed } = await client();
    socket.write('x'.repeat(MAX_LINE_BYTES + 1));
    await closed;
    expect(handle).not.toHaveBeenCalled();
  });

  it("is its owner's alone, and takes the place of a crashed one's socket", async () => {
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    const second = await serveControl(path(), handle, () => undefined);
    const { socket, messages } = await client();
    writeJsonLine(socket, { id: 1, c: 'status' });
    await soon(() => expect(messages).toHaveLength(1));
    socket.destroy();
    await second.close();
  });
});
