import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { guestDraft, MAIL } from '../../hypervisor/simulated/spec-world.ts';
import type { PairRecord, ProblemError, Task } from '../../protocol/index.ts';
import { simulatedMarks } from '../../replication/simulated/source.ts';
import { type Box, Rig, until } from '../../replication/simulated/spec-rig.ts';
import { PAIR } from '../testing/mail.ts';

// Every step is on disk before it runs, and the disk may be anybody's.
vi.setConfig({ testTimeout: 60_000 });

const KIB = 1024;
let rig: Rig;
let atlas: Box;
let boreas: Box;
let writer: ReturnType<typeof setInterval>;

async function protect(policy: 'manual' | 'automatic'): Promise<void> {
  const order = { pairId: PAIR, vmUuid: MAIL, standby: 'boreas', policy } as const;
  // A long lease: a busy machine must not look like a dead host at twenty times the speed.
  const votes = { witness: policy === 'automatic' ? 'cora' : null, profile: 'patient' } as const;
  for (;;) {
    const { state, problem } = await atlas.order('protect.start', { ...order, ...votes });
    if (state === 'done') break;
    // A disk that stood still for a moment (testing/mail.ts): given again.
    expect(problem?.kind).toBe('no-majority');
  }
  await until(
    () =>
      (policy === 'automatic' ? record(atlas)?.armed : record(boreas)?.replica.state === 'in-sync') === true,
  );
}

const record = (box: Box): PairRecord | undefined => box.pair()?.record;
const results = (box: Box) => box.pair()?.verify?.results ?? [];
const history = (box: Box): Promise<string> => readFile(join(rig.folder, box.host.name, 'audit.log'), 'utf8');
const replicas = () =>
  [...boreas.host.images.values()].filter(({ path }) => !/\.(aside|point|under)/.test(path));
const damage = () => replicas().reduce((sum, { damagedBytes = 0 }) => sum + damagedBytes, 0);
const verify = (): Promise<Task> => atlas.order('pair.verify', { pairId: PAIR });

/** The standby's disk decays. */
function decay(): void {
  const [image] = replicas();
  if (!image) throw new Error('no replica');
  image.damagedBytes = 64 * KIB;
}

/** Begins one whose reading takes a while; resolves at the moment its step begins. */
async function begin(step: string, pace = 5e8): Promise<string> {
  rig.world.pace.copyBps = pace;
  const id = randomUUID();
  const began = new Promise<void>((resolve) => {
    const end = atlas.service.subscribe((event) => {
      if (event.kind !== 'task' || event.task.id !== id) return;
      if (event.task.steps.find((each) => each.id === step)?.state !== 'running') return;
      end();
      resolve();
    });
  });
  const order = { pairId: PAIR, requestId: id, actor: 'spec' };
  await atlas.service.consoleHandlers['pair.verify'](order, new AbortController().signal);
  await began;
  return id;
}

/** Resolves once the standby reads its side. */
const reading = (id: string): Promise<void> =>
  until(() => (atlas.service.tasks().find((task) => task.id === id)?.progress?.doneBytes ?? 0) > 0);

function expectNoTrace(): void {
  expect([...simulatedMarks(atlas.host)]).toEqual([]);
  expect([...simulatedMarks(boreas.host)]).toEqual([]);
}

beforeEach(async () => {
  // A Monday, half a minute before one.
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(2026, 5, 1, 0, 59, 30) });
  rig = await Rig.open([
    { name: 'atlas', guests: [{ ...guestDraft() }] },
    { name: 'boreas' },
    { name: 'cora' },
  ]);
  atlas = rig.box('atlas');
  boreas = rig.box('boreas');
  rig.world.pace.copyBps = 60e9;
  writer = setInterval(() => {
    for (const box of [atlas, boreas]) if (box.host.runs(MAIL)) box.host.write(MAIL);
  }, 2);
});
afterEach(async () => {
  clearInterval(writer);
  vi.useRealTimers();
  expect(rig.world.violations).toEqual([]);
  await rig.close();
});

describe('a copy that is the same', () => {
  it('is found so beside the replication, which is counted on all the time', async () => {
    await protect('automatic');
    const { version } = record(atlas) ?? { version: 0 };
    expect(await verify()).toMatchObject({ state: 'done', problem: null });
    expect(results(atlas)).toMatchObject([
      {
        outcome: 'alike',
        by: 'spec',
        host: 'boreas',
        found: { differingBytes: 0, places: [] },
        repairedAt: null,
      },
    ]);
    expect(results(atlas)[0]?.found?.totalBytes).toBe(40 * 2 ** 30);
    expect(record(atlas)).toMatchObject({ armed: true, version });
    expect(await history(atlas)).toContain('"replica-alike"');
    expectNoTrace();
  });

  it('is compared by the host that owns the machine, and only while in sync', async () => {
    await protect('manual');
    await expect(boreas.order('pair.verify', { pairId: PAIR })).rejects.toThrow(/does not run on boreas/);
    rig.world.cable('atlas', 'boreas', false);
    await until(() => record(atlas)?.replica.state === 'stale');
    await expect(verify()).rejects.toThrow(/not in sync/);
  });
});

