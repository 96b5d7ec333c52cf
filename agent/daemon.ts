import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Agent, createAgent } from './agent.ts';
import { serveConsoles } from './console/console-socket.ts';
import { createLinuxStage } from './drill/linux/linux-stage.ts';
import { createHostGuard } from './guard/host-guard.ts';
import { createNoGuard } from './guard/no-guard.ts';
import { hostClock } from './host/clock.ts';
import { readHostFacts } from './host/facts.ts';
import { loadReader } from './host/load.ts';
import { machineMark } from './host/machine.ts';
import type { Hypervisor } from './hypervisor/hypervisor.ts';
import { LibvirtHypervisor } from './hypervisor/libvirt/libvirt-hypervisor.ts';
import { NoHypervisor } from './hypervisor/none.ts';
import { IdentityStore } from './identity/identity.ts';
import type { Clock, Log } from './ports.ts';
import { ok, type Result } from './protocol/index.ts';
import { Attenders } from './replication/coordinated/attenders.ts';
import { linuxCoordinatedHost } from './replication/coordinated/linux-host.ts';
import { copierProcesses } from './replication/copier/helper.ts';
import { Followers } from './replication/follow/index.ts';
import { createMirrorSource } from './replication/mirror/index.ts';
import { Pace } from './replication/pace.ts';
import { systemdServices } from './replication/services.ts';
import { createReplicaSource } from './replication/source.ts';
import { createStorageDaemonTarget } from './replication/storage-daemon/index.ts';

export interface DaemonConfig {
  version: string;
  /** Durable state, root's alone. */
  stateDir: string;
  /** Sockets, on tmpfs. */
  runDir: string;
  peerPort: number;
  replicationPort: number;
}

/** What only exists where a libvirt that runs QEMU is installed (libvirtd, or the modular daemons). */
const LIBVIRT_PROGRAMS = ['/usr/sbin/libvirtd', '/usr/sbin/virtqemud'];

/** The agent of a real host, started; resolves with what stops it. */
export async function runAgent(config: DaemonConfig, log: Log): Promise<Result<() => Promise<void>>> {
  const { stateDir, runDir } = config;
  const clock = hostClock();
  const identity = new IdentityStore({ stateDir, clock, log, machine: machineMark() });
  await identity.load();
  const agent = assemble(config, identity, clock, log);
  await agent.start();
  const served = await serveConsoles(
    join(runDir, 'agent.sock'),
    (stream) => agent.attachConsole(stream),
    log,
  );
  if (!served.ok) {
    await agent.stop();
    return served;
  }
  return ok(async () => {
    served.value.close();
    await agent.stop();
  });
}

function assemble(config: DaemonConfig, identity: IdentityStore, clock: Clock, log: Log): Agent {
  const { version, stateDir, runDir, peerPort, replicationPort } = config;
  const hypervisor = chooseHypervisor(identity, clock, log);
  const folder = join(stateDir, 'tls');
  const tls = { key: join(folder, 'host.key'), cert: join(folder, 'host.crt'), ca: join(folder, 'ca.crt') };
  // The agent's own file carries the copier too.
  const pace = new Pace({ stateDir, clock, log });
  const copiers = copierProcesses(process.argv[1] ?? '', log, pace);
  const sending = {
    hypervisor,
    stateDir,
    clock,
    log,
    copiers,
    tls,
  };
  return createAgent({
    stateDir,
    version,
    clock,
    log,
    identity,
    hypervisor,
    source: createReplicaSource(
      createMirrorSource({
        ...sending,
        services: systemdServices,
        forwarderSocket: join(runDir, 'forwarder.sock'),
        pace,
      }),
      new Followers(sending),
      new Attenders({ clock, guestLives: (uuid) => livesIn(hypervisor, uuid) }),
    ),
    target: createStorageDaemonTarget({
      // Both may change while it runs: the host is enrolled, or renamed.
      get hostId() {
        return identity.current?.hostId ?? '';
      },
      get hostName() {
        return identity.current?.name ?? 'this host';
      },
      socketPath: join(runDir, 'storage.sock'),
      tlsDir: join(folder, 'qemu'),
      listenHost: '',
      port: replicationPort,
      heartbeatImage: join(stateDir, 'heartbeat.img'),
      services: systemdServices,
      log,
      copiers,
      digestDir: join(stateDir, 'digests'),
      pointsDir: join(stateDir, 'points'),
      uncleanDir: join(stateDir, 'unclean'),
      tls,
    }),
    ...(hypervisor.kind === 'none' ? {} : { pace }),
    guard: hypervisor.kind === 'none' ? createNoGuard() : createHostGuard({ runDir, stateDir, clock, log }),
    ...(hypervisor.kind === 'none'
      ? {}
      : {
          stage: createLinuxStage({
            stateDir,
            runDir,
            hostName: () => identity.current?.name ?? 'this host',
            self: [process.execPath, ...process.argv.slice(1, 2)],
          }),
          coordinated: linuxCoordinatedHost(() => identity.current?.name ?? 'this host'),
        }),
    facts: () => readHostFacts(hypervisor),
    load: loadReader(clock),
    peerListen: { port: peerPort },
    role: hypervisor.kind === 'none' ? 'witness' : 'hypervisor',
    hostStopping,
  });
}

function chooseHypervisor(identity: IdentityStore, clock: Clock, log: Log): Hypervisor {
  const runsGuests =
    identity.current?.role !== 'witness' && LIBVIRT_PROGRAMS.some((path) => existsSync(path));
  return runsGuests ? new LibvirtHypervisor({ clock, log }) : new NoHypervisor();
}

/** States in which a guest's process exists. */
const livesIn = (hypervisor: Hypervisor, uuid: string): boolean =>
  ['running', 'paused', 'shutting-down'].includes(
    hypervisor.list().find((vm) => vm.uuid === uuid)?.state ?? '',
  );

/** systemctl(1): `stopping` from the moment a shutdown, reboot or halt was ordered. */
function hostStopping(): Promise<boolean> {
  return new Promise((resolve) => {
    execFile('systemctl', ['is-system-running'], { timeout: 2000 }, (_error, stdout) => {
      resolve(stdout.trim() === 'stopping');
    });
  });
}
