import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type HostGroup, makeGroups, pidsOf, removeGroups, setFrozen } from './cgroup.ts';
import { inNamespace, portOf } from './network.ts';
import type { HostPlan, Places } from './places.ts';
import { NETWORK } from './places.ts';
import { must, type RunOptions, type RunResult, run, waitFor } from './run.ts';
import { keyFile, type LabState } from './state.ts';

export const hostFolder = (places: Places, name: string): string => join(places.state, 'hosts', name);
export const rootOf = (places: Places, name: string): string => join(hostFolder(places, name), 'root');
const groupOf = (places: Places, name: string): HostGroup => ({ lab: places.lab, host: name });

async function isMounted(path: string): Promise<boolean> {
  return (await readFile('/proc/self/mounts', 'utf8')).includes(` ${path} `);
}

/** Mounts the host's disk (an overlay over the images) and, the first time, makes it this host's own. */
export async function prepareHost(places: Places, state: LabState, host: HostPlan): Promise<void> {
  const folder = hostFolder(places, host.name);
  const root = rootOf(places, host.name);
  for (const part of ['upper', 'work', 'root']) await mkdir(join(folder, part), { recursive: true });
  if (!(await isMounted(root))) {
    const lower = state.layers[host.role].join(':');
    const options = `lowerdir=${lower},upperdir=${join(folder, 'upper')},workdir=${join(folder, 'work')}`;
    await must(['mount', '-t', 'overlay', 'overlay', '-o', options, root]);
  }
  const personal = join(folder, 'personalised');
  if (existsSync(personal)) return;
  await personalise(places, state, host, root);
  await writeFile(personal, '');
}

async function put(root: string, path: string, text: string, mode = 0o644): Promise<void> {
  const file = join(root, path);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, text);
  await chmod(file, mode);
}

async function personalise(places: Places, state: LabState, host: HostPlan, root: string): Promise<void> {
  const machineId = randomUUID().replaceAll('-', '');
  await put(root, 'etc/machine-id', `${machineId}\n`, 0o444);
  await put(root, 'etc/hostname', `${host.name}\n`);
  // A host that cannot resolve its own name makes every `virsh start` 10 s slower.
  await put(root, 'etc/hosts', `127.0.0.1 localhost\n127.0.1.1 ${host.name}\n`);
  await must(['rm', '-f', join(root, 'etc/resolv.conf')]);
  await put(root, 'etc/resolv.conf', '');
  await must(['ssh-keygen', '-q', '-A', '-f', root]);
  await must(['chroot', root, 'chpasswd'], {
    input: `root:${state.password}\nadmin:${state.password}\n`,
  });
  await put(root, 'etc/ssh/sshd_config.d/lab.conf', 'PermitRootLogin yes\nPasswordAuthentication yes\n');
  await authorise(places, root);
  await put(root, 'etc/systemd/system/lab-network.service', networkUnit(host));
  await must(['chroot', root, 'systemctl', '--quiet', 'enable', 'lab-network.service']);
  if (host.role === 'hypervisor') await personaliseLibvirt(root);
}

async function authorise(places: Places, root: string): Promise<void> {
  const publicKey = await readFile(`${keyFile(places)}.pub`, 'utf8');
  for (const home of ['root', 'home/admin']) {
    await put(root, `${home}/.ssh/authorized_keys`, publicKey, 0o600);
    await chmod(join(root, home, '.ssh'), 0o700);
  }
  await must(['chroot', root, 'chown', '-R', 'admin:admin', '/home/admin']);
}

/** The host's address is on a bridge, as on a hypervisor made for guests that must keep their address elsewhere. */
function networkUnit(host: HostPlan): string {
  const octet = Number(host.address.split('.')[3]).toString(16).padStart(2, '0');
  const mac = `02:75:6c:00:01:${octet}`;
  return `[Unit]
Description=Bridge br0 with this host's address
DefaultDependencies=no
Before=network.target ssh.service libvirtd.service
Wants=network.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/ip link set lo up
ExecStart=/usr/sbin/ip link add br0 address ${mac} type bridge forward_delay 0
ExecStart=/usr/sbin/ip link set host0 master br0 up
ExecStart=/usr/sbin/ip addr add ${host.address}/${NETWORK.prefix} dev br0
ExecStart=/usr/sbin/ip link set br0 up

[Install]
WantedBy=multi-user.target
`;
}

async function personaliseLibvirt(root: string): Promise<void> {
  const qemu = 'security_driver = "none"\nuser = "root"\ngroup = "root"\nnamespaces = []\n';
  await put(root, 'etc/libvirt/qemu.conf', qemu);
  const conf = await readFile(join(root, 'etc/libvirt/libvirtd.conf'), 'utf8');
  // Containers share the machine's DMI data; two hosts of one UUID refuse to migrate to each other.
  await put(root, 'etc/libvirt/libvirtd.conf', `${conf}\nhost_uuid = "${randomUUID()}"\n`);
  // Kept running: a daemon that leaves when idle loses its events and makes the next call slow.
  await put(root, 'etc/default/libvirtd', 'LIBVIRTD_ARGS=""\n');
  await put(root, 'etc/systemd/system/lab-cgroups.service', CGROUPS_UNIT);
  await must(['chroot', root, 'systemctl', '--quiet', 'enable', 'lab-cgroups.service', 'libvirtd.service']);
}

/** On a machine with cgroup v1 a container finds the controllers read-only, and libvirt refuses to start a guest. */
const CGROUPS_UNIT = `[Unit]
Description=Control groups writable for libvirt
DefaultDependencies=no
Before=libvirtd.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'for d in /sys/fs/cgroup/*; do if mountpoint -q "$d"; then mount -o remount,rw,bind "$d"; fi; done'

[Install]
WantedBy=multi-user.target
`;

