import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CopyLimit, ReplicationMode } from '../../agent/protocol/index.ts';
import { agentState, askAgent } from './agent-client.ts';
import { auditOf } from './audit-file.ts';
import { dirty } from './bench-replication/dirty.ts';
import { Bench, MACHINE, pause } from './failover/bench.ts';
import { serviceProcess, signal } from './host-processes.ts';
import { keep } from './modes/points.ts';
import { places } from './places.ts';
import { ProtectedFleet } from './protected-fleet.ts';
import { Recorder } from './recorder.ts';
import { waitFor } from './run.ts';

/** What a mirror may be told besides, on real hosts: acknowledged from memory, given up rather than waited for. */
const MINUTE = 60_000;
const MEMORY: ReplicationMode = { kind: 'sync', memory: true };
/** Less than the silence after which a standby is given up anyway (400 ms). */
const PATIENCE_MS = 150;
const MIB = 2 ** 20;
/** What `dirty` writes, and how fast that may be sent. */
const DIRTY_MIB = 57;
const LIMIT_MIB = 2;
let fleet: ProtectedFleet;
let bench: Bench;

beforeAll(async () => {
  fleet = await ProtectedFleet.up(places('limits'), {
    machines: [MACHINE],
    policy: 'automatic',
    profile: 'balanced',
    witness: true,
    replication: MEMORY,
  });
  bench = await Bench.open(fleet);
}, 10 * MINUTE);
afterAll(async () => {
  await bench?.observer.stop();
  await fleet?.down();
});

/** Writes new records only: what is lost of a replica's tables shows in new clusters alone. */
async function record(): Promise<Recorder> {
  const recorder = await Recorder.start(fleet.lab, MACHINE, 10);
  await recorder.waitForMore(200, MINUTE);
  return recorder;
}

async function storageOf(host: string): Promise<number> {
  const found = await serviceProcess(fleet.lab, host, 'storage');
  if (!found) throw new Error(`no storage daemon runs on ${host}`);
  return found.pid;
}

const heard = (host: string, since: number, event: string) =>
  auditOf(fleet.lab, host).find((entry) => entry.at >= since && entry.event === event) ?? null;

const tells = (host: string, since: number, event: string) =>
  waitFor(`${host} to tell of ${event}`, MINUTE, () => heard(host, since, event), 50);

const limit = (host: string, rate: CopyLimit) =>
  askAgent(fleet.lab, host, 'host.limits', { requestId: randomUUID(), actor: 'lab', limit: rate });

/** Bytes of the copy that is being made, as its owner tells; null while none is. */
async function copying(host: string): Promise<number | null> {
  const pairs = (await agentState(fleet.lab, host))?.pairs ?? [];
  const mirror = pairs.find(({ spec }) => spec.pairId === fleet.pairId(MACHINE))?.mirror;
  return mirror?.state === 'copying' ? mirror.doneBytes : null;
}

/** Numbers of the bitmaps that the machine's QEMU keeps; each replacement has a higher one. */
async function bitmapNumbers(host: string): Promise<number[]> {
  const ask = [
    'virsh',
    '-q',
    'qemu-monitor-command',
    MACHINE,
    '{"execute":"query-named-block-nodes","arguments":{"flat":true}}',
  ];
  const { stdout } = await fleet.lab.exec(host, ask);
  return [...stdout.matchAll(/"name":\s*"(u[^"]*-(\d+))"/g)].map(([, , n]) => Number(n));
}

/**
 * In sync, QEMU's bitmaps are replaced by new ones, and what they say counts once the old ones are gone
 * (agent/replication/mirror/tracker.ts). What is there already may be from before the copy was in sync.
 */
async function bitmapsTurned(host: string): Promise<void> {
  const before = Math.max(0, ...(await bitmapNumbers(host)));
  await waitFor('what changes to be known', MINUTE, async () => {
    const now = await bitmapNumbers(host);
    return now.length > 0 && Math.min(...now) > before;
  });
}

/** The owner is lost, and the copy has to have everything. */
async function takenOver(recorder: Recorder): Promise<void> {
  const { owner, standby } = await fleet.roles(MACHINE);
  const since = Date.now();
  await fleet.lab.powerOff(owner);
  await bench.startOn(standby, since);
  await recorder.waitForMore(20, 2 * MINUTE);
  await recorder.stop();
  expect((await recorder.verify()).missing).toBe(0);
  await fleet.lab.powerOn(owner);
  await fleet.settle(MACHINE, 5 * MINUTE);
}

