import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncPath } from '../../journal/durable-file.ts';
import { fail, ok, type Problem, type Result } from '../../protocol/index.ts';
import type { ReplicaDisk } from '../replication.ts';
import { allThere } from './digests.ts';
import type { GivingUp } from './giving-up.ts';
import { exists } from './images.ts';
import { filesOfPoints, type Manifests } from './manifest.ts';
import type { ShownPoints } from './shown.ts';

export interface OldDiskPorts {
  hostName: string;
  manifests: Manifests;
  givingUp: GivingUp;
  shown: ShownPoints;
  /** Nothing of the pair is open, nor half made. */
  clear(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>>;
  /** A layer is on offer. */
  begun(pairId: string): boolean;
}

/** The disk of a host that has lost its machine, under the points of the history that went on without it. */
export class OldDisk {
  readonly #ports: OldDiskPorts;

  constructor(ports: OldDiskPorts) {
    this.#ports = ports;
  }

  /** See `RestorePoints.lieOn`. The names are durable before anything is renamed: a call that was cut short is gone on with. */
  async lieOn(
    pairId: string,
    disks: ReplicaDisk[],
    tag: string,
  ): Promise<Result<{ under: Record<string, string>; left: string[] }>> {
    const refused = refuseRaw(disks);
    if (refused) return fail(refused);
    const clear = await this.#ports.clear(pairId, disks);
    if (!clear.ok) return clear;
    const named = await this.#named(pairId, disks, tag);
    if (!named.ok) return named;
    const { under, left } = named.value;
    for (const { path, target } of disks) {
      const file = under[target] ?? '';
      if ((await exists(file)) || !(await exists(path))) continue;
      await rename(path, file);
      await syncPath(dirname(path));
    }
    return ok({ under, left });
  }

  /** See `RestorePoints.standAlone`. */
  async standAlone(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>> {
    const { manifests, givingUp, shown, begun } = this.#ports;
    const { points, base, surfaced, merging } = manifests.get(pairId);
    const [oldest] = points;
    if (base === null || !oldest) return ok(undefined);
    const read = await shown.isShown(pairId);
    if (!read.ok) return read;
    if (begun(pairId) || surfaced !== null || merging !== null || read.value) return fail(this.#inUse());
    const layers = disks.map(({ target }) => oldest.files[target] ?? '');
    const alone = await givingUp.standAlone(pairId, layers);
    if (alone.ok) await manifests.write({ ...manifests.get(pairId), base: null, left: [] });
    return alone;
  }

  async #named(
    pairId: string,
    disks: ReplicaDisk[],
    tag: string,
  ): Promise<Result<{ under: Record<string, string>; left: string[] }>> {
    const { manifests, hostName } = this.#ports;
    const manifest = manifests.get(pairId);
    const { base, left: leftThen } = manifest;
    if (base && disks.every(({ path, target }) => base[target]?.startsWith(`${path}.${tag}`)))
      return ok({ under: base, left: leftThen });
    const found = await allThere(disks, hostName);
    if (!found.ok) return found;
    const under: Record<string, string> = {};
    for (const { path, target } of disks) under[target] = await freeName(`${path}.${tag}`);
    const left = filesOfPoints(manifest);
    await manifests.write({ ...manifest, points: [], merging: null, ground: null, base: under, left });
    return ok({ under, left });
  }

  #inUse(): Problem {
    return {
      kind: 'points-busy',
      message: `The restore points on ${this.#ports.hostName} are in use at the moment.`,
      next: 'Try again in a moment; a drill of one of them has to end first.',
    };
  }
}

/** Points are layers of qcow2. */
export function refuseRaw(disks: ReplicaDisk[]): Problem | null {
  const raw = disks.find(({ format }) => format !== 'qcow2');
  if (!raw) return null;
  return {
    kind: 'points-need-qcow2',
    message: `Disk ${raw.target} is a raw image: points are layers of qcow2, and cannot be kept of it.`,
    next: 'Mirror it synchronously, or convert the disk to qcow2 first.',
  };
}

/** A name that nothing has. */
async function freeName(wanted: string): Promise<string> {
  let name = wanted;
  for (let n = 2; await exists(name); n += 1) name = `${wanted}-${n}`;
  return name;
}