describe('a copy that differs', () => {
  it('counts no longer, is repaired, found the same, and the pair is armed again', async () => {
    await protect('automatic');
    decay();
    const told: boolean[] = [];
    atlas.service.subscribe((event) => {
      if (event.kind === 'pair' && event.pair) told.push(event.pair.record.armed);
    });
    expect(await verify()).toMatchObject({ state: 'done' });
    expect(results(atlas)[0]).toMatchObject({
      outcome: 'differs',
      found: { differingBytes: 64 * KIB, places: [{ target: 'vda', offset: 0, length: 64 * KIB }] },
    });
    await until(() => (results(atlas)[0]?.repairedAt ?? null) !== null);
    expect(told).toContain(false);
    expect(damage()).toBe(0);
    await until(() => record(atlas)?.armed === true);
    const said = await history(atlas);
    expect(said).toContain('"replica-differs"');
    expect(said).toContain('vda 0+65536');
    expect(said.indexOf('"replica-differs"')).toBeLessThan(said.indexOf('"replica-repaired"'));
    expect(await verify()).toMatchObject({ state: 'done' });
    expect(results(atlas)[0]).toMatchObject({ outcome: 'alike' });
    expect(results(atlas)).toHaveLength(2);
    expectNoTrace();
  });

  it('is not mended by what an ordinary break leaves to be sent', async () => {
    await protect('manual');
    decay();
    rig.world.cable('atlas', 'boreas', false);
    await until(() => record(atlas)?.replica.state === 'stale');
    rig.world.cable('atlas', 'boreas', true);
    await until(() => record(atlas)?.replica.state === 'in-sync');
    expect(damage()).toBe(64 * KIB);
  });

  it('is compared anew, too, when its repair is broken off and tried again', async () => {
    await protect('automatic');
    decay();
    rig.world.pace.copyBps = 1e9;
    void verify();
    await until(() =>
      atlas.service.tasks().some(({ kind, state }) => kind === 'resync' && state === 'running'),
    );
    rig.world.cable('atlas', 'boreas', false);
    await until(() =>
      atlas.service.tasks().some(({ kind, state }) => kind === 'resync' && state === 'failed'),
    );
    expect(damage()).toBe(64 * KIB);
    expect(results(atlas)[0]).toMatchObject({ outcome: 'differs', repairedAt: null });
    rig.world.pace.copyBps = 60e9;
    rig.world.cable('atlas', 'boreas', true);
    await until(() => record(atlas)?.armed === true);
    expect(damage()).toBe(0);
    expect(results(atlas)[0]?.repairedAt).not.toBeNull();
  });

  it('is not handed the machine before it is repaired, however often that is ordered', async () => {
    await protect('manual');
    decay();
    let handed = false;
    const end = rig.world.onChange(() => {
      handed ||= boreas.host.runs(MAIL) && damage() > 0;
    });
    const order = verify();
    await until(() => results(atlas)[0]?.outcome === 'differs');
    const move = (): Promise<Task | null> =>
      atlas.order('pair.switchover', { pairId: PAIR }).catch((error: ProblemError) => {
        expect(error.problem.kind).toBe('pair-busy');
        return null;
      });
    while ((await move())?.state !== 'done') await until(() => record(atlas)?.replica.state === 'in-sync');
    end();
    await order;
    expect(boreas.host.runs(MAIL)).toBe(true);
    expect(handed).toBe(false);
  });

  it.each(['keep', 'end'])(
    'is known to differ by the next agent, when this one is killed at %s',
    async (step) => {
      await protect('automatic');
      decay();
      const id = await begin(step, 60e9);
      await atlas.killAgent();
      await atlas.startAgent();
      expect(await atlas.ended(id)).toMatchObject({ state: 'done' });
      await until(() => (results(atlas)[0]?.repairedAt ?? null) !== null);
      expect(results(atlas)).toMatchObject([{ outcome: 'differs' }]);
      expect(damage()).toBe(0);
      await until(() => record(atlas)?.armed === true);
      expectNoTrace();
    },
  );

  it('is made good by the next agent, wherever this one is killed in the repair', async () => {
    await protect('automatic');
    decay();
    const seen = new Set<string>();
    void verify();
    while (damage() > 0 || record(atlas)?.armed !== true) {
      const step = await new Promise<string | null>((resolve) => {
        const end = atlas.service.subscribe((event) => {
          const over = event.kind === 'pair' && event.pair?.record.armed === true && damage() === 0;
          const now =
            event.kind === 'task' && event.task.kind === 'resync'
              ? event.task.steps.find(({ state }) => state === 'running')?.id
              : undefined;
          if (!over && (now === undefined || seen.has(now))) return;
          end();
          resolve(over ? null : (now ?? null));
        });
      });
      if (step === null) break;
      seen.add(step);
      await atlas.killAgent();
      await atlas.startAgent();
    }
    expect([...seen]).toEqual(expect.arrayContaining(['ask', 'prepare', 'copy', 'record']));
    expect(damage()).toBe(0);
    await until(() => (results(atlas)[0]?.repairedAt ?? null) !== null);
    expect((await history(atlas)).match(/"replica-repaired"/g)).toHaveLength(1);
  });
});

