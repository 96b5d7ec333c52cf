import { fillVolume, freeVolume, type Volume } from '../lab/faults-disk.ts';
import { type Service, serviceProcess, signal } from '../lab/host-processes.ts';
import { waitFor } from '../lab/run.ts';
import { type Kind, nothingToUndo, type Roles, type Scene, type Undo } from './scene.ts';

/** What happens to single processes, to disks, and by an admin's hand. */

async function killService(scene: Scene, host: string, service: Service): Promise<Undo | null> {
  const found = await serviceProcess(scene.fleet.lab, host, service);
  if (!found) return null;
  signal(found.pid, 'SIGKILL');
  return nothingToUndo;
}

async function hangService(scene: Scene, host: string, service: Service): Promise<Undo | null> {
  const found = await serviceProcess(scene.fleet.lab, host, service);
  if (!found?.executes) return null;
  signal(found.pid, 'SIGSTOP');
  return async () => signal(found.pid, 'SIGCONT');
}

async function killQemu(scene: Scene, { owner, machine }: Roles): Promise<Undo | null> {
  const found = await scene.fleet.guestOn(owner, machine);
  if (!found) return null;
  signal(found.pid, 'SIGKILL');
  return nothingToUndo;
}

/** Stopped by somebody else than the guard; continued by him, unless it has ended meanwhile. */
async function hangQemu(scene: Scene, { owner, machine }: Roles): Promise<Undo | null> {
  const found = await scene.fleet.guestOn(owner, machine);
  if (!found?.executes) return null;
  signal(found.pid, 'SIGSTOP');
  return async () => {
    const now = await scene.fleet.guestOn(owner, machine);
    if (now?.pid !== found.pid) return;
    scene.observer.continued(owner);
    signal(found.pid, 'SIGCONT');
  };
}

async function stopLibvirtd(scene: Scene, host: string): Promise<Undo | null> {
  const sockets = ['libvirtd.socket', 'libvirtd-ro.socket', 'libvirtd-admin.socket'];
  const stopped = await scene.run(host, 'systemctl', 'stop', ...sockets, 'libvirtd');
  if (stopped.code !== 0) return null;
  return async () => {
    await scene.run(host, 'systemctl', 'reset-failed', 'libvirtd');
    await scene.run(host, 'systemctl', 'start', ...sockets, 'libvirtd');
  };
}

async function fill(scene: Scene, host: string, volume: Volume): Promise<Undo> {
  await fillVolume(scene.fleet.lab, host, volume);
  return () => freeVolume(scene.fleet.lab, host, volume);
}

const virsh = (scene: Scene, host: string, ...argv: string[]) => scene.run(host, 'virsh', '--quiet', ...argv);

/** On the standby, where it must not run: refused, or stopped within the guard's bound. The observer sees. */
async function startThere(scene: Scene, { standby, machine }: Roles): Promise<Undo | null> {
  const said = await virsh(scene, standby, 'start', machine);
  scene.say(`virsh start ${machine} on ${standby}: ${said.code} ${said.stderr.trim().split('\n')[0]}`);
  return nothingToUndo;
}

/** Stays down, as the admin wants it, until he starts it again, wherever it belongs then. */
async function shutDown(scene: Scene, { owner, machine }: Roles): Promise<Undo | null> {
  const said = await virsh(scene, owner, 'shutdown', machine);
  if (said.code !== 0) return null;
  scene.downByHand.add(machine);
  return () => startByHand(scene, machine);
}

/** How long the admin tries, ms: the host may be away. */
const STUBBORN_MS = 60_000;

export async function startByHand(scene: Scene, machine: string): Promise<void> {
  let said = '';
  const started = async (): Promise<boolean> => {
    const { owner, members } = await scene.fleet.sight(machine);
    if (!owner || !members[owner]) return false;
    const tried = await virsh(scene, owner, 'start', machine);
    said = `${owner}: ${tried.stderr.trim().split('\n')[0]}`;
    return tried.code === 0 || /already (active|running)/.test(tried.stderr);
  };
  await waitFor(`${machine} started by hand`, STUBBORN_MS, started, 1_000).then(
    () => scene.downByHand.delete(machine),
    () => scene.say(`${machine} is not started by hand; ${said}`),
  );
}

const AT_ONCE: [number, number] = [100, 1_500];

export const PROCESS_KINDS: Kind[] = [
  {
    name: 'agent-kill',
    weight: 2,
    holdMs: AT_ONCE,
    strike: (scene, { owner, standby }, random) =>
      killService(scene, random.pick([owner, owner, standby, scene.fleet.witness]), 'agent'),
  },
  {
    name: 'agent-hang',
    weight: 2,
    holdMs: [500, 10_000],
    strike: (scene, { owner, standby }, random) =>
      hangService(scene, random.pick([owner, owner, standby, scene.fleet.witness]), 'agent'),
  },
  {
    name: 'agent-restart',
    weight: 1,
    holdMs: AT_ONCE,
    async strike(scene, { owner, standby }, random) {
      const host = random.pick([owner, owner, standby]);
      const done = await scene.run(host, 'systemctl', 'restart', 'understudy-agent');
      return done.code === 0 ? nothingToUndo : null;
    },
  },
  {
    name: 'guard-kill',
    weight: 2,
    holdMs: AT_ONCE,
    strike: (scene, { owner, standby }, random) =>
      killService(scene, random.pick([owner, owner, standby]), 'guard'),
  },
  { name: 'qemu-kill', weight: 2, holdMs: AT_ONCE, strike: killQemu },
  { name: 'qemu-hang', weight: 1, holdMs: [1_000, 8_000], strike: hangQemu },
  {
    name: 'forwarder-kill',
    weight: 1,
    holdMs: AT_ONCE,
    strike: (scene, { owner }) => killService(scene, owner, 'forwarder'),
  },
  {
    name: 'storage-kill',
    weight: 1,
    holdMs: AT_ONCE,
    strike: (scene, { standby }) => killService(scene, standby, 'storage'),
  },
  {
    name: 'storage-hang',
    weight: 1,
    holdMs: [200, 8_000],
    strike: (scene, { standby }) => hangService(scene, standby, 'storage'),
  },
  {
    name: 'libvirtd-down',
    weight: 1,
    holdMs: [1_000, 8_000],
    strike: (scene, { owner, standby }, random) => stopLibvirtd(scene, random.pick([owner, standby])),
  },
  { name: 'admin-start', weight: 1, holdMs: AT_ONCE, strike: startThere },
  {
    name: 'admin-destroy',
    weight: 1,
    holdMs: AT_ONCE,
    async strike(scene, { owner, machine }) {
      return (await virsh(scene, owner, 'destroy', machine)).code === 0 ? nothingToUndo : null;
    },
  },
  { name: 'admin-shutdown', weight: 1, holdMs: [3_000, 8_000], strike: shutDown },
  {
    name: 'disk-full-state',
    weight: 1,
    holdMs: [1_000, 8_000],
    strike: (scene, { owner, standby }, random) => fill(scene, random.pick([owner, standby]), 'state'),
  },
  {
    name: 'disk-full-images',
    weight: 1,
    holdMs: [1_000, 8_000],
    strike: (scene, { owner, standby }, random) =>
      fill(scene, random.pick([owner, standby, standby]), 'images'),
  },
];
