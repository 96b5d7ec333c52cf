import * as v from 'valibot';
import type { Hypervisor } from '../../hypervisor/hypervisor.ts';
import { fail, ok, type Problem, type Result } from '../../protocol/index.ts';
import { blockName, pairDigest } from '../names.ts';

const Nodes = v.array(
  v.object({
    'node-name': v.optional(v.string()),
    'dirty-bitmaps': v.optional(
      v.array(
        v.object({ name: v.optional(v.string()), count: v.number(), recording: v.optional(v.boolean()) }),
      ),
    ),
  }),
);
const Jobs = v.array(
  v.object({
    id: v.string(),
    status: v.string(),
    'current-progress': v.number(),
    error: v.optional(v.string()),
  }),
);
const Exports = v.array(v.object({ id: v.string() }));

/** One of QEMU's dirty bitmaps: what was written to a disk since it began. */
export interface Bitmap {
  name: string;
  /** Bytes, whole grains. */
  bytes: number;
  recording: boolean;
}
export interface Device {
  target: string;
  /** QEMU's node under the guest's disk. */
  device: string;
  sizeBytes: number;
}
export type Action = { type: string; data: Record<string, unknown> };
export type Changes = Pick<ChangeLayer, keyof ChangeLayer>;

const LOOK_MS = 4;
/** A held stream ends this by its release, a frozen guest by its monitor's silence. */
const LOOKS = 5_000;
const LEAST_GRAIN = 4096;
/** At most so many bits a disk: 2 MiB of QEMU's memory. */
const MOST_BITS = 2 ** 24;

/** Bytes that one bit stands for: as fine as the memory for it allows, so that little is sent that was not written. */
export function grainOf(sizeBytes: number): number {
  let grain = LEAST_GRAIN;
  while (sizeBytes / grain > MOST_BITS) grain *= 2;
  return grain;
}

/** What finding and sending changes asks of one guest's QEMU: bitmaps, a read-only NBD server, the last backup. */
export class ChangeLayer {
  readonly #hypervisor: Hypervisor;
  readonly #vmUuid: string;
  readonly #pairId: string;

  constructor(hypervisor: Hypervisor, vmUuid: string, pairId: string) {
    this.#hypervisor = hypervisor;
    this.#vmUuid = vmUuid;
    this.#pairId = pairId;
  }

