import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ExportAddress, fail, ok, type Problem, type Result } from '../../protocol/index.ts';
import type { Copier, Copiers } from '../copier/helper.ts';
import type { CopyJob } from '../copier/jobs.ts';
import type { TlsFiles } from '../forwarder/remote.ts';
import type { CatchingUp, MirrorOrder } from '../replication.ts';
import {
  addBitmap,
  type Bitmap,
  bitmapName,
  type Changes,
  type Device,
  mergeBitmaps,
  nextNumber,
  onBitmap,
} from './change-layer.ts';

export interface CatchUpPorts {
  changes: Changes;
  copiers: Copiers;
  tls: TlsFiles;
  /** Directory for this side's digests. */
  digestDir: string;
  progress(doneBytes: number, totalBytes: number): void;
}

/** What is left for the moment in which the guest stands still: so much is sent in a few milliseconds. */
const LITTLE_BYTES = 256 * 1024;
/** A guest that writes faster than the network takes it is stopped with more left than that. */
const ROUNDS = 8;

/**
 * Brings a replica that has fallen behind up to date while the guest runs, but for a little rest. What to send is known
 * from bitmaps, or found by comparing both sides. Everything goes through a process of its own beside QEMU: a backup
 * job would make the guest's writes wait for the standby, and fail them when that is lost.
 */
export class CatchUp {
  readonly #order: MirrorOrder;
  readonly #how: Exclude<CatchingUp, { way: 'full' }>;
  readonly #devices: Device[];
  readonly #ports: CatchUpPorts;
  readonly #socket: string;
  #copier: Copier | null = null;
  #stopped = false;
  /** Where and what the standby offers; after a comparison with its digests. */
  remote: ExportAddress;
  readonly figures = { dirtyBytes: 0, sentBytes: 0, hashBytes: 0, hashMs: 0, rounds: 0 };

  constructor(
    order: MirrorOrder,
    how: Exclude<CatchingUp, { way: 'full' }>,
    devices: Device[],
    socketDirectory: string,
    ports: CatchUpPorts,
  ) {
    this.#order = order;
    this.#how = how;
    this.#devices = devices;
    this.#ports = ports;
    this.#socket = join(socketDirectory, 'understudy-read.sock');
    this.remote = order.remote;
  }

  /** @returns once only little is left; the bitmaps say what. Ready for `oneMore` until it is closed. */
  async run(): Promise<Result<void>> {
    this.#copier = this.#ports.copiers.start();
    const sent = await this.#bulk();
    if (!sent.ok) await this.close();
    return sent;
  }

  /** A last round, when everything else is ready for the guest to be stopped: so that next to nothing is left. */
  async oneMore(): Promise<Result<void>> {
    const known = await this.#known();
    if (!known.ok) return known;
    this.figures.rounds += 1;
    this.#copier?.hurry();
    return this.#round(known.value);
  }

  /** Ends what `run` began in QEMU and beside it. Idempotent. */
  async close(): Promise<void> {
    const copier = this.#copier;
    this.#copier = null;
    if (!copier) return;
    copier.stop();
    await this.#ports.changes.unserve();
  }

