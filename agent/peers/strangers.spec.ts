import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import { makeFleetCa } from '../testing/fleet-ca.ts';
import { cleanUp, member, pair, peer, sees, until } from './testing/members.ts';

/** Who is let in as a member, and who is not. */
afterEach(cleanUp);

test('a certificate of another CA, of another fleet, or of one who is no member gets nowhere', async () => {
  const ca = await makeFleetCa('fleet-1');
  const foreignCa = await makeFleetCa('fleet-1');
  const atlas = await member('atlas', { ca });
  const strangers = {
    foreign: await member('foreign', { ca: foreignCa, trusted: [ca] }),
    elsewhere: await member('elsewhere', { ca, fleetId: 'fleet-2' }),
    expired: await member('expired', { ca, notAfter: new Date(Date.now() - 60_000) }),
    unlisted: await member('unlisted', { ca }),
  };
  const listed = ['foreign', 'elsewhere'] as const;
  await atlas.mesh.setPeers(listed.map((name) => peer(name, strangers[name])));
  for (const stranger of Object.values(strangers)) await stranger.mesh.setPeers([peer('atlas', atlas)]);
  await until(() => atlas.lines.some((line) => line.includes('refused')));
  for (const stranger of Object.values(strangers)) {
    const answer = await stranger.mesh.to('atlas').call('record.read', { pairId: 'p' });
    expect(answer).toMatchObject({ problem: { kind: 'peer-unreachable' } });
  }
  expect(atlas.mesh.sights().filter((sight) => sight.reachable)).toEqual([]);
  // All of them came from one address: one line a minute.
  expect(atlas.lines.filter((line) => line.includes('refused'))).toHaveLength(1);
});

test('a member stays one when its certificate is past its time: the list of members says who is', async () => {
  const ca = await makeFleetCa('fleet-1');
  const atlas = await member('atlas', { ca });
  const boreas = await member('boreas', { ca, notAfter: new Date(Date.now() - 60_000) });
  await atlas.mesh.setPeers([peer('boreas', boreas)]);
  await boreas.mesh.setPeers([peer('atlas', atlas)]);
  await sees(atlas, 'boreas', true);
  await sees(boreas, 'atlas', true);
  await atlas.mesh.setPeers([]);
  await sees(boreas, 'atlas', false);
});

test('one who answers in the place of a member, with a good certificate of its own, is not believed', async () => {
  const [atlas, boreas, ca] = await pair();
  const cetus = await member('cetus', { ca });
  await cetus.mesh.setPeers([peer('atlas', atlas)]);
  await atlas.mesh.setPeers([peer('boreas', cetus)]);
  await sees(boreas, 'atlas', true);
  const answer = await atlas.mesh.to('boreas').call('record.read', { pairId: 'p' });
  expect(answer).toMatchObject({ problem: { kind: 'peer-unreachable' } });
  expect(atlas.mesh.sight('boreas')?.reachable).toBe(false);
});

test('strangers without TLS, with TLS but no certificate, and floods do not keep members out', async () => {
  const [atlas, boreas] = await pair();
  const { port } = atlas.mesh;
  const flood = Array.from({ length: 60 }, () => connect(port, '127.0.0.1'));
  for (const socket of flood) socket.on('error', () => undefined);
  await until(() => atlas.lines.some((line) => line.includes('too many')));
  for (const socket of flood) socket.destroy();

  const bare = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  bare.on('error', () => undefined);
  const closed = new Promise((resolve) => bare.once('close', resolve));
  const heard: Buffer[] = [];
  bare.on('data', (data: Buffer) => heard.push(data));
  const body = '{"jsonrpc":"2.0","id":1,"method":"peer.hello","params":{"hostId":"boreas","bootId":""}}';
  bare.write(`Content-Length: ${body.length}\r\n\r\n${body}`);
  await closed;
  expect(Buffer.concat(heard).toString()).toBe('');

  await boreas.mesh.stop();
  await boreas.restart();
  await sees(boreas, 'atlas', true);
});
