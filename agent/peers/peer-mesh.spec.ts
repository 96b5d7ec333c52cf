import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import { IdentityStore } from '../identity/identity.ts';
import type { Clock } from '../ports.ts';
import type { Peer } from '../protocol/index.ts';
import { systemClock } from '../system-clock.ts';
import { makeFleetCa, type TestCa } from '../testing/fleet-ca.ts';
import { type PeerHandlers, PeerMesh } from './peer-mesh.ts';

/** Pauses between attempts and greetings twenty times shorter; deadlines of calls stay as they are. */
const quick: Clock = { ...systemClock, setTimeout: (run, ms) => systemClock.setTimeout(run, ms / 20) };

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const never = () => Promise.reject(new Error('not asked in this spec'));
const handlers: PeerHandlers = {
  'record.read': async () => ({ record: null, spec: null, quarantined: false }),
  'spec.offer': never,
  'record.keep': never,
  'vm.state': async () => ({ state: 'running' }),
  'standby.check': never,
  'standby.fix': never,
  'standby.prepare': never,
  'move.check': never,
  'move.receive': never,
  'move.drained': never,
  'move.refuse': never,
  'move.return': never,
  'pair.forget': never,
};

interface Member {
  mesh: PeerMesh;
  identity: IdentityStore;
  stateDir: string;
  lines: string[];
  restart(): Promise<void>;
}

interface MemberOptions {
  ca: TestCa;
  trusted?: TestCa[];
  fleetId?: string;
  notAfter?: Date;
}

async function member(hostId: string, options: MemberOptions): Promise<Member> {
  const stateDir = await mkdtemp(join(tmpdir(), 'understudy-peers-'));
  const lines: string[] = [];
  const log = (_level: string, text: string) => void lines.push(text);
  // An expired certificate is refused at enrolment, so these hosts enrol in the past.
  const past = { ...quick, now: () => Date.now() - 3_600_000 };
  const identity = new IdentityStore({ stateDir, clock: past, log });
  await enrol(identity, hostId, options);
  let port = 0;
  const open = () =>
    new PeerMesh({
      stateDir,
      listen: { host: '127.0.0.1', port },
      version: '1',
      bootId: `boot-of-${hostId}`,
      clock: quick,
      log,
      identity,
    });
  const start = async (mesh: PeerMesh) => {
    mesh.serve(handlers);
    await mesh.start();
    port = mesh.port;
    return mesh;
  };
  const result: Member = {
    mesh: await start(open()),
    identity,
    stateDir,
    lines,
    async restart() {
      result.mesh = await start(open());
    },
  };
  cleanups.push(async () => {
    await result.mesh.stop();
    await rm(stateDir, { recursive: true, force: true });
  });
  return result;
}

async function enrol(identity: IdentityStore, hostId: string, options: MemberOptions): Promise<void> {
  const fleetId = options.fleetId ?? 'fleet-1';
  const csr = await identity.certificateRequest(hostId, fleetId);
  const { notAfter } = options;
  const certificate = await options.ca.issue(csr, { hostId, fleetId, ...(notAfter ? { notAfter } : {}) });
  const trustedCas = [options.ca, ...(options.trusted ?? [])].map((ca) => ca.certificate);
  const enrolled = await identity.enrol({
    hostId,
    fleetId,
    name: hostId,
    role: 'hypervisor',
    certificate,
    trustedCas,
  });
  expect(enrolled).toEqual({ ok: true, value: undefined });
}

const peer = (hostId: string, of: Member): Peer => ({
  hostId,
  name: hostId,
  address: '127.0.0.1',
  port: of.mesh.port,
  replicationPort: 7421,
  role: 'hypervisor',
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const sees = (from: Member, hostId: string, reachable: boolean) =>
  until(() => from.mesh.sight(hostId)?.reachable === reachable);

async function pair(): Promise<[Member, Member, TestCa]> {
  const ca = await makeFleetCa('fleet-1');
  const atlas = await member('atlas', { ca });
  const boreas = await member('boreas', { ca });
  await atlas.mesh.setPeers([peer('atlas', atlas), peer('boreas', boreas)]);
  await boreas.mesh.setPeers([peer('atlas', atlas)]);
  await Promise.all([sees(atlas, 'boreas', true), sees(boreas, 'atlas', true)]);
  return [atlas, boreas, ca];
}

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

/** A relay that can stop passing anything on, as a host does that hangs. */
async function wireTo(port: number) {
  const sockets = new Set<Socket>();
  let frozen = false;
  const relay = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', (data: Buffer) => to.write(data));
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
      if (frozen) from.pause();
    }
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
    relay.close();
  });
  const setFrozen = (value: boolean) => {
    frozen = value;
    for (const socket of sockets) value ? socket.pause() : socket.resume();
  };
  const { port: relayPort } = relay.address() as AddressInfo;
  return { port: relayPort, freeze: () => setFrozen(true), thaw: () => setFrozen(false) };
}

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
  cleanups.push(() => late.stop());
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