  async #bulk(): Promise<Result<void>> {
    if (this.#how.way === 'compare') {
      const begun = await this.#beginBitmaps();
      if (!begun.ok) return begun;
    }
    const served = await this.#ports.changes.serve(this.#socket);
    if (!served.ok) return served;
    if (this.#how.way === 'compare') {
      const compared = await this.#compare(this.#how.compared);
      if (!compared.ok) return compared;
    }
    return this.#rounds();
  }

  stop(): void {
    this.#stopped = true;
    this.#copier?.stop();
  }

  /** The bitmap of each disk that says what is left. */
  async rest(): Promise<Result<{ disk: Device; bitmap: string }[]>> {
    const known = await this.#known();
    if (!known.ok) return known;
    const rest = this.#devices.map((disk) => ({ disk, own: known.value.get(disk.device) ?? [] }));
    if (rest.some(({ own }) => own.length !== 1)) return fail(bitmapLost);
    return ok(rest.map(({ disk, own }) => ({ disk, bitmap: own[0]?.name ?? '' })));
  }

  #known(): Promise<Result<Map<string, Bitmap[]>>> {
    return this.#ports.changes.bitmaps(this.#devices.map(({ device }) => device));
  }

  /** From here on nothing is missed; what bitmaps of former copies say is of no use any more. */
  async #beginBitmaps(): Promise<Result<unknown>> {
    const known = await this.#known();
    if (!known.ok) return known;
    const name = bitmapName(this.#order.pairId, this.#how.generation, nextNumber(known.value.values()));
    return this.#ports.changes.transact(
      this.#devices.flatMap((disk) => [
        ...(known.value.get(disk.device) ?? []).map((old) => onBitmap('remove', disk, old.name)),
        addBitmap(disk, name),
      ]),
    );
  }

  async #compare(compared: () => Promise<Result<ExportAddress>>): Promise<Result<void>> {
    const own = (disk: Device): string =>
      join(this.#ports.digestDir, `${this.#order.pairId}.${disk.target}.own`);
    const theirs = compared();
    await mkdir(this.#ports.digestDir, { recursive: true, mode: 0o700 });
    try {
      return await this.#offered(null, async () => {
        const hashed = await this.#work({
          c: 'hash',
          disks: this.#devices.map((disk) => ({
            source: { kind: 'socket', path: this.#socket, exportName: disk.target },
            out: own(disk),
          })),
        });
        if (!hashed.ok) return hashed;
        this.figures.hashBytes = hashed.value.workBytes;
        this.figures.hashMs = hashed.value.ms;
        const offered = await theirs;
        if (!offered.ok) return offered;
        this.remote = offered.value;
        return this.#copy((disk) => ({
          kind: 'differing',
          own: own(disk),
          theirs: offered.value.digests?.[disk.target] ?? '',
        }));
      });
    } finally {
      for (const disk of this.#devices) await rm(own(disk), { force: true });
    }
  }

  /** Each round sends what was written during the one before. */
  async #rounds(): Promise<Result<void>> {
    let before = Number.POSITIVE_INFINITY;
    for (let round = 0; ; round += 1) {
      const known = await this.#known();
      if (!known.ok) return known;
      if ([...known.value.values()].some((own) => own.length === 0)) return fail(bitmapLost);
      const bytes = sum([...known.value.values()].flat().map((bitmap) => bitmap.bytes));
      const single = [...known.value.values()].every((own) => own.length === 1);
      const enough = bytes <= LITTLE_BYTES || (round > 2 && bytes > before / 2);
      if (single && (enough || round === ROUNDS)) return ok(undefined);
      const sent = await this.#round(known.value);
      if (!sent.ok) return sent;
      before = bytes;
      this.figures.rounds += 1;
    }
  }

  async #round(known: Map<string, Bitmap[]>): Promise<Result<void>> {
    const { changes } = this.#ports;
    const name = bitmapName(this.#order.pairId, this.#how.generation, nextNumber(known.values()));
    const turned = await changes.transact(this.#devices.flatMap((disk) => turn(disk, known, name)));
    if (!turned.ok) return turned;
    const first = (disk: Device): string => known.get(disk.device)?.[0]?.name ?? '';
    const sent = await this.#offered(first, () =>
      this.#copy((disk) => ({ kind: 'bitmap', name: first(disk) })),
    );
    if (!sent.ok) return sent;
    const removed = await changes.transact(
      this.#devices.map((disk) => onBitmap('remove', disk, first(disk))),
    );
    return removed.ok ? ok(undefined) : removed;
  }

  async #copy(what: (disk: Device) => CopyJob['disks'][number]['what']): Promise<Result<void>> {
    const { port, serverName, exports } = this.remote;
    const copied = await this.#work({
      c: 'copy',
      remote: { host: this.#order.address, port, serverName },
      tls: this.#ports.tls,
      disks: this.#devices.map((disk) => ({
        path: this.#socket,
        exportName: disk.target,
        remoteExport: exports[disk.target] ?? '',
        what: what(disk),
      })),
    });
    if (!copied.ok) return copied;
    this.figures.dirtyBytes += copied.value.workBytes;
    this.figures.sentBytes += copied.value.sentBytes;
    return ok(undefined);
  }

  async #work(job: Parameters<Copier['run']>[0]) {
    if (this.#stopped || !this.#copier) return fail(broken);
    return this.#copier.run(job, (done, total) => this.#ports.progress(done, total));
  }

  async #offered<T>(
    bitmap: ((disk: Device) => string) | null,
    work: () => Promise<Result<T>>,
  ): Promise<Result<T>> {
    const { changes } = this.#ports;
    const offered: Device[] = [];
    try {
      for (const disk of this.#devices) {
        const added = await changes.offer(disk, bitmap?.(disk) ?? null);
        if (!added.ok) return added;
        offered.push(disk);
      }
      return await work();
    } finally {
      for (const disk of offered) await changes.withdraw(disk);
    }
  }
}

/** The oldest bitmap takes up the others and records no more; a new one goes on. */
function turn(disk: Device, known: Map<string, Bitmap[]>, name: string) {
  const [first, ...others] = known.get(disk.device) ?? [];
  if (!first) return [];
  return [
    addBitmap(disk, name),
    ...(others.length > 0
      ? [
          mergeBitmaps(
            disk,
            first.name,
            others.map((one) => one.name),
          ),
        ]
      : []),
    ...(first.recording ? [onBitmap('disable', disk, first.name)] : []),
    ...others.map((one) => onBitmap('remove', disk, one.name)),
  ];
}

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);

const bitmapLost: Problem = {
  kind: 'bitmap-lost',
  message: 'QEMU no longer knows what was written since both copies agreed.',
  next: 'Both sides are compared instead, by itself.',
};
const broken: Problem = {
  kind: 'catch-up-ended',
  message: 'Bringing the copy up to date was broken off.',
  next: 'It is tried again by itself once the standby answers.',
};
