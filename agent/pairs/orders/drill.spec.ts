import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isTrial } from '../../drill/stage.ts';
import { guestDraft, MAIL } from '../../hypervisor/simulated/spec-world.ts';
import { DRILL_DEFAULTS } from '../../protocol/index.ts';
import { type Box, Rig, until } from '../../replication/simulated/spec-rig.ts';

// Every step is on disk before it runs, and the disk may be anybody's.
vi.setConfig({ testTimeout: 60_000 });

const PAIR = 'pair-mail';
let rig: Rig;
let atlas: Box;
let boreas: Box;
let writer: ReturnType<typeof setInterval>;

async function protect(drill: 'waived' | 'first', policy: 'manual' | 'automatic'): Promise<void> {
  const order = { pairId: PAIR, vmUuid: MAIL, standby: 'boreas', policy, drill } as const;
  // A long lease: a busy machine must not look like a dead host at twenty times the speed.
  const votes = { witness: policy === 'automatic' ? 'cora' : null, profile: 'patient' } as const;
  for (;;) {
    const { state, problem } = await atlas.order('protect.start', { ...order, ...votes });
    if (state === 'done') break;
    // A disk that stood still for a moment (testing/mail.ts): given again.
    expect(problem?.kind).toBe('no-majority');
  }
  await until(() => boreas.pair()?.record.replica.state === 'in-sync');
}

/** Starts one and returns its task as it stands. */
async function begin(standS = 0) {
  const id = randomUUID();
  const order = { pairId: PAIR, requestId: id, actor: 'spec', standS, point: null };
  await boreas.service.consoleHandlers['pair.drill'](order, new AbortController().signal);
  return () => boreas.service.tasks().find((task) => task.id === id);
}
const drill = () => boreas.order('pair.drill', { pairId: PAIR, standS: 0 });
const trials = (box: Box) => [...box.host.guests.values()].filter(({ domain }) => isTrial(domain.uuid));
const runsTrial = () => trials(boreas).some(({ domain }) => boreas.host.runs(domain.uuid));

function expectNoTrace(): void {
  expect(trials(boreas)).toEqual([]);
  expect(boreas.host.points.size).toBe(0);
  expect([...boreas.host.images.keys()].filter((path) => /point|drill/.test(path))).toEqual([]);
}

beforeEach(async () => {
  // A Monday, half a minute before three.
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(2026, 5, 1, 2, 59, 30) });
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

describe('a drill', () => {
  it('shows that the copy works, beside the replication, and leaves no trace', async () => {
    await protect('waived', 'manual');
    expect(await drill()).toMatchObject({ state: 'done', problem: null });
    const status = boreas.pair();
    expect(status?.drill).toMatchObject({
      stale: null,
      results: [
        { outcome: 'passed', by: 'spec', host: 'boreas', evidence: expect.stringContaining('answers') },
      ],
    });
    const [result] = status?.drill?.results ?? [];
    for (const ms of [result?.pointMs, result?.startMs, result?.answerMs, result?.undoMs])
      expect(ms).toBeGreaterThanOrEqual(0);
    await until(() => atlas.pair()?.record.drill?.passed?.at === result?.at);
    expect(atlas.pair()?.mirror?.state).toBe('in-sync');
    expectNoTrace();
  });

  it('is refused where the machine itself runs', async () => {
    await protect('waived', 'manual');
    await expect(atlas.order('pair.drill', { pairId: PAIR, standS: 0 })).rejects.toThrow(/runs on atlas/);
  });

  it('is taken down when it is cancelled', async () => {
    await protect('waived', 'manual');
    const task = await begin(600);
    await until(runsTrial);
    await boreas.consoleCall('task.cancel', { taskId: task()?.id ?? '' });
    await until(() => task()?.state === 'cancelled');
    expect(boreas.pair()?.drill?.results).toMatchObject([{ outcome: 'cancelled' }]);
    expectNoTrace();
  });

  it.each(['check', 'point', 'stage', 'start', 'answer'])(
    'is taken down by the next agent when this one ends in the middle of it (%s)',
    async (step) => {
      await protect('waived', 'manual');
      const task = await begin(600);
      // Some steps are over within a moment: begun is what counts.
      await until(() => task()?.steps.find(({ id }) => id === step)?.state !== 'pending');
      await boreas.stopAgent();
      await boreas.startAgent();
      await until(() => task()?.state === 'failed');
      expect(task()?.problem?.kind).toBe('drill-interrupted');
      expectNoTrace();
      expect(await drill()).toMatchObject({ state: 'done' });
    },
  );

  it('leaves nothing after the standby lost its power', async () => {
    await protect('waived', 'manual');
    const task = await begin(600);
    await until(runsTrial);
    await boreas.powerOff();
    await boreas.powerOn();
    await until(() => task()?.state === 'failed');
    expectNoTrace();
  });

  it('ends with the replication it was taken of', async () => {
    await protect('waived', 'manual');
    const task = await begin(600);
    await until(runsTrial);
    boreas.host.points.clear();
    await until(() => task()?.state === 'failed');
    expect(task()?.problem?.kind).toBe('point-gone');
    expectNoTrace();
  });

  it('makes way for a takeover', async () => {
    await protect('waived', 'automatic');
    await until(() => atlas.pair()?.record.armed === true);
    const task = await begin(600);
    await until(runsTrial);
    await atlas.powerOff();
    await until(() => boreas.host.runs(MAIL));
    await until(() => task()?.state === 'cancelled');
    expectNoTrace();
  });

  it('makes way for a person who fails over', async () => {
    await protect('waived', 'manual');
    const task = await begin(600);
    await until(runsTrial);
    await atlas.powerOff();
    const expected = boreas.pair()?.record.epoch ?? { n: 0, by: '' };
    const order = { pairId: PAIR, expected, forced: true, evidence: {} };
    expect(await boreas.order('pair.failover', order)).toMatchObject({ state: 'done' });
    expect(boreas.host.runs(MAIL)).toBe(true);
    await until(() => task()?.state === 'cancelled');
    expectNoTrace();
  });

  it('goes with the protection', async () => {
    await protect('waived', 'manual');
    await begin(600);
    await until(runsTrial);
    expect(await atlas.order('protect.end', { pairId: PAIR })).toMatchObject({ state: 'done' });
    expectNoTrace();
  });
});

