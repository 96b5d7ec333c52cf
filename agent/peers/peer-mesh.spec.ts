import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { makeFleetCa } from '../testing/fleet-ca.ts';
import { PeerMesh } from './peer-mesh.ts';
import {
  cleanUp,
  enrol,
  handlers,
  later,
  member,
  pair,
  peer,
  quick,
  sees,
  until,
  wireTo,
} from './testing/members.ts';

afterEach(cleanUp);

test('members see and ask each other; a host does not count itself', async () => {
  const [atlas] = await pair();
  expect(atlas.mesh.list().map((entry) => entry.hostId)).toEqual(['boreas']);
  const vmUuid = '3f1c9c1e-6f0a-4b5e-9d57-0d0c5a1b2c3d';
  const state = await atlas.mesh.to('boreas').call('vm.state', { vmUuid });
  expect(state).toEqual({ ok: true, value: { state: 'running' } });
  expect(await atlas.mesh.to('nemo').call('vm.state', { vmUuid })).toMatchObject({
    problem: { kind: 'peer-unknown' },
  });
});

test('a member that goes is seen to go, and seen again when it is back, its list still known', async () => {
  const [atlas, boreas] = await pair();
  const seen: boolean[] = [];
  atlas.mesh.onSight((sight) => seen.push(sight.reachable));
  await boreas.mesh.stop();
  await sees(atlas, 'boreas', false);
  const gone = await atlas.mesh.to('boreas').call('record.read', { pairId: 'p' });
  expect(gone).toMatchObject({ problem: { kind: 'peer-unreachable' } });
  await boreas.restart();
  await Promise.all([sees(atlas, 'boreas', true), sees(boreas, 'atlas', true)]);
  expect(seen).toEqual([false, true]);
});

test('a member that hangs is seen to be gone within about 3 s, and back as soon as it answers', async () => {
  const [atlas, boreas] = await pair();
  const wire = await wireTo(boreas.mesh.port);
  await atlas.mesh.setPeers([{ ...peer('boreas', boreas), port: wire.port }]);
  await sees(atlas, 'boreas', true);
  const frozenAt = Date.now();
  wire.freeze();
  await sees(atlas, 'boreas', false);
  expect(Date.now() - frozenAt).toBeLessThan(5000);
  wire.thaw();
  await sees(atlas, 'boreas', true);
});

test('a new certificate is used without a restart, and a member struck off the list is shut out', async () => {
  const [atlas, boreas] = await pair();
  const newCa = await makeFleetCa('fleet-1');
  for (const [hostId, of] of [
    ['atlas', atlas],
    ['boreas', boreas],
  ] as const) {
    await enrol(of.identity, hostId, { ca: newCa });
    expect(await of.mesh.renew()).toMatchObject({ ok: true });
  }
  await Promise.all([sees(atlas, 'boreas', true), sees(boreas, 'atlas', true)]);
  await atlas.mesh.setPeers([]);
  await sees(boreas, 'atlas', false);
});

test('a port that is taken is told, and opened once it is free', async () => {
  const [atlas, boreas, ca] = await pair();
  await boreas.mesh.stop();
  const squatter = connect(atlas.mesh.port, '127.0.0.1');
  squatter.on('error', () => undefined);
  const cetus = await member('cetus', { ca });
  await cetus.mesh.stop();
  const late = new PeerMesh({
    stateDir: cetus.stateDir,
    listen: { host: '127.0.0.1', port: atlas.mesh.port },
    version: '1',
    bootId: 'b',
    clock: quick,
    log: (_level, text) => void cetus.lines.push(text),
    identity: cetus.identity,
  });
  late.serve(handlers);
  await late.start();
  later(() => late.stop());
  expect(late.port).toBe(0);
  expect(cetus.lines.join()).toContain('cannot be opened');
  await atlas.mesh.stop();
  await until(() => late.port !== 0);
});

test('a member sends bytes under a topic; nobody waiting for them, it is hung up on', async () => {
  const [atlas, boreas] = await pair();
  const refused = await atlas.mesh.openStream('boreas', 'memory p1 t1');
  if (!refused.ok) throw new Error(refused.problem.message);
  refused.value.resume();
  await new Promise((resolve) => refused.value.once('close', resolve));

  const sent = randomBytes(3_000_000);
  const received = new Promise<[string, string, Buffer]>((resolve) => {
    boreas.mesh.onStream((from, topic, stream) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.once('end', () => resolve([from, topic, Buffer.concat(chunks)]));
    });
  });
  const opened = await atlas.mesh.openStream('boreas', 'memory p1 t2');
  if (!opened.ok) throw new Error(opened.problem.message);
  opened.value.end(sent);
  const [from, topic, bytes] = await received;
  expect([from, topic]).toEqual(['atlas', 'memory p1 t2']);
  expect(bytes.equals(sent)).toBe(true);
  // The members' own link is another one, and lives.
  expect(
    await atlas.mesh.to('boreas').call('vm.state', { vmUuid: '3f1c9c1e-6f0a-4b5e-9d57-0d0c5a1b2c3d' }),
  ).toMatchObject({ ok: true });
});
