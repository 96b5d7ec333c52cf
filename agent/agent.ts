import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { ConsoleDesk } from './console/console-desk.ts';
import { ConsoleWitnesses } from './console/console-witnesses.ts';
import { LiveState } from './console/live-state.ts';
import type { Stage } from './drill/stage.ts';
import type { Guard } from './guard/guard.ts';
import type { Hypervisor } from './hypervisor/hypervisor.ts';
import { IdentityStore } from './identity/identity.ts';
import { openAuditLog } from './journal/audit.ts';
import { createPairs } from './pairs/pairs.ts';
import type { PairsService } from './pairs/service.ts';
import { PeerMesh } from './peers/peer-mesh.ts';
import { certificateEnds } from './peers/trust.ts';
import type { Clock, Log } from './ports.ts';
import type { HostFacts, HostLoad, HostRole } from './protocol/index.ts';
import type { CoordinatedHost } from './replication/coordinated/host.ts';
import type { Pace } from './replication/pace.ts';
import type { ReplicaSource, ReplicaTarget } from './replication/replication.ts';
import { realTransports } from './telling/real-transports.ts';
import { Telling } from './telling/telling.ts';
import type { Transports } from './telling/transports.ts';

export interface AgentOptions {
  /** Everything this agent remembers lies here; made when it is missing. */
  stateDir: string;
  version: string;
  clock: Clock;
  log: Log;
  hypervisor: Hypervisor;
  source: ReplicaSource;
  target: ReplicaTarget;
  guard: Guard;
  /** How fast copies are sent from here; `source` asks the same one. None where nothing is copied. */
  pace?: Pace;
  /** Where copies are tried out; none on a witness. */
  stage?: Stage;
  /** What this host does for copies that somebody else keeps; none on a witness. */
  coordinated?: CoordinatedHost;
  facts(): Promise<HostFacts>;
  load(): Promise<HostLoad>;
  /** Where the other members reach this one; without `host` on all addresses, port 0: any free one. */
  peerListen: { host?: string; port: number };
  /** What this host is for until enrolment says it. */
  role: HostRole;
  /** Where rooms outside already hold the identity; otherwise it is opened from `stateDir`. Loaded by `start`. */
  identity?: IdentityStore;
  /** How it tells people; left out: by mail and webhook. */
  transports?: Transports;
  /** True while the host is shutting down. */
  hostStopping?(): Promise<boolean>;
}

/** One host's agent; many can live in one process. */
export interface Agent {
  /** Resolves once consoles can attach and other members are dialled. */
  start(): Promise<void>;
  /** `inOrder` false: its host lost power, so nobody is told. */
  stop(inOrder?: boolean): Promise<void>;
  /** Serves a console on this stream (a connection to the agent's socket); hangs up unless started. */
  attachConsole(stream: Duplex): void;
  /** TCP port on which other members reach this one; 0 until enrolled. */
  readonly peerPort: number;
}

export function createAgent(options: AgentOptions): Agent {
  let rooms: Rooms | null = null;
  return {
    async start() {
      const wired = wire(options, await options.facts());
      await startInOrder(options, wired);
      rooms = wired;
    },
    async stop(inOrder = true) {
      const started = rooms;
      rooms = null;
      if (started !== null) await stopAll(options, started, inOrder);
    },
    attachConsole(stream) {
      if (rooms === null) stream.destroy();
      else rooms.desk.attach(stream);
    },
    get peerPort() {
      return rooms?.peers.port ?? 0;
    },
  };
}

interface Rooms {
  identity: IdentityStore;
  peers: PeerMesh;
  pairs: PairsService;
  live: LiveState;
  telling: Telling;
  desk: ConsoleDesk;
}

function wire(options: AgentOptions, facts: HostFacts): Rooms {
  const { stateDir, version, clock, log, hypervisor, peerListen: listen } = options;
  const { bootId, hostname } = facts;
  const audit = openAuditLog(join(stateDir, 'audit.log'), clock, log);
  const identity = options.identity ?? new IdentityStore({ stateDir, clock, log });
  const peers = new PeerMesh({ stateDir, listen, version, bootId, clock, log, identity });
  const self = {
    selfHostId: () => identity.current?.hostId ?? null,
    selfName: () => identity.current?.name ?? hostname,
    certificateEnds: () =>
      identity.current === null ? null : certificateEnds(identity.current.certificate, clock.now()),
  };
  const witnesses = new ConsoleWitnesses(peers, clock);
  const pairs = createPairs({ ...options, ...self, bootId, audit, peers: witnesses });
  const telling = new Telling({
    ...options,
    audit,
    pairs,
    peers,
    transports: options.transports ?? realTransports,
    self: () => identity.current,
  });
  const rooms = { identity, peers, pairs, audit, telling };
  const { pace } = options;
  const told = async (): Promise<HostFacts> => ({
    ...(await options.facts()),
    ...(pace ? { copyLimit: pace.view } : {}),
    telling: telling.brief,
  });
  const live = new LiveState({ ...options, ...rooms, facts: told }, facts);
  const desk = new ConsoleDesk({
    ...options,
    ...rooms,
    witnesses,
    live,
    bootId,
    hypervisor: hypervisor.kind,
  });
  return { ...rooms, live, desk };
}

/**
 * Guests and mirrors are found out about while the leases already go on: a hypervisor that is slow to answer, or the
 * monitor of a frozen guest, must not freeze the other machines of the host.
 */
async function startInOrder(
  { hypervisor, source, target, guard, pace }: AgentOptions,
  rooms: Rooms,
): Promise<void> {
  await rooms.identity.load();
  await pace?.start();
  await guard.start();
  const ready = hypervisor.start().then(() => Promise.all([source.start(), target.start()]));
  rooms.peers.serve({ ...rooms.pairs.peerHandlers, ...rooms.telling.peerHandlers });
  await rooms.peers.start();
  await rooms.pairs.start(ready);
  await rooms.telling.start();
  rooms.live.start();
}

async function stopAll(
  { hypervisor, source, target, guard, pace }: AgentOptions,
  rooms: Rooms,
  inOrder: boolean,
): Promise<void> {
  rooms.desk.close();
  rooms.live.stop();
  pace?.stop();
  await rooms.telling.stop();
  await rooms.pairs.stop(inOrder);
  await rooms.peers.stop();
  await Promise.all([source.stop(), target.stop()]);
  await hypervisor.stop();
  guard.stop();
}
