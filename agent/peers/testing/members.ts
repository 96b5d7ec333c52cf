import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IdentityStore } from '../../identity/identity.ts';
import type { Clock } from '../../ports.ts';
import type { Peer } from '../../protocol/index.ts';
import { systemClock } from '../../system-clock.ts';
import { makeFleetCa, type TestCa } from '../../testing/fleet-ca.ts';
import { type PeerHandlers, PeerMesh } from '../peer-mesh.ts';

/** Pauses between attempts and greetings twenty times shorter; deadlines of calls stay as they are. */
export const quick: Clock = { ...systemClock, setTimeout: (run, ms) => systemClock.setTimeout(run, ms / 20) };

const cleanups: (() => Promise<unknown>)[] = [];

/** Runs after the spec that is under way, last first. */
export const later = (cleanup: () => Promise<unknown>): void => void cleanups.push(cleanup);

/** After each spec. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

const never = () => Promise.reject(new Error('not asked in this spec'));
export const handlers: PeerHandlers = {
  'record.read': async () => ({ record: null, spec: null, quarantined: false }),
  'spec.offer': never,
  'record.keep': never,
  'vm.state': async () => ({ state: 'running' }),
  'standby.check': never,
  'standby.fix': never,
  'standby.prepare': never,
  'standby.compare': never,
  'standby.attend': never,
  'shared.see': never,
  'external.state': never,
  'external.check': never,
  'points.list': never,
  'points.begin': never,
  'points.compare': never,
  'points.seal': never,
  'standby.verify': never,
  'standby.verified': never,
  'standby.verifyEnd': never,
  'copy.touched': never,
  'owner.yield': never,
  'move.check': never,
  'move.receive': never,
  'move.drained': never,
  'move.refuse': never,
  'move.return': never,
  'telling.offer': never,
  'telling.told': never,
  'telling.relay': never,
  'pair.forget': never,
};

export interface Member {
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

export async function member(hostId: string, options: MemberOptions): Promise<Member> {
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
  later(async () => {
    await result.mesh.stop();
    await rm(stateDir, { recursive: true, force: true });
  });
  return result;
}

export async function enrol(identity: IdentityStore, hostId: string, options: MemberOptions): Promise<void> {
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
  if (!enrolled.ok) throw new Error(enrolled.problem.message);
}

export const peer = (hostId: string, of: Member): Peer => ({
  hostId,
  name: hostId,
  address: '127.0.0.1',
  port: of.mesh.port,
  replicationPort: 7421,
  role: 'hypervisor',
});

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

export const sees = (from: Member, hostId: string, reachable: boolean) =>
  until(() => from.mesh.sight(hostId)?.reachable === reachable);

/** atlas and boreas, who see each other. */
export async function pair(): Promise<[Member, Member, TestCa]> {
  const ca = await makeFleetCa('fleet-1');
  const atlas = await member('atlas', { ca });
  const boreas = await member('boreas', { ca });
  await atlas.mesh.setPeers([peer('atlas', atlas), peer('boreas', boreas)]);
  await boreas.mesh.setPeers([peer('atlas', atlas)]);
  await Promise.all([sees(atlas, 'boreas', true), sees(boreas, 'atlas', true)]);
  return [atlas, boreas, ca];
}

/** A relay that can stop passing anything on, as a host does that hangs. */
export async function wireTo(port: number) {
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
  later(async () => {
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
