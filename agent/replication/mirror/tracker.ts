import type { Result } from '../../protocol/index.ts';
import type { Job } from './block-layer.ts';
import { addBitmap, bitmapName, type Changes, type Device, nextNumber, onBitmap } from './change-layer.ts';

export interface TrackerPorts {
  changes: Pick<Changes, 'bitmaps' | 'transact'>;
  jobs(): Promise<Result<Job[]>>;
  /** The stream passes writes on, and nothing of it was ever answered by anybody but the standby. */
  flowing(): boolean;
}

const QUIET_LOOKS = 25;
const LOOK_MS = 20;

/**
 * While in sync: keeps dirty bitmaps that hold every write which may not be on the replica. They are replaced, never
 * cleared: a new one is begun, and once there was a moment without a write on its way to the standby, everything that
 * only the old one knows is on both disks, and it goes. A bit cleared under a write that is then held would be lost.
 */
export class Tracker {
  readonly #pairId: string;
  readonly #generation: string;
  readonly #devices: Device[];
  readonly #ports: TrackerPorts;
  /** The newest bitmap was begun by this tracker. */
  #begun: string | null = null;
  proven = false;
  /** At the last turn nothing had been written since the one before. */
  idle = false;

  constructor(pairId: string, generation: string, devices: Device[], ports: TrackerPorts) {
    this.#pairId = pairId;
    this.#generation = generation;
    this.#devices = devices;
    this.#ports = ports;
  }

  /** One replacement, or as much of it as the guest's writes allow. @returns whether the bitmaps can be relied on */
  async turn(): Promise<boolean> {
    const { changes } = this.#ports;
    const known = await changes.bitmaps(this.#devices.map(({ device }) => device));
    if (!known.ok) return this.proven;
    this.idle = [...known.value.values()].every((own) => own.length === 1 && own[0]?.bytes === 0);
    if (this.proven && this.idle) return true;
    this.#begun ??= await this.#begin(nextNumber(known.value.values()));
    if (this.#begun === null || !(await quietMoment(this.#ports, this.#devices.length, QUIET_LOOKS)))
      return this.proven;
    const kept = this.#begun;
    const old = this.#devices.flatMap((disk) =>
      (known.value.get(disk.device) ?? [])
        .filter(({ name }) => name !== kept)
        .map(({ name }) => onBitmap('remove', disk, name)),
    );
    if (old.length > 0 && !(await changes.transact(old)).ok) return this.proven;
    this.#begun = null;
    this.proven = true;
    return true;
  }

  async #begin(n: number): Promise<string | null> {
    const name = bitmapName(this.#pairId, this.#generation, n);
    const added = await this.#ports.changes.transact(this.#devices.map((disk) => addBitmap(disk, name)));
    return added.ok ? name : null;
  }
}

/** Resolves true at a moment in which no write was on its way to the standby; false when there was none to be seen. */
export async function quietMoment(
  { jobs: ask, flowing }: Pick<TrackerPorts, 'jobs' | 'flowing'>,
  disks: number,
  looks: number,
): Promise<boolean> {
  for (let look = 0; look < looks && flowing(); look += 1) {
    const jobs = await ask();
    if (!jobs.ok || jobs.value.length < disks || !flowing()) return false;
    if (jobs.value.every(({ ready, len, offset }) => ready && len === offset)) return true;
    await new Promise((done) => setTimeout(done, LOOK_MS));
  }
  return false;
}
