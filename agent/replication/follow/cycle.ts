import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ExportAddress,
  fail,
  ok,
  type Problem,
  type RestorePoint,
  type Result,
} from '../../protocol/index.ts';
import type { Copier } from '../copier/helper.ts';
import type { CopyJob } from '../copier/jobs.ts';
import { ENOSPC } from '../forwarder/nbd-wire.ts';
import type { TlsFiles } from '../forwarder/remote.ts';
import {
  addBitmap,
  addOff,
  type Bitmap,
  bitmapName,
  type Changes,
  type Device,
  isOf,
  mergeBitmaps,
  nextNumber,
  onBitmap,
} from '../mirror/change-layer.ts';
import type { FollowOrder } from '../replication.ts';
import { diskFull } from '../storage-daemon/images.ts';
import type { StandStill } from './stand-still.ts';

export interface CyclePorts {
  changes: Changes;
  copier: Copier;
  tls: TlsFiles;
  digestDir: string;
  /** Directory in which QEMU can make a socket. */
  socketDirectory: string;
  standStill: StandStill;
  progress(doneBytes: number, totalBytes: number): void;
  stopped(): boolean;
}

/** What one point took. */
export interface CycleResult {
  point: RestorePoint;
  way: 'full' | 'changes' | 'compare' | 'nothing';
  sentBytes: number;
  /** How long the guest stood still, ms. */
  gapMs: number;
  /** What took how long, for the log. */
  stages: string[];
}

/** What is left for the moment in which the guest stands still: so much is read in a few milliseconds. */
const LITTLE_BYTES = 1024 * 1024;
/** More than this is not read into memory at once: a guest that writes so fast is told. */
const MOST_HELD_BYTES = 256 * 1024 * 1024;
const ROUNDS = 6;
/** Generation in the names of bitmaps that say what was written since the round before. */
const ROUND = 'round';

interface Held {
  /** Everything was read. */
  read: Promise<Result<void>>;
  /** And sent. */
  all: Promise<Result<void>>;
}
type What = CopyJob['disks'][number]['what'];

/**
 * One restore point: what has changed since the newest one goes into a new layer on the standby, in rounds while the guest
 * runs, until little is left. That is read in a moment in which the guest stands still, and sent when it runs on: neither the
 * network nor the standby can make it wait.
 *
 * What was written since a point is in a bitmap of the guest's QEMU that has the point's id in its name. It is begun in the
 * very moment the point is of, and goes when a newer one is known to be complete: whatever becomes of a cycle, nothing that
 * the standby lacks is forgotten.
 */
export class Cycle {
  readonly #order: FollowOrder;
  readonly #devices: Device[];
  readonly #ports: CyclePorts;
  readonly #socket: string;
  #remote: ExportAddress = { port: 0, serverName: '', exports: {}, heartbeat: '' };
  #sentBytes = 0;
  #dirtyBytes = 0;
  #since = performance.now();
  readonly #stages: string[] = [];

  constructor(order: FollowOrder, devices: Device[], ports: CyclePorts) {
    this.#order = order;
    this.#devices = devices;
    this.#ports = ports;
    this.#socket = join(ports.socketDirectory, 'understudy-read.sock');
  }

  async run(): Promise<Result<CycleResult>> {
    const begun = await this.#order.link.begin();
    if (!begun.ok) return begun;
    this.#took('begun');
    this.#remote = begun.value.remote;
    const known = await this.#known();
    if (!known.ok) return known;
    const way = this.#way(begun.value.newest, known.value);
    const served = await this.#ports.changes.serve(this.#socket);
    if (!served.ok) return served;
    try {
      const bulk = await this.#bulk(way, begun.value.newest ?? '', known.value);
      if (!bulk.ok) return bulk;
      this.#took('bulk');
      return await this.#point(way);
    } finally {
      await this.#ports.changes.unserve();
      await this.#forgetRounds();
    }
  }

