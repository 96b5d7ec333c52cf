import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { bootstrap, debianCodename, debianSources } from './base-image.ts';
import { type CpioEntry, cpioArchive } from './cpio.ts';
import { must } from './run.ts';

const GUEST_PACKAGES = ['linux-image-cloud-amd64', 'busybox-static', 'qemu-guest-agent'];
const SOURCES = join(import.meta.dirname, 'guest');
const C_FILES = ['init.c', 'http.c', 'records.c', 'throughput.c'];
const MODULES = ['virtio_pci', 'virtio_blk', 'virtio_net', 'virtio_console', 'ext4', 'evdev', 'button'];
const APPLETS = [
  'sh',
  'mount',
  'insmod',
  'cat',
  'hostname',
  'ip',
  'mkdir',
  'kill',
  'ls',
  'ps',
  'df',
  'dmesg',
];
const DISK_MIB = 512;
/** Raise when the steps below change. */
const RECIPE = 1;

/** Where kernel and initramfs are on every hypervisor host. */
export const BOOT_FOLDER = '/var/lib/libvirt/lab-boot';

export interface GuestImages {
  /** Overlay layer that brings kernel and initramfs to a host. */
  layer: string;
  /** An empty disk with a file system (qcow2), to be copied for every disk of every guest. */
  disk: string;
}

/** Makes kernel, initramfs and disk template of the guests, once; later calls find them in the cache. */
export async function ensureGuestImages(cache: string, say: (line: string) => void): Promise<GuestImages> {
  const folder = join(cache, `guest-${await keyOf()}`);
  const images = { layer: join(folder, 'layer'), disk: join(folder, 'disk.qcow2') };
  if (existsSync(folder)) return images;
  const making = `${folder}.making-${process.pid}`;
  await mkdir(making, { recursive: true });
  try {
    say('guest: kernel, initramfs and disk, about 20 s, once');
    await makeImages(making);
    await rename(making, folder);
  } finally {
    await rm(making, { recursive: true, force: true });
  }
  return images;
}

async function keyOf(): Promise<string> {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([RECIPE, GUEST_PACKAGES, MODULES, APPLETS, DISK_MIB, await debianCodename()]));
  for (const name of (await readdir(SOURCES)).sort()) hash.update(await readFile(join(SOURCES, name)));
  return hash.digest('hex').slice(0, 12);
}

async function makeImages(folder: string): Promise<void> {
  const tree = join(folder, 'tree');
  await bootstrap(tree, await debianCodename(), await debianSources(), GUEST_PACKAGES, 'extract');
  const program = join(folder, 'labguest');
  const sources = C_FILES.map((name) => join(SOURCES, name));
  await must(['gcc', '-static', '-O2', '-Wall', '-Wextra', '-Werror', '-o', program, ...sources]);
  const boot = join(folder, 'layer', BOOT_FOLDER);
  await mkdir(boot, { recursive: true });
  const [version] = await readdir(join(tree, 'lib/modules'));
  if (!version) throw new Error('the kernel package has no modules');
  await copyFile(join(tree, 'boot', `vmlinuz-${version}`), join(boot, 'vmlinuz'));
  const entries = await initramfs(tree, join(tree, 'lib/modules', version), program);
  await writeFile(join(boot, 'initrd.img'), cpioArchive(entries));
  await makeDisk(folder);
  for (const leftover of ['tree', 'labguest']) await rm(join(folder, leftover), { recursive: true });
}