  /** This pair's bitmaps by device, the oldest first. */
  async bitmaps(devices: string[]): Promise<Result<Map<string, Bitmap[]>>> {
    const answer = await this.#ask('query-named-block-nodes', { flat: true });
    if (!answer.ok) return answer;
    const found = new Map<string, Bitmap[]>(devices.map((device) => [device, []]));
    for (const node of v.parse(Nodes, answer.value)) {
      const own = found.get(node['node-name'] ?? '');
      for (const { name, count, recording } of node['dirty-bitmaps'] ?? [])
        if (own && name?.startsWith(bitmapPrefix(this.#pairId)))
          own.push({ name, bytes: count, recording: recording ?? true });
    }
    for (const own of found.values()) own.sort((a, b) => numberOf(a.name) - numberOf(b.name));
    return ok(found);
  }

  /** All or none. */
  transact(actions: Action[]): Promise<Result<unknown>> {
    return actions.length === 0 ? Promise.resolve(ok({})) : this.#ask('transaction', { actions });
  }

  /** Opens QEMU's one NBD server on a unix socket; one that a former agent left open is closed first. */
  async serve(path: string): Promise<Result<unknown>> {
    const addr = { type: 'unix', data: { path } };
    const started = await this.#ask('nbd-server-start', { addr });
    if (started.ok || !/already/i.test(started.problem.message + (started.problem.details?.text ?? '')))
      return started;
    const exports = await this.#ask('query-block-exports');
    const strangers = exports.ok && v.parse(Exports, exports.value).some(({ id }) => !id.startsWith(OWN));
    if (!exports.ok || strangers) return started;
    await this.unserve();
    return this.#ask('nbd-server-start', { addr });
  }

  async unserve(): Promise<void> {
    await this.#ask('nbd-server-stop');
  }

  /** Offers a disk read-only, and what a bitmap that no longer records says of it. */
  offer(disk: Device, bitmap: string | null): Promise<Result<unknown>> {
    return this.#ask('block-export-add', {
      type: 'nbd',
      id: `${OWN}${disk.target}`,
      'node-name': disk.device,
      name: disk.target,
      writable: false,
      ...(bitmap === null ? {} : { bitmaps: [bitmap] }),
    });
  }

  /** Ends the offer; resolves when QEMU has let go of it. */
  async withdraw(disk: Device): Promise<void> {
    const id = `${OWN}${disk.target}`;
    await this.#ask('block-export-del', { id, mode: 'hard' });
    for (let look = 0; look < LOOKS; look += 1) {
      const exports = await this.#ask('query-block-exports');
      if (!exports.ok || !v.parse(Exports, exports.value).some((one) => one.id === id)) return;
      await pause();
    }
  }

  /** Sends what the bitmaps say through the replica's nodes; they stay as they are. @returns once all is written, bytes. */
  async backup(disks: { disk: Device; bitmap: string }[]): Promise<Result<{ bytes: number }>> {
    const actions = disks.map(({ disk, bitmap }) => ({
      type: 'blockdev-backup',
      data: {
        'job-id': this.#backupId(disk),
        device: disk.device,
        target: blockName('replica', this.#pairId, disk.target),
        sync: 'bitmap',
        bitmap,
        'bitmap-mode': 'never',
        'on-target-error': 'report',
        'auto-dismiss': false,
      },
    }));
    const started = await this.transact(actions);
    if (!started.ok) return started;
    const ids = disks.map(({ disk }) => this.#backupId(disk));
    for (let look = 0; look < LOOKS; look += 1) {
      const answer = await this.#ask('query-jobs');
      if (!answer.ok) return answer;
      const own = v.parse(Jobs, answer.value).filter(({ id }) => ids.includes(id));
      const failed = own.find(({ error }) => error !== undefined);
      if (own.every(({ status }) => status === 'concluded'))
        return failed
          ? fail(notSent(failed.error ?? ''))
          : ok({ bytes: own.reduce((sum, job) => sum + job['current-progress'], 0) });
      await pause();
    }
    return fail(notSent('it does not end'));
  }

  /** Clears away what `backup` left: its ended jobs. */
  async dismiss(disks: Device[]): Promise<void> {
    for (const disk of disks) await this.#ask('job-dismiss', { id: this.#backupId(disk) });
  }

  stopGuest(): Promise<Result<unknown>> {
    return this.#ask('stop');
  }

  continueGuest(): Promise<Result<unknown>> {
    return this.#ask('cont');
  }

  #backupId(disk: Device): string {
    return `last-${pairDigest(this.#pairId)}-${disk.target}`;
  }

  #ask(command: string, args?: Record<string, unknown>): Promise<Result<unknown>> {
    return this.#hypervisor.monitor(this.#vmUuid, command, args);
  }
}

/** Exports of ours in a guest's QEMU. */
const OWN = 'understudy-';

export const bitmapPrefix = (pairId: string): string => `understudy-${pairDigest(pairId)}-`;
/** Of one generation (the replica whose distance it tells), numbered upwards. */
export const bitmapName = (pairId: string, generation: string, n: number): string =>
  `${bitmapPrefix(pairId)}${generation}-${n}`;
const numberOf = (name: string): number => Number(name.slice(name.lastIndexOf('-') + 1));
export const nextNumber = (bitmaps: Iterable<Bitmap[]>): number =>
  Math.max(0, ...[...bitmaps].flat().map(({ name }) => numberOf(name))) + 1;

export const addBitmap = (disk: Device, name: string): Action => ({
  type: 'block-dirty-bitmap-add',
  data: { node: disk.device, name, granularity: grainOf(disk.sizeBytes) },
});
export const onBitmap = (what: 'enable' | 'disable' | 'remove', disk: Device, name: string): Action => ({
  type: `block-dirty-bitmap-${what}`,
  data: { node: disk.device, name },
});
export const mergeBitmaps = (disk: Device, target: string, bitmaps: string[]): Action => ({
  type: 'block-dirty-bitmap-merge',
  data: { node: disk.device, target, bitmaps },
});

const notSent = (cause: string): Problem => ({
  kind: 'last-changes-not-sent',
  message: `The last changes could not be sent to the standby (${cause}).`,
  next: 'It is tried again by itself once the standby answers.',
});

const pause = (): Promise<void> => new Promise((done) => setTimeout(done, LOOK_MS));