/** Pid (as this machine sees it) of the host's init; null when the host is off. */
export async function initPid(places: Places, name: string): Promise<number | null> {
  for (const pid of await pidsOf(groupOf(places, name))) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    const [, ...inner] = /^NSpid:\s+(.*)$/m.exec(status)?.[1]?.split(/\s+/) ?? [];
    if (inner.at(-1) === '1' && /^Name:\s+systemd$/m.test(status)) return pid;
  }
  return null;
}

export async function isPoweredOn(places: Places, name: string): Promise<boolean> {
  return (await pidsOf(groupOf(places, name))).length > 0;
}

/** Starts the host's container, detached from this process. Returns when its init is there; not yet booted. */
export async function startHost(places: Places, host: HostPlan): Promise<void> {
  if (await isPoweredOn(places, host.name)) return;
  // The kernel takes a dead container's network away some time after its processes: unplugged, its cable goes at once.
  await run(inNamespace(places, ['ip', 'link', 'delete', portOf(host.name)]));
  await waitFor(`the cable of ${host.name} free`, 20_000, () => isCableFree(places, host.name), 50);
  const joins = await makeGroups(groupOf(places, host.name));
  const root = rootOf(places, host.name);
  const machineId = (await readFile(join(root, 'etc/machine-id'), 'utf8')).trim();
  const log = await open(join(hostFolder(places, host.name), 'console.log'), 'a');
  const nspawn = [
    'systemd-nspawn',
    '--quiet',
    '--boot',
    `--directory=${root}`,
    `--machine=${host.name}`,
    `--uuid=${machineId}`,
    '--settings=no',
    '--register=no',
    '--keep-unit',
    `--network-bridge=${NETWORK.bridge}`,
    '--capability=all',
    '--bind=/dev/net/tun',
    '--resolv-conf=off',
    '--timezone=off',
    '--link-journal=no',
    '--console=pipe',
  ];
  // The shell joins the host's control groups and then becomes nspawn: no process is ever outside.
  const joinScript = [...joins.map((file) => `echo $$ > ${file}`), 'exec "$@"'].join(' && ');
  const [command = '', ...args] = inNamespace(places, ['sh', '-c', joinScript, 'sh', ...nspawn]);
  const child = spawn(command, args, { detached: true, stdio: ['ignore', log.fd, log.fd] });
  child.unref();
  await log.close();
  await waitFor(`init of ${host.name}`, 20_000, () => initPid(places, host.name), 50);
}

async function isCableFree(places: Places, name: string): Promise<boolean> {
  return (await run(inNamespace(places, ['ip', 'link', 'show', portOf(name)]))).code !== 0;
}

/** The host's keys as lines of a known_hosts file; none while it has never been prepared. */
export async function publicHostKeys(places: Places, host: HostPlan): Promise<string[]> {
  const folder = join(rootOf(places, host.name), 'etc/ssh');
  const names = await readdir(folder).catch(() => []);
  const files = names.filter((name) => /^ssh_host_.*\.pub$/.test(name));
  return Promise.all(
    files.map(async (name) => `${host.address} ${await readFile(join(folder, name), 'utf8')}`),
  );
}

/** Waits until systemd in the host has nothing left to start. Returns its verdict (`running`, `degraded`). */
export async function waitBooted(places: Places, host: HostPlan, timeoutMs = 90_000): Promise<string> {
  return waitFor(`${host.name} booted`, timeoutMs, async () => {
    const result = await execInHost(places, host.name, ['systemctl', 'is-system-running', '--wait'], {
      timeoutMs: 60_000,
    });
    const verdict = result.stdout.trim();
    return verdict === 'running' || verdict === 'degraded' ? verdict : null;
  });
}

/**
 * Runs a command inside the host as root, past its network and sshd: for the lab's own needs. It belongs to the
 * host's process tree and dies with it.
 */
export async function execInHost(
  places: Places,
  name: string,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const pid = await initPid(places, name);
  if (pid === null) return { code: 255, stdout: '', stderr: `${name} is powered off` };
  // The host's own environment, not that of whoever calls.
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LANG: 'C.UTF-8' };
  return run(['nsenter', '-t', String(pid), '-a', '--', ...argv], { env, ...options });
}

/** A killed process ends only when its disk has answered, and this machine's disk may be busy with other labs. */
const KILL_LIMIT_MS = 60_000;

/**
 * Power loss: every process of the host, guests included, is killed in one go. The page cache survives, so this is
 * a crash of the host and not a loss of unsynced disk writes.
 */
export async function killHost(places: Places, name: string): Promise<void> {
  const group = groupOf(places, name);
  const init = await initPid(places, name);
  await waitFor(
    `all processes of ${name} gone`,
    KILL_LIMIT_MS,
    async () => {
      const pids = await pidsOf(group);
      // The init first: with it the kernel ends everything else in the container.
      for (const pid of init === null ? pids : [init, ...pids]) kill(pid);
      // A frozen process dies when it is thawed, before it runs again.
      if (pids.length > 0) await setFrozen(group, false);
      return (await pidsOf(group)).length === 0;
    },
    20,
  );
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Takes the host away altogether: processes, control groups, mount. Its files go with the lab's folder. */
export async function removeHost(places: Places, name: string): Promise<void> {
  await killHost(places, name);
  await removeGroups(groupOf(places, name));
  const root = rootOf(places, name);
  // Volumes lie on top of it (faults-disk.ts).
  if (await isMounted(root)) await must(['umount', '--recursive', root]);
}
