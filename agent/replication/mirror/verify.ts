import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ExportAddress, fail, ok, type Problem, type Result } from '../../protocol/index.ts';
import type { Copier, Copiers } from '../copier/helper.ts';
import type { Done } from '../copier/jobs.ts';
import type { TlsFiles } from '../forwarder/remote.ts';
import { pairDigest } from '../names.ts';
import type { MirrorOrder, Verified, VerifyOrder } from '../replication.ts';
import { addBitmap, type Changes, type Device, onBitmap } from './change-layer.ts';
import { quietMoment, type TrackerPorts } from './tracker.ts';

export interface VerifyPorts extends Pick<TrackerPorts, 'jobs' | 'flowing'> {
  changes: Changes;
  copiers: Copiers;
  tls: TlsFiles;
  /** Directory for this side's digests. */
  digestDir: string;
  socketDirectory: string;
}

/** Not one of those that tell the distance to the replica (`bitmapName`), which come and go. */
const verifyBitmap = (pairId: string): string => `verify-${pairDigest(pairId)}`;
/** Looks for a moment without a write on its way: a guest that writes on and on has few of them. */
const QUIET_LOOKS = 500;

/**
 * Compares the disks of a running guest with its replica, which goes on being filled. A bitmap is begun, and everything
 * that was written before it has reached the replica; then both sides are read. What the bitmap does not name was written by
 * nobody since before the first read, so there both must be alike.
 */
export class Verification {
  readonly #order: MirrorOrder;
  readonly #devices: Device[];
  readonly #ports: VerifyPorts;
  readonly #socket: string;
  #copier: Copier | null = null;

  constructor(order: MirrorOrder, devices: Device[], ports: VerifyPorts) {
    this.#order = order;
    this.#devices = devices;
    this.#ports = ports;
    this.#socket = join(ports.socketDirectory, 'understudy-read.sock');
  }

  async run({ begun, signal, progress }: VerifyOrder): Promise<Result<Verified>> {
    let giveUp = (): void => undefined;
    const givenUp = new Promise<Result<never>>((resolve) => {
      giveUp = () => resolve(fail(notQuiet));
    });
    const onAbort = (): void => {
      this.#copier?.stop();
      giveUp();
    };
    signal.addEventListener('abort', onAbort);
    this.#copier = this.#ports.copiers.start();
    if (signal.aborted) onAbort();
    try {
      return await this.#run(() => Promise.race([begun(), givenUp]), progress);
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#copier.stop();
      await this.clear();
    }
  }

  /** Takes away what this one, or one that was cut short, left in QEMU. */
  async clear(): Promise<void> {
    const { changes } = this.#ports;
    for (const disk of this.#devices) await changes.withdraw(disk);
    await this.forget();
    await changes.unserve();
  }

  /** Bitmaps and digests only. */
  async forget(): Promise<void> {
    const { changes, digestDir } = this.#ports;
    for (const disk of this.#devices) {
      await changes.transact([onBitmap('remove', disk, verifyBitmap(this.#order.pairId))]);
      await rm(this.#own(disk, digestDir), { force: true });
    }
  }

  async #run(begun: VerifyOrder['begun'], progress: VerifyOrder['progress']): Promise<Result<Verified>> {
    const { changes, digestDir } = this.#ports;
    await mkdir(digestDir, { recursive: true, mode: 0o700 });
    const served = await changes.serve(this.#socket);
    if (!served.ok) return served;
    await this.clear();
    const again = await changes.serve(this.#socket);
    if (!again.ok) return again;
    const bitmap = verifyBitmap(this.#order.pairId);
    const marked = await changes.transact(this.#devices.map((disk) => addBitmap(disk, bitmap)));
    if (!marked.ok) return marked;
    if (!(await this.#quiet())) return fail(notQuiet);
    const theirs = begun();
    const own = await this.#offered(null, () => this.#hash(digestDir, progress));
    const other = await theirs;
    if (!own.ok) return own;
    if (!other.ok) return other;
    // What is on its way now is marked when it has arrived.
    if (!(await this.#quiet())) return fail(notQuiet);
    const ended = await changes.transact(this.#devices.map((disk) => onBitmap('disable', disk, bitmap)));
    if (!ended.ok) return ended;
    const compared = await this.#offered(bitmap, () => this.#compare(bitmap, other.value, digestDir));
    if (!compared.ok) return compared;
    const { writtenBytes = 0, differing = { bytes: 0, places: [] } } = compared.value;
    const totalBytes = this.#devices.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return ok({ totalBytes, readBytes: own.value.workBytes, writtenBytes, differing });
  }

  #hash(digestDir: string, progress: VerifyOrder['progress']): Promise<Result<Done>> {
    const disks = this.#devices.map((disk) => ({
      source: { kind: 'socket' as const, path: this.#socket, exportName: disk.target },
      out: this.#own(disk, digestDir),
    }));
    return this.#work({ c: 'hash', disks }, progress);
  }

  #compare(bitmap: string, remote: ExportAddress, digestDir: string): Promise<Result<Done>> {
    const { port, serverName, digests = {} } = remote;
    const disks = this.#devices.map((disk) => ({
      target: disk.target,
      path: this.#socket,
      exportName: disk.target,
      bitmap,
      own: this.#own(disk, digestDir),
      theirs: digests[disk.target] ?? '',
    }));
    const address = { host: this.#order.address, port, serverName };
    return this.#work({ c: 'compare', remote: address, tls: this.#ports.tls, disks }, () => undefined);
  }

  #work(job: Parameters<Copier['run']>[0], progress: VerifyOrder['progress']): Promise<Result<Done>> {
    return this.#copier?.run(job, progress) ?? Promise.resolve(fail(notQuiet));
  }

  async #offered(bitmap: string | null, work: () => Promise<Result<Done>>): Promise<Result<Done>> {
    const { changes } = this.#ports;
    try {
      for (const disk of this.#devices) {
        const offered = await changes.offer(disk, bitmap);
        if (!offered.ok) return offered;
      }
      return await work();
    } finally {
      for (const disk of this.#devices) await changes.withdraw(disk);
    }
  }

  #quiet(): Promise<boolean> {
    return quietMoment(this.#ports, this.#devices.length, QUIET_LOOKS);
  }

  #own(disk: Device, digestDir: string): string {
    return join(digestDir, `${this.#order.pairId}.${disk.target}.verify`);
  }
}

const notQuiet: Problem = {
  kind: 'no-quiet-moment',
  message:
    'The mirror broke off, or the machine wrote without a pause, so the two copies could not be compared.',
  next: 'Try again at a quieter time of the day.',
};
