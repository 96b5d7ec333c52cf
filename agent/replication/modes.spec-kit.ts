import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type CoordinatedMode,
  type ExportAddress,
  fail,
  isCoordinated,
  type MirrorStatus,
  makesPoints,
  ok,
  type Problem,
  type ReplicationMode,
} from '../protocol/index.ts';
import {
  type AttendOrder,
  type MirrorOrder,
  OLD_DISK,
  type PointsLink,
  type ReplicaDisk,
  type ReplicaSource,
  type ReplicaTarget,
} from './replication.ts';

/** Two hosts to try every mode on; the guest runs on the first. */
export interface ModesBench {
  source: ReplicaSource;
  target: ReplicaTarget;
  /** What the owner's side gives to every order: its disks, the guest, the standby's address. */
  own: Pick<MirrorOrder, 'vmUuid' | 'disks' | 'address'>;
  /** Where the copy's disks lie on the standby. */
  disks: ReplicaDisk[];
  /** The owner's way to a port of the standby. */
  through(port: number): number;
  link: PointsLink;
  /** Sets up what keeps the copy of such a mode, and gives the look at it; left out where nobody can. */
  attended?(mode: CoordinatedMode): AttendOrder['look'];
  /** Wall clock of the owner, ms. */
  now(): number;
  /** One write by the guest, told apart by what its client hears. */
  write(): Promise<'acknowledged' | 'held'>;
  /**
   * How many of the acknowledged writes a machine would lack that started now from what lies at the disks' places. Nothing
   * has them open.
   */
  missing(): Promise<number>;
  shutdownGuest(): Promise<void>;
  network(connected: boolean): Promise<void>;
  until(state: () => boolean): Promise<void>;
  close(): Promise<void>;
}

const PAIR = 'pair-1';

/** A standby's points as an owner's agent reaches them, without agents between. */
export function directLink(
  target: ReplicaTarget,
  pairId: string,
  disks: ReplicaDisk[],
  way: { reaches(): boolean; through(port: number): number; pause(): Promise<void> },
): PointsLink {
  const { restore } = target;
  const through = (remote: ExportAddress): ExportAddress => ({ ...remote, port: way.through(remote.port) });
  return {
    async begin() {
      if (!way.reaches()) return fail(away);
      const newest = restore.list(pairId).at(-1)?.id ?? (restore.liesOn(pairId) ? OLD_DISK : null);
      const remote = await restore.begin(pairId, disks);
      return remote.ok ? ok({ remote: through(remote.value), newest }) : remote;
    },
    async compared(stopped) {
      while (!stopped() && way.reaches()) {
        const compared = await restore.compare(pairId, disks);
        if (!compared.ok) return compared;
        if (compared.value) return ok(through(compared.value));
        await way.pause();
      }
      return fail(away);
    },
    seal: async (point) => (way.reaches() ? restore.seal(pairId, disks, point) : fail(away)),
  };
}

const away: Problem = { kind: 'peer-unreachable', message: 'The standby is silent.', next: 'Wait.' };

/** Often enough for a test to wait for. */
const MODES: ReplicationMode[] = [
  { kind: 'sync' },
  { kind: 'interval', everyS: 1, retention: { last: 3, hourly: 0, daily: 0, weekly: 0 } },
  { kind: 'async', rpoS: 4 },
];
/** Modes in which somebody else keeps the copy. */
export const COORDINATED: ReplicationMode[] = [
  { kind: 'shared' },
  { kind: 'external', synchronous: true, everyS: 1, commands: {} },
];