describe('a mirror that is acknowledged from memory', () => {
  test(
    'has everything on the copy that takes over',
    async () => {
      await takenOver(await record());
      expect(bench.violations).toBe(0);
    },
    8 * MINUTE,
  );

  test(
    'is stale once its storage daemon was killed, and compared before it counts again',
    async () => {
      const { owner, standby } = await fleet.roles(MACHINE);
      const recorder = await record();
      const since = Date.now();
      signal(await storageOf(standby), 'SIGKILL');
      await tells(standby, since, 'replica-unclean');
      await tells(owner, since, 'stale');
      const healed = await waitFor('the comparison', 3 * MINUTE, () => heard(owner, since, 'caught-up'));
      expect(healed.evidence?.way).toBe('compare');
      await fleet.settle(MACHINE, 3 * MINUTE);
      await recorder.waitForMore(100, MINUTE);
      await takenOver(recorder);
      expect(bench.violations).toBe(0);
    },
    10 * MINUTE,
  );

  test(
    'is taken over by nobody when its owner is lost before it could tell',
    async () => {
      const { owner, standby } = await fleet.roles(MACHINE);
      const recorder = await record();
      const since = Date.now();
      const agent = await serviceProcess(fleet.lab, owner, 'agent');
      if (!agent) throw new Error(`no agent runs on ${owner}`);
      // So that nobody records that the copy is stale.
      signal(agent.pid, 'SIGSTOP');
      signal(await storageOf(standby), 'SIGKILL');
      await tells(standby, since, 'replica-unclean');
      await fleet.lab.powerOff(owner);
      const refused = await tells(standby, since, 'no-candidate');
      expect(refused.text).toMatch(/ended uncleanly/);
      const sight = await fleet.sight(MACHINE);
      expect(sight.record).toMatchObject({ armed: true, replica: { state: 'in-sync' } });
      // Four leases long.
      await pause(16_000);
      expect(await fleet.guestOn(standby, MACHINE)).toBeNull();
      await recorder.stop();
      await fleet.lab.powerOn(owner);
      await fleet.settle(MACHINE, 5 * MINUTE);
      expect((await recorder.verify()).missing).toBe(0);
      expect(bench.violations).toBe(0);
    },
    10 * MINUTE,
  );
});

describe('a pair that rather goes on than waits', () => {
  test(
    'gives up a standby that is too slow, and mirrors to it again when it is fast',
    async () => {
      const { owner, standby } = await fleet.roles(MACHINE);
      await keep(fleet, MACHINE, { ...MEMORY, goOnMs: PATIENCE_MS });
      await fleet.settle(MACHINE, 3 * MINUTE);
      const recorder = await record();
      const since = Date.now();
      const storage = await storageOf(standby);
      signal(storage, 'SIGSTOP');
      const wentOn = await tells(owner, since, 'went-on');
      expect(wentOn.text).toMatch(`no answer for ${PATIENCE_MS} ms`);
      await tells(owner, since, 'stale');
      await recorder.waitForMore(100, MINUTE);
      const again = Date.now();
      signal(storage, 'SIGCONT');
      await tells(owner, again, 'fast-again');
      await fleet.settle(MACHINE, 3 * MINUTE);
      // It was not unclean, only slow.
      expect(heard(standby, since, 'replica-unclean')).toBeNull();
      expect(heard(owner, again, 'caught-up')).not.toBeNull();
      await recorder.waitForMore(100, MINUTE);
      // One writer, one write at a time: what it waited for the slow standby is its longest gap.
      expect((await recorder.outage()).seconds).toBeLessThan(2);
      await takenOver(recorder);
      expect(bench.violations).toBe(0);
    },
    10 * MINUTE,
  );
});

describe('a limit for copies', () => {
  test(
    'holds while a copy is brought up to date, and is lifted by a change',
    async () => {
      const { owner, standby } = await fleet.roles(MACHINE);
      const recorder = await record();
      // So that what changed is sent, and no comparison's holes count as progress.
      await bitmapsTurned(owner);
      const since = Date.now();
      await fleet.lab.cut(owner, standby);
      await tells(owner, since, 'stale');
      await dirty(fleet, owner, MACHINE, 7);
      await limit(owner, { mibPerS: LIMIT_MIB, hours: null });
      const copied = Date.now();
      await fleet.lab.heal();
      const seen: number[] = [];
      await waitFor(
        'the copy to have begun',
        2 * MINUTE,
        async () => ((await copying(owner)) ?? 0) > 2 * MIB,
      );
      const began = { at: Date.now(), bytes: (await copying(owner)) ?? 0 };
      while (Date.now() - began.at < 6_000) {
        seen.push((await copying(owner)) ?? Number.POSITIVE_INFINITY);
        await pause(500);
      }
      const rate = (Math.max(...seen) - began.bytes) / MIB / ((Date.now() - began.at) / 1_000);
      console.log(JSON.stringify({ limitMibPerS: LIMIT_MIB, rateMibPerS: Number(rate.toFixed(2)) }));
      expect(rate).toBeLessThan(1.3 * LIMIT_MIB);
      const lifted = Date.now();
      await limit(owner, { mibPerS: null, hours: null });
      const done = await tells(owner, copied, 'caught-up');
      expect(done.evidence?.way).toBe('changes');
      const tookS = (Date.now() - lifted) / 1_000;
      console.log(JSON.stringify({ liftedTookS: tookS }));
      // At the limit the rest alone would have taken twice as long.
      expect(tookS).toBeLessThan((DIRTY_MIB - 8 * LIMIT_MIB) / LIMIT_MIB / 2);
      await recorder.stop();
      await fleet.settle(MACHINE, 3 * MINUTE);
      expect(bench.violations).toBe(0);
    },
    8 * MINUTE,
  );
});
