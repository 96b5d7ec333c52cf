// Paths of a hypervisor host, also where a practice fleet runs on Windows.
import { basename, dirname, extname, join } from 'node:path/posix';
import type { Check } from '../../../protocol/index.ts';
import type { VmDefinition } from '../../hypervisor.ts';
import { finding, list, size } from './finding.ts';
import type { HostView } from './host-view.ts';

/** libvirt's own place for images. */
const DEFAULT_FOLDER = '/var/lib/libvirt/images';
/** Left free beside the copies, bytes. */
const RESERVE_BYTES = 256 * 1024 * 1024;

type Disk = VmDefinition['disks'][number];

/** Where the copies would lie: the same path when it is free, else beside it, else libvirt's own folder. */
export async function proposePaths(disks: Disk[], host: HostView): Promise<Record<string, string>> {
  const paths: Record<string, string> = {};
  for (const disk of disks) {
    if (disk.path === '') continue;
    paths[disk.target] = await freePath(disk.path, new Set(Object.values(paths)), host);
  }
  return paths;
}

async function freePath(wanted: string, taken: Set<string>, host: HostView): Promise<string> {
  const folder = (await host.folder(dirname(wanted))) ? dirname(wanted) : DEFAULT_FOLDER;
  const extension = extname(wanted);
  const stem = join(folder, basename(wanted, extension));
  for (let attempt = 0; ; attempt += 1) {
    const suffix = attempt === 0 ? '' : attempt === 1 ? '-standby' : `-standby-${attempt}`;
    const path = `${stem}${suffix}${extension}`;
    if (!taken.has(path) && !(await host.exists(path))) return path;
  }
}

/** Is there room for the copies? Images of one file system are counted together. */
export async function checkSpace(
  disks: Disk[],
  paths: Record<string, string>,
  host: HostView,
): Promise<Check> {
  const check = finding(host.name(), 'disk-space', 'Space for the copy');
  const places = new Map<number, { folder: string; free: number; full: number; now: number }>();
  for (const disk of disks) {
    const folder = dirname(paths[disk.target] ?? join(DEFAULT_FOLDER, 'x'));
    const found = await host.folder(folder);
    if (!found) {
      return check.failed(
        `${host.name()} has no folder ${folder} for the image of ${disk.target}.`,
        `Create ${folder} on ${host.name()}.`,
      );
    }
    const place = places.get(found.device) ?? { folder, free: found.freeBytes, full: 0, now: 0 };
    place.full += disk.sizeBytes;
    // Raw images are created sparse too, but nothing says how much of them is in use.
    place.now += disk.allocatedBytes ?? (disk.format === 'qcow2' ? 0 : disk.sizeBytes);
    places.set(found.device, place);
  }
  return judge(check, [...places.values()], host.name());
}

function judge(
  check: ReturnType<typeof finding>,
  places: { folder: string; free: number; full: number; now: number }[],
  host: string,
): Check {
  const tooSmall = places.find((place) => place.free < place.now + RESERVE_BYTES);
  if (tooSmall) {
    return check.failed(
      `${size(tooSmall.now)} are needed at once, ${size(tooSmall.free)} are free in ${tooSmall.folder}.`,
      `Free space on ${host}, or choose another standby.`,
    );
  }
  const tight = places.find((place) => place.free < place.full + RESERVE_BYTES);
  if (tight) {
    return check.warning(
      `The disks may grow to ${size(tight.full)}, ${size(tight.free)} are free in ${tight.folder}.`,
      `Free space on ${host} before they do: a full standby breaks the mirror.`,
    );
  }
  const words = places.map(
    (place) => `${size(place.full)} needed at most, ${size(place.free)} free in ${place.folder}`,
  );
  return check.ok(`${list(words)}.`);
}
