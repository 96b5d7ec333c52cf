import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fail, type MirrorStatus, ok, type Result } from '../../protocol/index.ts';
import type { GroupStatus, HoldReason } from '../forwarder/control-protocol.ts';
import type { MirrorOrder } from '../replication.ts';
import type { Blocks, Job } from './block-layer.ts';
import type { Forwarder, ForwarderOrder } from './forwarder-client.ts';
import { type MirrorPorts, PairMirror } from './pair-mirror.ts';
import type { SavedMirror } from './saved.ts';

const ORDER: MirrorOrder = {
  pairId: 'pair-1',
  vmUuid: '4b1b7a2e-94c5-4c8e-8a0e-6f0a5d2a9a11',
  disks: ['vda', 'vdb'].map((target) => ({
    target,
    path: `/images/${target}.qcow2`,
    sizeBytes: 1000,
    format: 'qcow2' as const,
  })),
  address: '10.0.0.2',
  remote: {
    port: 7421,
    serverName: 'host-b',
    exports: { vda: 'pair-1.vda', vdb: 'pair-1.vdb' },
    heartbeat: 'h',
    host: 'boreas',
  },
};
const PROBLEM = { kind: 'monitor-silent', message: 'm', next: 'n' };
const LOST: HoldReason = { kind: 'connection-lost', disk: '', detail: 'd', errno: 0 };
const SAVED: SavedMirror = {
  order: ORDER,
  sockets: { vda: '/q/understudy-vda.sock', vdb: '/q/understudy-vdb.sock' },
  live: true,
  inSync: true,
  endedInSync: false,
};

/** The forwarder as one pair sees it, with what was asked of it. */
class FakeForwarder implements Forwarder {
  readonly orders: string[] = [];
  readonly refused = new Set<string>();
  group: GroupStatus | null = null;

  async order(order: ForwarderOrder): Promise<Result<GroupStatus[]>> {
    this.orders.push(order.c);
    if (this.refused.has(order.c)) return fail(PROBLEM);
    if (order.c === 'open') this.group = stream('up');
    if (order.c === 'hold') this.group = stream('held');
    if (order.c === 'release') this.group = stream('released');
    if (order.c === 'resume') this.group = stream('up');
    const groups = this.group ? [this.group] : [];
    if (order.c === 'close') this.group = null;
    return ok(groups);
  }
}

function stream(state: GroupStatus['state'], more: Partial<GroupStatus> = {}): GroupStatus {
  return { group: 'pair-1', state, reason: state === 'held' ? LOST : null, clean: false, disks: [], ...more };
}

class FakeBlocks implements Blocks {
  readonly calls: string[] = [];
  jobsNow: Job[] = [];
  stuck = false;
  silent = false;
  guestRuns: boolean | null = true;

  socketDirectory = async () => ok('/q');
  deviceNode = async (target: string) => ok(`node-${target}`);
  running = async () => this.guestRuns;
  removeReplicas = async (): Promise<Result<void>> => {
    this.calls.push('remove');
    return this.stuck ? fail(PROBLEM) : ok(undefined);
  };
  cancelJobs = async (force: boolean): Promise<Result<void>> => {
    this.calls.push(force ? 'cancel by force' : 'cancel');
    this.jobsNow = [];
    return this.silent ? fail(PROBLEM) : ok(undefined);
  };
  untilNoJobs = async (): Promise<Result<void>> =>
    this.jobsNow.length === 0 ? ok(undefined) : fail(PROBLEM);
  jobs = async (): Promise<Result<Job[]>> => (this.silent ? fail(PROBLEM) : ok(this.jobsNow));
  readonly speeds: number[] = [];
  setSpeed = async (bytesPerS: number): Promise<Result<void>> => {
    this.speeds.push(bytesPerS);
    return ok(undefined);
  };
  addReplica = async (target: string): Promise<Result<unknown>> => {
    this.calls.push(`add ${target}`);
    return ok({});
  };
  startMirror = async (target: string): Promise<Result<unknown>> => {
    this.calls.push(`mirror ${target}`);
    this.jobsNow = [...this.jobsNow, job(target, false)];
    return ok({});
  };
  ready(): void {
    this.jobsNow = this.jobsNow.map((one) => ({ ...one, ready: true, offset: one.len }));
  }
}

const job = (target: string, ready: boolean): Job => {
  return {
    device: `understudy-pair-1-${target}`,
    len: 500,
    offset: ready ? 500 : 100,
    ready,
    status: 'running',
  };
};