describe('a comparison that is interrupted', () => {
  it.each(['check', 'compare'])('by its agent’s end at %s is cleared away by the next', async (step) => {
    await protect('automatic');
    const id = await begin(step);
    if (step === 'compare') await reading(id);
    await atlas.killAgent();
    if (step === 'compare') expect(simulatedMarks(atlas.host).size).toBe(1);
    rig.world.pace.copyBps = 60e9;
    await atlas.startAgent();
    expect(await atlas.ended(id)).toMatchObject({ state: 'failed', problem: { kind: 'verify-interrupted' } });
    expect(results(atlas)).toMatchObject([{ outcome: 'failed', found: null }]);
    expectNoTrace();
    expect(await verify()).toMatchObject({ state: 'done' });
    expect(record(atlas)?.armed).toBe(true);
  });

  it('by a person says so', async () => {
    await protect('manual');
    const id = await begin('compare');
    await atlas.consoleCall('task.cancel', { taskId: id });
    expect(await atlas.ended(id)).toMatchObject({ state: 'cancelled' });
    expect(results(atlas)).toMatchObject([{ outcome: 'cancelled' }]);
    expect(record(atlas)?.replica.state).toBe('in-sync');
    expectNoTrace();
  });

  it('by the end of the standby’s agent comes to no verdict', async () => {
    await protect('manual');
    const id = await begin('compare', 1e8);
    await reading(id);
    await boreas.killAgent();
    await boreas.startAgent();
    const task = await atlas.ended(id);
    expect(task.state).toBe('failed');
    expect(results(atlas)).toMatchObject([{ outcome: 'failed' }]);
    expectNoTrace();
  });

  it('by the loss of the replication comes to no verdict', async () => {
    await protect('manual');
    const id = await begin('compare', 1e8);
    await reading(id);
    rig.world.cable('atlas', 'boreas', false);
    expect(await atlas.ended(id)).toMatchObject({ state: 'failed', problem: { kind: 'verify-broke-off' } });
    expectNoTrace();
  });

  it('by the loss of the owner keeps nobody from taking over', async () => {
    await protect('automatic');
    const id = await begin('compare', 1e8);
    await reading(id);
    await atlas.powerOff();
    await until(() => boreas.host.runs(MAIL));
    rig.world.pace.copyBps = 60e9;
    await atlas.powerOn();
    expect(await atlas.ended(id)).toMatchObject({ state: 'failed' });
    expect(boreas.host.exports.has(PAIR)).toBe(false);
    expectNoTrace();
  });

  it('by a switchover makes way', async () => {
    await protect('manual');
    const id = await begin('compare', 1e8);
    expect(await atlas.order('pair.switchover', { pairId: PAIR })).toMatchObject({ state: 'done' });
    expect(await atlas.ended(id)).toMatchObject({ state: 'cancelled' });
    expect(boreas.host.runs(MAIL)).toBe(true);
    expectNoTrace();
  });

  it('by the end of the protection goes with it', async () => {
    await protect('manual');
    const id = await begin('compare', 1e8);
    expect(await atlas.order('protect.end', { pairId: PAIR })).toMatchObject({ state: 'done' });
    expect(await atlas.ended(id)).toMatchObject({ state: 'cancelled' });
    expectNoTrace();
  });
});

describe('the timetable', () => {
  it("is kept by the owner's agent: one comparison at its hour, and it tells the next", async () => {
    await protect('manual');
    await until(() => results(atlas).length > 0);
    expect(atlas.pair()?.verify).toMatchObject({
      settings: { every: 'weekly', hour: 1 },
      results: [{ by: 'timetable', outcome: 'alike' }],
      next: new Date(2026, 5, 8, 1).getTime(),
    });
    const at = rig.world.clock.now();
    await until(() => rig.world.clock.now() > at + 130_000);
    expect(results(atlas)).toHaveLength(1);
    expect(results(boreas)).toHaveLength(0);
  });

  it('waits while work on the pair is planned, and can be changed, which both hosts learn', async () => {
    await protect('manual');
    const maintenance = { until: rig.world.clock.now() + 3_600_000, reason: 'spec' };
    await atlas.consoleCall('pair.settings', { pairId: PAIR, change: { maintenance } });
    const one = new Date(2026, 5, 1, 1).getTime();
    await until(() => rig.world.clock.now() > one + 130_000);
    expect(results(atlas)).toHaveLength(0);
    const settings = { every: 'monthly', hour: 23 } as const;
    await atlas.consoleCall('pair.verifySettings', { pairId: PAIR, settings });
    await until(() => boreas.pair()?.verify?.settings.every === 'monthly');
    expect(atlas.pair()?.verify).toMatchObject({ settings, next: new Date(2026, 5, 1, 23).getTime() });
  });
});