  #took(stage: string): void {
    const now = performance.now();
    this.#stages.push(`${stage} ${Math.round(now - this.#since)} ms`);
    this.#since = now;
  }

  /** What the standby has got, and what this QEMU knows of the distance to that. */
  #way(newest: string | null, known: Map<string, Bitmap[]>): 'full' | 'changes' | 'compare' {
    if (newest === null) return 'full';
    const counted = [...known.values()].every((own) =>
      own.some(({ name, recording }) => recording && isOf(name, newest)),
    );
    return counted ? 'changes' : 'compare';
  }

  async #bulk(
    way: 'full' | 'changes' | 'compare',
    newest: string,
    known: Map<string, Bitmap[]>,
  ): Promise<Result<void>> {
    const first = bitmapName(this.#order.pairId, ROUND, 1);
    const next = bitmapName(this.#order.pairId, ROUND, 2);
    // What distances to other points, or rounds cut short, have left is of no use.
    const strangers = (own: Bitmap[]): Bitmap[] =>
      own.filter(({ name }) => way !== 'changes' || !isOf(name, newest));
    const turned = await this.#ports.changes.transact(
      this.#devices.flatMap((disk) => {
        const own = known.get(disk.device) ?? [];
        const since = own.filter(({ name }) => isOf(name, newest)).map(({ name }) => name);
        return [
          ...strangers(own).map(({ name }) => onBitmap('remove', disk, name)),
          ...(way === 'changes' ? [addOff(disk, first), mergeBitmaps(disk, first, since)] : []),
          addBitmap(disk, next),
        ];
      }),
    );
    if (!turned.ok) return turned;
    const sent =
      way === 'changes'
        ? await this.#offered(first, () => this.#copy(() => ({ kind: 'bitmap', name: first })))
        : way === 'full'
          ? await this.#offered(null, () => this.#copy(() => ({ kind: 'all' })))
          : await this.#compare();
    return sent.ok ? this.#rounds() : sent;
  }

  async #compare(): Promise<Result<void>> {
    const own = (disk: Device): string =>
      join(this.#ports.digestDir, `${this.#order.pairId}.${disk.target}.own`);
    const theirs = this.#order.link.compared(this.#ports.stopped);
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
        const offered = await theirs;
        if (!hashed.ok) return hashed;
        if (!offered.ok) return offered;
        this.#remote = offered.value;
        const digests = offered.value.digests ?? {};
        return this.#copy((disk) => ({
          kind: 'differing',
          own: own(disk),
          theirs: digests[disk.target] ?? '',
        }));
      });
    } finally {
      for (const disk of this.#devices) await rm(own(disk), { force: true });
    }
  }

  /** Each round sends what was written during the one before. */
  async #rounds(): Promise<Result<void>> {
    let before = Number.POSITIVE_INFINITY;
    for (let round = 0; round < ROUNDS; round += 1) {
      const bytes = await this.#left();
      if (!bytes.ok) return bytes;
      if (bytes.value <= LITTLE_BYTES || (round > 1 && bytes.value > before / 2)) break;
      before = bytes.value;
      const sent = await this.#round();
      if (!sent.ok) return sent;
    }
    const hurried = await this.#hurried();
    if (!hurried.ok) return hurried;
    const left = await this.#left();
    if (!left.ok) return left;
    return left.value <= MOST_HELD_BYTES ? ok(undefined) : fail(tooFast);
  }

  /** A guest that writes faster than a limit lets it follow: the last round is not limited, so that little has to be held. */
  async #hurried(): Promise<Result<void>> {
    const left = await this.#left();
    if (!left.ok) return left;
    if (left.value <= LITTLE_BYTES) return ok(undefined);
    this.#ports.copier.hurry();
    return this.#round();
  }

  async #round(): Promise<Result<void>> {
    const rounds = await this.#roundBitmaps();
    if (!rounds.ok) return rounds;
    const { now, next } = rounds.value;
    const turned = await this.#ports.changes.transact(
      this.#devices.flatMap((disk) => [addBitmap(disk, next), onBitmap('disable', disk, now)]),
    );
    if (!turned.ok) return turned;
    const sent = await this.#offered(now, () => this.#copy(() => ({ kind: 'bitmap', name: now })));
    if (!sent.ok) return sent;
    const removed = await this.#ports.changes.transact(
      this.#devices.map((disk) => onBitmap('remove', disk, now)),
    );
    return removed.ok ? ok(undefined) : removed;
  }

  /** The instant the point is of, and what comes after it. */
  async #point(way: CycleResult['way']): Promise<Result<CycleResult>> {
    const { standStill, changes, copier } = this.#ports;
    const rounds = await this.#roundBitmaps();
    if (!rounds.ok) return rounds;
    const { now } = rounds.value;
    const id = randomUUID().slice(0, 8);
    const since = bitmapName(this.#order.pairId, id, 1);
    copier.hurry();
    let sent = null as Held | null;
    const stood = await standStill.whileStopped(async () => {
      const turned = await changes.transact(
        this.#devices.flatMap((disk) => [addBitmap(disk, since), onBitmap('disable', disk, now)]),
      );
      if (!turned.ok) return turned;
      const offered = await this.#offer(now);
      if (!offered.ok) return offered;
      sent = this.#copyHeld(now);
      return sent.read;
    });
    // Whatever it still does is of no use.
    if (!stood.ok) copier.stop();
    const all = (await sent?.all) ?? ok(undefined);
    await this.#withdraw();
    if (!stood.ok) return stood;
    if (!all.ok) return all;
    this.#took('rest');
    const { at, quiesced, gapMs } = stood.value;
    const point: RestorePoint = { id, at, quiesced, bytes: this.#dirtyBytes };
    if (this.#ports.stopped()) return fail(broken);
    const sealed = await this.#order.link.seal(point);
    if (!sealed.ok) return sealed;
    this.#took('sealed');
    await this.#forgetFormer(id);
    return ok({ point, way, sentBytes: this.#sentBytes, gapMs, stages: this.#stages });
  }

  /** Of the bitmap that records no more: read at once, and then sent. */
  #copyHeld(bitmap: string): Held {
    let told: (result: Result<void>) => void = () => undefined;
    const read = new Promise<Result<void>>((resolve) => {
      told = resolve;
    });
    const all = this.#copy(
      () => ({ kind: 'bitmap', name: bitmap }),
      { holding: true, flush: true },
      () => told(ok(undefined)),
    );
    void all.then((result) => told(result));
    return { read, all };
  }

  /** Only what the newest point lacks counts from here on; what is left over does no harm. */
  async #forgetFormer(id: string): Promise<void> {
    const known = await this.#known();
    if (!known.ok) return;
    await this.#ports.changes.transact(
      this.#devices.flatMap((disk) =>
        (known.value.get(disk.device) ?? [])
          .filter(({ name }) => !isOf(name, id))
          .map(({ name }) => onBitmap('remove', disk, name)),
      ),
    );
  }

  async #forgetRounds(): Promise<void> {
    const known = await this.#known();
    if (!known.ok) return;
    await this.#ports.changes.transact(
      this.#devices.flatMap((disk) =>
        (known.value.get(disk.device) ?? [])
          .filter(({ name }) => isOf(name, ROUND))
          .map(({ name }) => onBitmap('remove', disk, name)),
      ),
    );
  }

  #known(): Promise<Result<Map<string, Bitmap[]>>> {
    return this.#ports.changes.bitmaps(this.#devices.map(({ device }) => device));
  }

  /** The round's bitmap that records, and the name for the next. */
  async #roundBitmaps(): Promise<Result<{ now: string; next: string; bytes: number }>> {
    const known = await this.#known();
    if (!known.ok) return known;
    const rounds = [...known.value.values()].map((own) =>
      own.filter(({ name, recording }) => recording && isOf(name, ROUND)),
    );
    const names = new Set(rounds.flatMap((own) => own.map(({ name }) => name)));
    const [now] = names;
    if (now === undefined || names.size !== 1 || rounds.some((own) => own.length !== 1))
      return fail(bitmapLost);
    const bytes = rounds.flat().reduce((sum, bitmap) => sum + bitmap.bytes, 0);
    return ok({ now, next: bitmapName(this.#order.pairId, ROUND, nextNumber(rounds)), bytes });
  }

  async #left(): Promise<Result<number>> {
    const rounds = await this.#roundBitmaps();
    return rounds.ok ? ok(rounds.value.bytes) : rounds;
  }

  async #copy(
    what: (disk: Device) => What,
    options: Pick<CopyJob, 'holding' | 'flush'> = {},
    read?: () => void,
  ): Promise<Result<void>> {
    const { port, serverName, exports } = this.#remote;
    const copied = await this.#work(
      {
        c: 'copy',
        keep: true,
        ...options,
        remote: { host: this.#order.address, port, serverName },
        tls: this.#ports.tls,
        disks: this.#devices.map((disk) => ({
          path: this.#socket,
          exportName: disk.target,
          remoteExport: exports[disk.target] ?? '',
          what: what(disk),
        })),
      },
      read,
    );
    if (!copied.ok) return fail(this.#named(copied.problem));
    this.#dirtyBytes += copied.value.workBytes;
    this.#sentBytes += copied.value.sentBytes;
    return ok(undefined);
  }

  /** A full disk is worth its own words: somebody has to free space. */
  #named(problem: Problem): Problem {
    const full = new RegExp(`error ${ENOSPC}\\b`).test(problem.details?.cause ?? '');
    const [path = 'the point'] = Object.values(this.#remote.paths ?? {});
    return full ? diskFull(this.#remote.host ?? this.#order.address, path) : problem;
  }

  async #work(job: Parameters<Copier['run']>[0], read?: () => void) {
    if (this.#ports.stopped()) return fail(broken);
    return this.#ports.copier.run(job, (done, total) => this.#ports.progress(done, total), read);
  }

  async #offered<T>(bitmap: string | null, work: () => Promise<Result<T>>): Promise<Result<T>> {
    try {
      const offered = await this.#offer(bitmap);
      return offered.ok ? await work() : offered;
    } finally {
      await this.#withdraw();
    }
  }

  async #offer(bitmap: string | null): Promise<Result<void>> {
    const added = await Promise.all(this.#devices.map((disk) => this.#ports.changes.offer(disk, bitmap)));
    const failed = added.find((one) => !one.ok);
    return failed && !failed.ok ? failed : ok(undefined);
  }

  async #withdraw(): Promise<void> {
    await Promise.all(this.#devices.map((disk) => this.#ports.changes.withdraw(disk)));
  }
}

const bitmapLost: Problem = {
  kind: 'bitmap-lost',
  message: 'QEMU no longer knows what was written since the point was begun.',
  next: 'It is begun anew, by itself.',
};
const tooFast: Problem = {
  kind: 'writes-too-fast',
  message: 'The machine writes faster than its changes can be sent to the standby.',
  next: 'It is tried again by itself; a faster network, or a quieter time of the machine, helps.',
};
const broken: Problem = {
  kind: 'point-ended',
  message: 'Making the point was broken off.',
  next: 'It is tried again by itself.',
};
