import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { must, run } from './run.ts';

/** A Debian server as people have it, with libvirt and QEMU; no Node, so that the agent brings its own. */
const HOST_PACKAGES = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'openssh-server',
  'iproute2',
  'iputils-ping',
  'libvirt-daemon-system',
  'libvirt-clients',
  'qemu-system-x86',
  'qemu-utils',
  'procps',
  'sudo',
  'nftables',
  'xz-utils',
  'ca-certificates',
];
/** What a box that only votes does not have. */
const NOT_ON_WITNESS = /^(libvirt|qemu-)/;
/** Raise when the steps below change. */
const RECIPE = 1;

export interface BaseImages {
  /** Root file system of a hypervisor host. */
  base: string;
  /** Overlay layer above `base` which takes libvirt and QEMU away. */
  witnessLayer: string;
}

/** Makes the hosts' root file systems, once; later calls find them in the cache. */
export async function ensureBaseImages(cache: string, say: (line: string) => void): Promise<BaseImages> {
  const sources = await debianSources();
  const codename = await debianCodename();
  const key = createHash('sha256')
    .update(JSON.stringify([RECIPE, HOST_PACKAGES, codename]))
    .digest('hex')
    .slice(0, 12);
  const folder = join(cache, `base-${codename}-${key}`);
  const images = { base: join(folder, 'root'), witnessLayer: join(folder, 'witness') };
  if (existsSync(folder)) return images;
  const making = `${folder}.making-${process.pid}`;
  await mkdir(making, { recursive: true });
  try {
    say(`base image of the hosts: mmdebstrap ${codename}, about a minute, once`);
    await bootstrap(join(making, 'root'), codename, sources, HOST_PACKAGES, 'minbase');
    await prepare(join(making, 'root'));
    await makeWitnessLayer(making);
    await rename(making, folder);
  } finally {
    await rm(making, { recursive: true, force: true });
  }
  return images;
}

/** mmdebstrap with the machine's own Debian source. */
export async function bootstrap(
  target: string,
  codename: string,
  sources: string,
  packages: readonly string[],
  variant: 'minbase' | 'extract',
): Promise<void> {
  const exclude = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*'];
  await must([
    'mmdebstrap',
    `--variant=${variant}`,
    '--mode=root',
    '--format=directory',
    `--include=${packages.join(',')}`,
    '--dpkgopt=force-unsafe-io',
    ...exclude.map((path) => `--dpkgopt=path-exclude=${path}`),
    codename,
    target,
    sources,
  ]);
}

export async function debianCodename(): Promise<string> {
  const release = await readFile('/etc/os-release', 'utf8');
  const codename = /^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1];
  if (!codename) throw new Error('/etc/os-release names no VERSION_CODENAME: the lab needs a Debian machine');
  return codename;
}

/** The machine's file of Debian sources (deb822 or one-line style). */
export async function debianSources(): Promise<string> {
  const folder = '/etc/apt/sources.list.d';
  const names = existsSync(folder) ? await readdir(folder) : [];
  const candidates = [...names.filter((name) => name.endsWith('.sources')).map((name) => join(folder, name))];
  candidates.push('/etc/apt/sources.list');
  for (const file of candidates) {
    if (!existsSync(file)) continue;
    const text = await readFile(file, 'utf8');
    if (/^(URIs:|deb\s).*\bdebian\b/im.test(text)) return file;
  }
  throw new Error('no Debian source found in /etc/apt');
}

/** What is the same for all hosts: the admin user, what to start, what not. */
async function prepare(root: string): Promise<void> {
  const chroot = (argv: string[]): Promise<string> => must(['chroot', root, ...argv]);
  await chroot(['useradd', '--create-home', '--shell', '/bin/bash', '--groups', 'sudo', 'admin']);
  // Host keys and the machine id belong to one host, never to an image.
  await must(['sh', '-c', `rm -f ${root}/etc/ssh/ssh_host_*_key* ${root}/etc/machine-id`]);
  await chroot(['systemctl', 'set-default', 'multi-user.target']);
  const unwanted = [
    'console-getty.service',
    'getty@tty1.service',
    'apt-daily.timer',
    'apt-daily-upgrade.timer',
    'e2scrub_all.timer',
    'e2scrub_reap.service',
    'fstrim.timer',
    'systemd-networkd.service',
    'systemd-timesyncd.service',
    // Several would-be hosts share one kernel: its settings and modules are not theirs to load.
    'systemd-modules-load.service',
    'systemd-sysctl.service',
  ];
  await chroot(['systemctl', 'mask', ...unwanted]);
}

/** Removes libvirt and QEMU in an overlay above the base, so that the witness box shares the rest. */
async function makeWitnessLayer(folder: string): Promise<void> {
  const upper = join(folder, 'witness');
  const work = join(folder, 'work');
  const merged = join(folder, 'merged');
  for (const path of [upper, work, merged]) await mkdir(path, { recursive: true });
  const layers = `lowerdir=${join(folder, 'root')},upperdir=${upper},workdir=${work}`;
  await must(['mount', '-t', 'overlay', 'overlay', '-o', layers, merged]);
  try {
    const installed = await must(['chroot', merged, 'sh', '-c', 'dpkg-query -W | cut -f1 | cut -d: -f1']);
    const unwanted = installed.split('\n').filter((name) => NOT_ON_WITNESS.test(name));
    await must(['chroot', merged, 'dpkg', '--purge', '--force-depends', ...unwanted]);
  } finally {
    await run(['umount', merged]);
  }
  await rm(work, { recursive: true, force: true });
  await rm(merged, { recursive: true, force: true });
}