describe('the mirror of one guest', () => {
  let forwarder: FakeForwarder;
  let blocks: FakeBlocks;
  let lives: boolean;
  let kept: Omit<SavedMirror, 'order'> | null;
  let told: MirrorStatus[];
  let mirror: PairMirror;
  let ports: MirrorPorts;

  beforeEach(() => {
    vi.useFakeTimers();
    forwarder = new FakeForwarder();
    blocks = new FakeBlocks();
    lives = true;
    kept = null;
    told = [];
    ports = {
      forwarder,
      blocks,
      clock: {
        now: () => Date.now(),
        bootMs: () => performance.now(),
        setTimeout(run, ms) {
          const timer = setTimeout(run, ms);
          return { cancel: () => clearTimeout(timer) };
        },
      },
      log: () => undefined,
      guestLives: () => lives,
      changed: (status) => told.push(status),
      keep: async (what) => {
        kept = what;
      },
      deadlines: { copying: 5_000, inSync: 400 },
    };
    mirror = new PairMirror(ORDER, ports);
  });
  afterEach(() => {
    mirror.detach();
    vi.useRealTimers();
  });

  async function inSync(): Promise<void> {
    expect(await mirror.start()).toMatchObject({ ok: true });
    blocks.ready();
    await mirror.refresh();
    expect(mirror.status.state).toBe('in-sync');
  }

  it('opens the stream before QEMU looks for it, and remembers first where', async () => {
    await mirror.start();
    expect(blocks.calls).toEqual(['remove', 'add vda', 'mirror vda', 'add vdb', 'mirror vdb']);
    expect(forwarder.orders).toEqual(['close', 'open']);
    expect(kept).toMatchObject({ live: true, inSync: false, endedInSync: false, sockets: SAVED.sockets });
    expect(mirror.status).toMatchObject({ state: 'copying', problem: null });
  });

  it('is in sync only when every disk is, with the short deadline in force and noted', async () => {
    await mirror.start();
    blocks.jobsNow = [job('vda', true), job('vdb', false)];
    await mirror.refresh();
    expect(mirror.status).toMatchObject({ state: 'copying', doneBytes: 600, totalBytes: 1000 });
    blocks.ready();
    await mirror.refresh();
    expect(mirror.status.state).toBe('in-sync');
    expect(forwarder.orders.at(-1)).toBe('deadline');
    expect(kept?.inSync).toBe(true);
  });

  it('copies what was there no faster than it may, shared by its disks, and limits nothing once in sync', async () => {
    let tell: (bytesPerS: number | null) => void = () => undefined;
    const left = vi.fn();
    const pace = {
      join(told: typeof tell) {
        tell = told;
        told(1_000);
        return left;
      },
    };
    mirror.detach();
    mirror = new PairMirror(ORDER, { ...ports, pace });
    await mirror.start();
    await vi.advanceTimersByTimeAsync(0);
    tell(null);
    tell(600);
    await vi.advanceTimersByTimeAsync(0);
    expect(blocks.speeds).toEqual([500, 0, 300]);
    blocks.ready();
    await mirror.refresh();
    await vi.advanceTimersByTimeAsync(0);
    expect(mirror.status.state).toBe('in-sync');
    expect(blocks.speeds.at(-1)).toBe(0);
    expect(left).toHaveBeenCalledOnce();
  });

  it('tells at once of a standby that is too slow, and does not bring that stream back', async () => {
    await inSync();
    forwarder.orders.length = 0;
    const reason = { ...LOST, kind: 'too-slow' as const, detail: 'a write had no answer for 500 ms' };
    mirror.onForwarder(stream('held', { reason }));
    expect(mirror.status).toMatchObject({ state: 'held', problem: { kind: 'standby-too-slow' } });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(forwarder.orders).toEqual([]);
  });

  it('takes another patience while it runs, and keeps it for the next life of the agent', async () => {
    await inSync();
    const told = vi.spyOn(forwarder, 'order');
    expect(await mirror.setPatience(700)).toMatchObject({ ok: true });
    expect(told).toHaveBeenLastCalledWith(expect.objectContaining({ c: 'deadline', patienceMs: 700 }));
    expect(mirror.order.patienceMs).toBe(700);
    await mirror.setPatience(null);
    expect(told).toHaveBeenLastCalledWith(expect.objectContaining({ patienceMs: null }));
    expect(mirror.order).not.toHaveProperty('patienceMs');
  });

  it('is not in sync while the forwarder holds', async () => {
    await mirror.start();
    forwarder.refused.add('resume');
    mirror.onForwarder(stream('held'));
    blocks.ready();
    await mirror.refresh();
    expect(told.map((status) => status.state)).not.toContain('in-sync');
  });

  it('looks once a second while copying, and no more once in sync', async () => {
    await mirror.start();
    const looks = vi.spyOn(blocks, 'jobs');
    await vi.advanceTimersByTimeAsync(3_100);
    expect(looks).toHaveBeenCalledTimes(3);
    blocks.ready();
    await vi.advanceTimersByTimeAsync(1_000);
    looks.mockClear();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(looks).not.toHaveBeenCalled();
  });

  it('leaves nothing behind when it cannot start', async () => {
    blocks.startMirror = async () => fail(PROBLEM);
    expect(await mirror.start()).toMatchObject({ ok: false, problem: PROBLEM });
    expect(forwarder.orders).toEqual(['close', 'open', 'release', 'close']);
    expect(blocks.calls.at(-1)).toBe('remove');
    expect(kept?.live).toBe(false);
  });

  it('lets go in order: the forwarder, QEMU, and the stream last', async () => {
    await inSync();
    forwarder.refused.add('resume');
    mirror.onForwarder(stream('held'));
    await vi.advanceTimersByTimeAsync(0);
    expect(mirror.status).toMatchObject({ state: 'held', problem: { kind: 'replica-lost' } });
    forwarder.orders.length = 0;
    blocks.calls.length = 0;
    expect(await mirror.release()).toMatchObject({ ok: true });
    expect(forwarder.orders.filter((name) => name !== 'resume')).toEqual(['release', 'close']);
    expect(blocks.calls).toEqual(['cancel by force', 'remove']);
    expect(mirror.status).toMatchObject({ state: 'broken', problem: { kind: 'replica-lost' } });
    expect(mirror.endedInSync).toBe(false);
  });

  it('keeps answering QEMU until its part is down, and goes on when the hypervisor is back', async () => {
    await inSync();
    blocks.stuck = true;
    expect(await mirror.release()).toMatchObject({ ok: false, problem: PROBLEM });
    expect(mirror.status.state).toBe('broken');
    expect(forwarder.group?.state).toBe('released');
    blocks.stuck = false;
    await mirror.hypervisorBack();
    expect(forwarder.group).toBeNull();
    expect(mirror.over).toBe(true);
  });

  it('cannot let go without the forwarder, and says so', async () => {
    await inSync();
    forwarder.refused.add('release');
    expect(await mirror.release()).toMatchObject({ ok: false, problem: PROBLEM });
    expect(mirror.over).toBe(false);
    forwarder.refused.clear();
    expect(await mirror.release()).toMatchObject({ ok: true });
  });

  it('does not resume what was released or is being taken apart', async () => {
    await inSync();
    await mirror.release();
    forwarder.orders.length = 0;
    mirror.onForwarder(stream('held'));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(forwarder.orders).toEqual([]);
  });

  it('ends drained when in sync, by force before', async () => {
    await mirror.start();
    forwarder.group = stream('ended', { clean: true });
    await mirror.end();
    expect(blocks.calls).toContain('cancel by force');
    expect(mirror.endedInSync).toBe(false);
  });

  it('calls the copy of a paused guest current, of a running one not', async () => {
    await inSync();
    blocks.guestRuns = false;
    forwarder.group = stream('ended', { clean: true });
    await mirror.end();
    // The status came over the same socket before.
    expect(blocks.calls).toContain('cancel');
    expect(mirror.status.state).toBe('off');
    expect(mirror.endedInSync).toBe(true);
  });

  it.each([
    ['a guest that stands still', false, true, ['cancel', 'remove', 'drained']],
    ['a guest that runs', true, true, ['cancel', 'remove']],
    ['a stream that was not left in order', false, false, ['cancel', 'remove']],
  ])('says that nothing is missing once QEMU has left the stream: %s', async (_of, runs, clean, calls) => {
    await inSync();
    blocks.guestRuns = runs;
    blocks.calls.length = 0;
    forwarder.group = stream('ended', { clean });
    await mirror.end(() => void blocks.calls.push('drained'));
    expect(blocks.calls).toEqual(calls);
  });

  it('knows a clean end before the hypervisor tells it', async () => {
    await inSync();
    blocks.guestRuns = null;
    blocks.jobsNow = [];
    mirror.onForwarder(stream('ended', { clean: true }));
    expect(mirror.endedInSync).toBe(true);
    lives = false;
    await vi.advanceTimersByTimeAsync(100);
    await mirror.guestStopped();
    expect(mirror.status).toMatchObject({ state: 'off', problem: null });
    expect(kept).toMatchObject({ live: false, endedInSync: true });
  });

  it('waits for the last words of a guest that is already gone', async () => {
    await inSync();
    lives = false;
    const stopped = mirror.guestStopped();
    await vi.advanceTimersByTimeAsync(120);
    forwarder.group = stream('ended', { clean: true });
    await vi.advanceTimersByTimeAsync(120);
    await stopped;
    expect(mirror.endedInSync).toBe(true);
  });

  it('does not wait for ever', async () => {
    await inSync();
    lives = false;
    const stopped = mirror.guestStopped();
    await vi.advanceTimersByTimeAsync(6_000);
    await stopped;
    expect(mirror.status).toMatchObject({ state: 'broken', problem: { kind: 'guest-ended' } });
  });

  it('takes a vanished connection of QEMU for its death only when the guest is dead', async () => {
    await inSync();
    forwarder.refused.add('resume');
    mirror.onForwarder(stream('held', { reason: { ...LOST, kind: 'qemu-gone' } }));
    await vi.advanceTimersByTimeAsync(3_000);
    expect(mirror.status.state).toBe('in-sync');
    await vi.advanceTimersByTimeAsync(3_000);
    expect(mirror.status.state).toBe('held');
  });

  it('holds the other disks when one job is gone under a running guest', async () => {
    await inSync();
    blocks.jobsNow = [job('vda', true)];
    await mirror.refresh();
    expect(forwarder.orders.at(-1)).toBe('hold');
    expect(mirror.status).toMatchObject({ state: 'held', problem: { kind: 'mirror-cancelled' } });
    mirror.onForwarder(stream('held', { reason: { ...LOST, kind: 'ordered' } }));
    await vi.advanceTimersByTimeAsync(3_000);
    expect(forwarder.orders).not.toContain('resume');
    expect(forwarder.orders).not.toContain('release');
  });

  it('changes nothing while the monitor is silent', async () => {
    await inSync();
    blocks.silent = true;
    await mirror.refresh();
    expect(mirror.status.state).toBe('in-sync');
  });

  it('does not heal what the standby answered with an error', async () => {
    await inSync();
    const reason: HoldReason = { kind: 'remote-error', disk: 'vda', detail: 'd', errno: 28 };
    mirror.onForwarder(stream('held', { reason }));
    await vi.advanceTimersByTimeAsync(3_000);
    expect(forwarder.orders).not.toContain('resume');
    expect(mirror.status).toMatchObject({ state: 'held', problem: { kind: 'standby-disk-full' } });
  });

  describe('that an earlier agent started', () => {
    it('goes on in sync', async () => {
      forwarder.group = stream('up');
      blocks.jobsNow = [job('vda', true), job('vdb', true)];
      await mirror.adopt(SAVED, forwarder.group);
      expect(mirror.status.state).toBe('in-sync');
    });

    it('goes on copying, and gets in sync', async () => {
      forwarder.group = stream('up');
      blocks.jobsNow = [job('vda', true), job('vdb', false)];
      await mirror.adopt({ ...SAVED, inSync: false }, forwarder.group);
      expect(mirror.status.state).toBe('copying');
      blocks.ready();
      await vi.advanceTimersByTimeAsync(1_000);
      expect(mirror.status.state).toBe('in-sync');
    });

    it('is finished when it had been released', async () => {
      forwarder.group = stream('released');
      await mirror.adopt(SAVED, forwarder.group);
      expect(mirror.status.state).toBe('broken');
      expect(forwarder.group).toBeNull();
    });

    it('ended with its guest meanwhile', async () => {
      lives = false;
      forwarder.group = stream('ended', { clean: true });
      await mirror.adopt(SAVED, forwarder.group);
      expect(mirror.endedInSync).toBe(true);
    });

    it('was forgotten by the forwarder: it waits for its release', async () => {
      await mirror.adopt(SAVED, null);
      expect(mirror.status).toMatchObject({ state: 'held', problem: { kind: 'stream-lost' } });
      expect(forwarder.orders).not.toContain('release');
    });
  });
});