describe('the timetable', () => {
  it("is kept by the standby's agent: one drill at its hour, and it tells the next", async () => {
    await protect('waived', 'manual');
    const settings = { ...DRILL_DEFAULTS, every: 'weekly', hour: 3 } as const;
    await atlas.consoleCall('pair.drillSettings', { pairId: PAIR, settings });
    await until(() => (boreas.pair()?.drill?.results.length ?? 0) > 0);
    expect(boreas.pair()?.drill).toMatchObject({
      results: [{ by: 'timetable', outcome: 'passed' }],
      next: new Date(2026, 5, 8, 3).getTime(),
    });
    const at = rig.world.clock.now();
    await until(() => rig.world.clock.now() > at + 130_000);
    expect(boreas.pair()?.drill?.results).toHaveLength(1);
    expect(atlas.pair()?.drill?.results).toHaveLength(0);
    expectNoTrace();
  });
});

describe('arming', () => {
  const kinds = () => atlas.pair()?.lease.hindrances.map(({ kind }) => kind) ?? [];

  it('waits for a first drill where that was chosen', async () => {
    await protect('first', 'automatic');
    await until(() => kinds().includes('no-drill'));
    expect(atlas.pair()?.record.armed).toBe(false);
    expect(await drill()).toMatchObject({ state: 'done' });
    await until(() => atlas.pair()?.record.armed === true);
  });

  it('does without when somebody decides so, and keeps who it was', async () => {
    await protect('first', 'automatic');
    await until(() => kinds().includes('no-drill'));
    await atlas.consoleCall('pair.settings', { pairId: PAIR, change: { drill: 'waived' } });
    await until(() => atlas.pair()?.record.armed === true);
    expect(atlas.pair()?.record.drill).toMatchObject({ passed: null, waived: { by: 'spec' } });
  });
});

describe('what a passed drill says', () => {
  it('ends when the check is changed, which both hosts learn', async () => {
    await protect('waived', 'manual');
    await drill();
    const settings = { ...DRILL_DEFAULTS, check: { kind: 'http', port: 80, path: '/' } } as const;
    await atlas.consoleCall('pair.drillSettings', { pairId: PAIR, settings });
    expect(boreas.pair()?.drill).toMatchObject({ settings, stale: 'changed' });
    await drill();
    expect(boreas.pair()?.drill).toMatchObject({
      stale: null,
      results: [{ evidence: expect.stringContaining('HTTP 200') }, {}],
    });
  });
});