async function makeDisk(folder: string): Promise<void> {
  const raw = join(folder, 'disk.raw');
  await must(['truncate', '--size', `${DISK_MIB}M`, raw]);
  await must([
    'mke2fs',
    '-q',
    '-F',
    '-t',
    'ext4',
    '-m',
    '0',
    '-E',
    'lazy_itable_init=0',
    '-J',
    'size=8',
    raw,
  ]);
  await must(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', raw, join(folder, 'disk.qcow2')]);
  await rm(raw);
}

const folderEntry = (path: string): CpioEntry => ({ path, mode: 0o40755 });
const fileEntry = (path: string, data: Buffer | string): CpioEntry => ({ path, mode: 0o100755, data });

async function initramfs(tree: string, modules: string, program: string): Promise<CpioEntry[]> {
  const folders = [
    'bin',
    'sbin',
    'dev',
    'proc',
    'sys',
    'run',
    'srv',
    'etc',
    'tmp',
    'modules',
    'usr',
    'usr/sbin',
  ];
  const order = await moduleOrder(modules);
  const shutdown = '#!/bin/sh\ncase "$*" in *-r*) kill -USR1 1 ;; *) kill -USR2 1 ;; esac\n';
  return [
    ...folders.map(folderEntry),
    { path: 'dev/console', mode: 0o20600, device: { major: 5, minor: 1 } },
    fileEntry('bin/busybox', await readFile(join(tree, 'bin/busybox'))),
    ...APPLETS.map((name): CpioEntry => ({ path: `bin/${name}`, mode: 0o120777, data: 'busybox' })),
    fileEntry('init', await readFile(join(SOURCES, 'init.sh'))),
    fileEntry('sbin/labguest', await readFile(program)),
    fileEntry('sbin/shutdown', shutdown),
    ...(await Promise.all(
      order.map(async (file) => fileEntry(`modules/${basename(file)}`, await readFile(file))),
    )),
    fileEntry('modules/order', order.map((file) => `${basename(file)}\n`).join('')),
    ...(await guestAgent(tree)),
  ];
}

/** qemu-ga with the shared libraries it asks for. */
async function guestAgent(tree: string): Promise<CpioEntry[]> {
  const agent = 'usr/sbin/qemu-ga';
  const listing = await must(['chroot', tree, '/lib64/ld-linux-x86-64.so.2', '--list', `/${agent}`]);
  const libraries = [...listing.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((match) => match[1] ?? '');
  const files = [...new Set([...libraries, '/lib64/ld-linux-x86-64.so.2'])].map((path) => path.slice(1));
  const folders = new Set<string>();
  for (const file of files) {
    const parts = file.split('/');
    for (let depth = 1; depth < parts.length; depth++) folders.add(parts.slice(0, depth).join('/'));
  }
  folders.delete('usr');
  return [
    ...[...folders].sort().map(folderEntry),
    ...(await Promise.all(
      [agent, ...files].map(async (file) => fileEntry(file, await readFile(join(tree, file)))),
    )),
  ];
}

/** Files of MODULES and all they depend on, each after its dependencies. */
async function moduleOrder(folder: string): Promise<string[]> {
  const byName = new Map<string, string>();
  for (const entry of await readdir(folder, { recursive: true })) {
    if (entry.endsWith('.ko')) byName.set(moduleName(entry), join(folder, entry));
  }
  const builtin = (await readFile(join(folder, 'modules.builtin'), 'utf8')).split('\n').map(moduleName);
  const order: string[] = [];
  const visit = async (name: string): Promise<void> => {
    if (builtin.includes(name)) return;
    const file = byName.get(name);
    if (!file) throw new Error(`the guest's kernel has no module ${name}`);
    if (order.includes(file)) return;
    for (const dependency of await dependenciesOf(file)) await visit(dependency);
    order.push(file);
  };
  for (const name of MODULES) await visit(name);
  return order;
}

const moduleName = (file: string): string => basename(file, '.ko').replaceAll('-', '_');

/** The `depends=` field of the module's .modinfo section. */
async function dependenciesOf(file: string): Promise<string[]> {
  const text = await readFile(file, 'latin1');
  const names = /\0depends=([^\0]*)\0/.exec(text)?.[1] ?? '';
  return names
    .split(',')
    .filter(Boolean)
    .map((name) => name.replaceAll('-', '_'));
}