/** What every way of keeping a copy must do, whichever it is: docs/replication.md, *Modes*. */
export function modesContract(
  name: string,
  openBench: () => Promise<ModesBench>,
  more: ReplicationMode[] = [],
): void {
  describe.each([...MODES, ...more])(`${name}, kept by $kind`, (mode) => {
    let bench: ModesBench;
    let told: MirrorStatus[];
    const status = () => bench.source.status(PAIR);
    const byPoints = makesPoints(mode);
    const usable = byPoints ? 'following' : 'in-sync';
    /** Its writes wait while the copy does not take them: none is acknowledged that it lacks. */
    const holds = mode.kind === 'sync' || mode.kind === 'external';
    /** A slow machine may need longer for a point than this interval: told, and no trouble. */
    const inTrouble = (): boolean => {
      const kind = status()?.problem?.kind ?? null;
      return kind !== null && kind !== 'interval-too-short';
    };
    const isUsable = (): boolean => status()?.state === usable && !inTrouble();

    async function begin(): Promise<void> {
      if (mode.kind === 'sync') {
        expect(await bench.target.create(PAIR, bench.disks, 'aside')).toMatchObject({ ok: true });
        const offered = await bench.target.open(PAIR, bench.disks);
        if (!offered.ok) throw new Error(offered.problem.message);
        const remote = { ...offered.value, port: bench.through(offered.value.port) };
        expect(await bench.source.mirror({ pairId: PAIR, ...bench.own, remote })).toMatchObject({ ok: true });
        return;
      }
      const { link, own } = bench;
      if (isCoordinated(mode)) {
        const look = bench.attended?.(mode);
        if (!look) throw new Error(`the bench keeps no copy of mode ${mode.kind}`);
        const settles = mode.kind === 'external';
        const { vmUuid } = own;
        const order = { pairId: PAIR, vmUuid, mayBeWhole: true, settles, everyMs: 1_000, look };
        expect(await bench.source.attend(order)).toMatchObject({ ok: true });
        return;
      }
      expect(await bench.source.follow({ pairId: PAIR, ...own, mode, link, last: null })).toMatchObject({
        ok: true,
      });
    }

    /** Everything acknowledged until then can be started, as it tells; null while it tells nothing. */
    function wholeUntil(): number | null {
      if (byPoints) return status()?.follow?.wholeUntil ?? null;
      return isUsable() ? bench.now() : null;
    }

    /** The owner is lost to the standby: what it has is what is left. */
    async function lost(): Promise<number> {
      await bench.network(false);
      await bench.source.release(PAIR);
      await bench.source.end(PAIR);
      if (mode.kind === 'sync') await bench.target.close(PAIR);
      if (byPoints)
        expect(await bench.target.restore.surface(PAIR, bench.disks, null)).toMatchObject({ ok: true });
      return bench.missing();
    }

    beforeEach(async () => {
      bench = await openBench();
      told = [];
      await bench.source.start();
      await bench.target.start();
      bench.source.subscribe((_pairId, now) => told.push(now));
    });
    afterEach(async () => {
      await bench.source.stop();
      await bench.target.stop();
      await bench.close();
    });

    it('has everything that was written before it could first be started', async () => {
      for (let n = 0; n < 5; n += 1) await bench.write();
      await begin();
      await bench.until(isUsable);
      expect(told.some(({ state }) => state === usable)).toBe(true);
      expect(await lost()).toBe(0);
    });

    it('lacks nothing that was acknowledged until the moment it tells', async () => {
      await bench.write();
      await begin();
      await bench.until(isUsable);
      const acknowledged: number[] = [];
      const writeSome = async (times: number): Promise<void> => {
        for (let n = 0; n < times; n += 1)
          if ((await bench.write()) === 'acknowledged') acknowledged.push(bench.now());
      };
      const first = wholeUntil() ?? 0;
      await writeSome(4);
      await bench.until(() => (wholeUntil() ?? 0) > first);
      await writeSome(3);
      const until = wholeUntil() ?? 0;
      const atRisk = acknowledged.filter((at) => at > until).length;
      expect(await lost()).toBeLessThanOrEqual(byPoints ? atRisk : 0);
    });

    it('holds writes, or lets them go on, while the standby is away; and has them all when it is back', async () => {
      await begin();
      await bench.until(isUsable);
      await bench.network(false);
      expect(await bench.write()).toBe(holds ? 'held' : 'acknowledged');
      await bench.until(inTrouble);
      await bench.network(true);
      const before = status()?.follow?.point?.id;
      await bench.until(() => isUsable() && (!byPoints || status()?.follow?.point?.id !== before));
      // What was held before has been let through by then.
      if (holds) expect(await bench.write()).toBe('acknowledged');
      expect(await lost()).toBe(0);
    });

    it('ends when told, once and again, and leaves what can be started', async () => {
      await bench.write();
      await begin();
      await bench.until(isUsable);
      expect(await bench.source.end(PAIR)).toMatchObject({ ok: true });
      expect(status()).toBeNull();
      expect(await bench.source.end(PAIR)).toMatchObject({ ok: true });
      expect(await bench.write()).toBe('acknowledged');
      // Who keeps it otherwise goes on.
      expect(await lost()).toBe(isCoordinated(mode) ? 0 : 1);
    });

    it('says of no end that it left everything, but of one in order of a copy that has everything', async () => {
      await begin();
      await bench.until(isUsable);
      await bench.write();
      await bench.shutdownGuest();
      await bench.source.end(PAIR);
      expect(bench.source.endedInSync(PAIR)).toBe(!byPoints);
    });
  });
}
