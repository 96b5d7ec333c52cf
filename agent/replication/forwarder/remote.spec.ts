import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeGreeting, encodeOptionReply, Option, Reply } from './nbd-wire.ts';
import { openRemote } from './remote.ts';

/** What listens in the standby's place; the good case is tried on a real storage daemon (test/integration). */
async function listen(speak: (socket: net.Socket) => void): Promise<{ port: number; close(): void }> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    speak(socket);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('not listening');
  return {
    port: address.port,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

describe('the way to the standby', () => {
  let directory: string;
  const files = () => ({
    key: join(directory, 'key'),
    cert: join(directory, 'cert'),
    ca: join(directory, 'ca'),
  });
  const open = (port: number) =>
    openRemote({ host: '127.0.0.1', port, serverName: 'host-b' }, 'pair-1.vda', files());

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'understudy-remote-'));
    for (const path of Object.values(files())) writeFileSync(path, '');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it.each<[string, Buffer]>([
    ['another protocol', Buffer.from('SSH-2.0-OpenSSH_9.2p1 Debian\r\n')],
    ['an older NBD', Buffer.concat([encodeGreeting().subarray(0, 16), Buffer.from([0, 0])])],
    [
      'an NBD that refuses TLS',
      Buffer.concat([encodeGreeting(), encodeOptionReply(Option.startTls, Reply.policy)]),
    ],
    [
      'an answer to something else',
      Buffer.concat([encodeGreeting(), encodeOptionReply(Option.go, Reply.ack)]),
    ],
    [
      'an NBD that goes on without TLS',
      Buffer.concat([
        encodeGreeting(),
        encodeOptionReply(Option.startTls, Reply.ack),
        Buffer.from('plain text'),
      ]),
    ],
  ])('refuses %s', async (_what, words) => {
    const standby = await listen((socket) => socket.write(words));
    expect(await open(standby.port)).toMatchObject({ ok: false, problem: { kind: 'replication-refused' } });
    standby.close();
  });

  it('tells a closed port from a refusal, naming address and port', async () => {
    const standby = await listen(() => undefined);
    standby.close();
    expect(await open(standby.port)).toMatchObject({
      ok: false,
      problem: {
        kind: 'standby-unreachable',
        message: expect.stringContaining(`127.0.0.1, port ${standby.port}`),
      },
    });
  });

  it('says when this host has no certificate', async () => {
    rmSync(files().cert);
    expect(await open(1)).toMatchObject({ ok: false, problem: { kind: 'certificate-unreadable' } });
  });

  it('says when the connection ends in the middle', async () => {
    const standby = await listen((socket) => socket.end(encodeGreeting().subarray(0, 9)));
    expect(await open(standby.port)).toMatchObject({ ok: false, problem: { kind: 'replication-refused' } });
    standby.close();
  });
});
