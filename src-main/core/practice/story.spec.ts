import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ReplicationMode } from '../../../agent/protocol/index.ts';
import type { PairView } from '../../contract/index.ts';
import { openPracticeBench, type PracticeBench } from './testing/practice-session.ts';

/** The whole story as a person clicks it, through the console's own services, over SSH, on practice hosts. */
describe('the practice fleet', () => {
  let bench: PracticeBench;

  beforeEach(async () => {
    bench = await openPracticeBench({
      bootDelayMs: 100,
      pace: { copyBps: 4e9, startMs: 50, bootMs: 200, shutdownMs: 100 },
    });
  }, 60_000);
  afterEach(async () => {
    expect(bench.practice.world.violations).toEqual([]);
    await bench.close();
  });

  const pairOf = (name: string): PairView | undefined =>
    bench.session.fleet.pairs().find((pair) => pair.name === name);
  const hostId = (name: string): string =>
    bench.session.fleet.hosts().find((host) => host.record.name === name)?.record.id ?? '';
  const nameOf = (id: string | undefined): string => bench.session.fleet.nameOf(id ?? '');
  const simulated = (name: string) => {
    const host = bench.practice.world.host(name);
    if (!host) throw new Error(`no host ${name}`);
    return host;
  };
  const uuidOf = (name: string): string =>
    Object.values(bench.session.fleet.snapshot().vms).find(({ vm }) => vm.name === name)?.vm.uuid ?? '';
  const runningOn = (name: string): string[] =>
    bench.practice.world.hosts.filter((host) => host.runs(uuidOf(name))).map((host) => host.name);

  /** Looks until `state` holds; the test's own limit ends it otherwise. */
  async function until(state: () => boolean): Promise<void> {
    while (!state()) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const healthy = (name: string) => until(() => pairOf(name)?.health === 'in-sync');

  async function taskDone(started: Promise<{ taskId: string }>): Promise<void> {
    const { taskId } = await started;
    const task = () => bench.session.fleet.snapshot().tasks[taskId]?.task;
    await until(() => (task()?.state ?? 'running') !== 'running');
    expect(task()).toMatchObject({ state: 'done', problem: null });
  }

  it('shows two machines in sync, and the others to be protected', () => {
    const { hosts, vms, pairs } = bench.session.fleet.snapshot();
    expect(Object.values(hosts).map((host) => [host.name, host.site, host.practice])).toEqual([
      ['atlas', 'Server room', true],
      ['boreas', 'Server room', true],
      ['cora', 'Branch office', true],
    ]);
    expect(Object.values(vms)).toHaveLength(7);
    expect(Object.values(pairs).map((pair) => pair.health)).toEqual(['in-sync', 'in-sync']);
  });

  it('empties a host of its machines while they run, and brings them home', async () => {
    const [atlas, boreas] = [hostId('atlas'), hostId('boreas')];
    const { evacuation, protect, fleet } = bench.session;
    bench.practice.world.pace.memoryBps = 20e9;
    const vmUuid = uuidOf('files');
    await taskDone(protect.start({ requestId: randomUUID(), hostId: atlas, vmUuid, standby: boreas }));
    const move = async (kind: 'away' | 'home') => {
      await Promise.all(['mail', 'files'].map(healthy));
      const plan = await evacuation.plan(atlas, kind);
      expect(plan.candidates).toMatchObject([
        { name: 'files', live: true, obstacle: null },
        { name: 'mail', live: true, obstacle: null },
      ]);
      const pairIds = plan.candidates.map(({ pairId }) => pairId);
      evacuation.start({ requestId: randomUUID(), hostId: atlas, kind, pairIds, way: 'auto' });
      await until(() => evacuation.last(atlas)?.endedAt !== null);
      expect(evacuation.last(atlas)?.items).toMatchObject([{ state: 'moved' }, { state: 'moved' }]);
      return plan;
    };
    expect((await move('away')).unprotected).toEqual(['erp-db']);
    expect([runningOn('mail'), runningOn('files'), runningOn('erp-db')]).toEqual([
      ['boreas'],
      ['boreas'],
      ['atlas'],
    ]);
    await move('home');
    expect([runningOn('mail'), runningOn('files'), runningOn('shop-web')]).toEqual([
      ['atlas'],
      ['atlas'],
      ['boreas'],
    ]);
    // What belongs on boreas is no business of atlas's.
    expect(fleet.pairs().map(({ name, primary }) => [name, nameOf(primary)])).toContainEqual([
      'shop-web',
      'boreas',
    ]);
  }, 60_000);

  it('keeps targets of what a failure may cost mail, and says what it would cost', async () => {
    const { objectives } = bench.session;
    const pairId = pairOf('mail')?.id ?? '';
    await healthy('mail');
    await objectives.set({ pairId, objectives: { rpoS: 0, rtoS: 60 } });
    await until(() => pairOf('mail')?.objectives?.targets.rpoS === 0);
    expect(pairOf('mail')?.objectives).toMatchObject({
      targets: { rpoS: 0, rtoS: 60 },
      atRisk: { kind: 'nothing', bytes: 0 },
    });
    await expect(objectives.set({ pairId, objectives: { rpoS: null, rtoS: 0 } })).rejects.toMatchObject({
      problem: { kind: 'rto-target-out-of-range' },
    });
    expect((await objectives.history(pairId)).silent).toEqual([]);
    const { name, text } = await objectives.exported(pairId, 'json');
    expect(name).toMatch(/^understudy-at-risk-mail-.*\.json$/);
    expect(JSON.parse(text)).toMatchObject({ machine: 'mail', targets: { rpoS: 0, rtoS: 60 } });
  });
  it('protects voip on the storage both hosts share, and dc01 by the replication it has', async () => {
    const [atlas, boreas] = [hostId('atlas'), hostId('boreas')];
    const { protect } = bench.session;
    const start = (name: string, replication: ReplicationMode) =>
      taskDone(
        protect.start({
          requestId: randomUUID(),
          hostId: boreas,
          vmUuid: uuidOf(name),
          standby: atlas,
          replication,
        }),
      );
    const verb = (name: string): string[] => ['/usr/local/sbin/replica', name];
    const each = { state: verb('state'), promote: verb('promote'), demote: verb('demote') };
    await start('voip', { kind: 'shared' });
    await start('dc01', {
      kind: 'external',
      synchronous: true,
      everyS: 1,
      commands: { [atlas]: each, [boreas]: each },
    });
    await Promise.all(['voip', 'dc01'].map(healthy));
    expect(pairOf('voip')?.sentence).toContain('reaches the disks of voip');
    expect(pairOf('dc01')).toMatchObject({
      replication: { attended: { line: 'in-sync' }, problem: null, follow: null, points: [] },
    });
    const pairId = pairOf('dc01')?.id ?? '';
    await taskDone(protect.switchover({ requestId: randomUUID(), pairId, way: 'cold' }));
    await until(() => runningOn('dc01').includes('atlas'));
    await healthy('dc01');
  }, 60_000);

  it('names what stands in the way of a standby in the branch office, and mends what can be mended', async () => {
    const machine = (name: string) => {
      const view = Object.values(bench.session.fleet.snapshot().vms).find((each) => each.vm.name === name);
      return { hostId: view?.hostId ?? '', vmUuid: view?.vm.uuid ?? '' };
    };
    const check = async (name: string) => {
      const order = { ...machine(name), standby: hostId('cora') };
      const { checks } = await bench.session.protect.check(order, new AbortController().signal);
      return checks.filter((each) => each.state !== 'ok').map((each) => each.id);
    };
    expect(await check('voip')).toEqual(['bridges', 'name-resolution']);
    expect(await check('erp-db')).toEqual(['name-resolution']);
    await bench.session.protect.fix({ ...machine('erp-db'), on: 'cora', fix: 'own-name-in-hosts' });
    expect(await check('erp-db')).toEqual([]);
  });

  it('tries the copy of mail out, and keeps what came of it', async () => {
    const { session } = bench;
    await healthy('mail');
    const pairId = pairOf('mail')?.id ?? '';
    expect(pairOf('mail')?.drill).toMatchObject({ state: 'never', results: [] });
    await taskDone(session.protect.drill({ requestId: randomUUID(), pairId }));
    await until(() => pairOf('mail')?.drill?.state === 'passed');
    expect(pairOf('mail')).toMatchObject({ health: 'in-sync', drill: { results: [{ by: 'spec' }] } });
    // A copy on trial is nobody's machine: no console shows it.
    const names = Object.values(session.fleet.snapshot().vms).map(({ vm }) => vm.name);
    expect(names.filter((name) => name.includes('drill'))).toEqual([]);
    const settings = {
      check: { kind: 'http', port: 443, path: '/' },
      every: 'monthly',
      hour: 2,
      maxAgeDays: 30,
    } as const;
    await session.protect.drillSettings({ pairId, settings });
    await until(() => pairOf('mail')?.drill?.stale === 'changed');
    expect(pairOf('mail')?.drill?.next).toBeGreaterThan(Date.now());
  });

  it('compares the copy of mail with it, and keeps what came of it', async () => {
    const { session } = bench;
    await healthy('mail');
    const pairId = pairOf('mail')?.id ?? '';
    expect(pairOf('mail')?.verify).toMatchObject({ state: 'never', results: [] });
    await taskDone(session.protect.verify({ requestId: randomUUID(), pairId }));
    await until(() => pairOf('mail')?.verify?.state === 'alike');
    expect(pairOf('mail')).toMatchObject({ health: 'in-sync', verify: { results: [{ by: 'spec' }] } });
    await session.protect.verifySettings({ pairId, settings: { every: 'never', hour: 2 } });
    await until(() => pairOf('mail')?.verify?.settings.every === 'never');
    expect(pairOf('mail')?.verify?.next).toBeNull();
  });

  it('loses atlas, brings mail back on boreas, quarantines the old copy, and goes home again', async () => {
    const mail = pairOf('mail');
    const { session, practice } = bench;
    await practice.power('atlas', false);
    await until(() => pairOf('mail')?.health === 'primary-lost');
    const verdict = await session.failover.verdict(mail?.id ?? '');
    expect(verdict).toMatchObject({ result: 'unproven', typedName: 'mail', refusal: null });

    const order = {
      requestId: randomUUID(),
      pairId: verdict.pairId,
      seen: 'unproven' as const,
      typedName: 'mail',
    };
    await taskDone(session.failover.failover(order));
    expect(runningOn('mail')).toEqual(['boreas']);
    expect(nameOf(pairOf('mail')?.primary)).toBe('boreas');

    await practice.power('atlas', true);
    await until(() => pairOf('mail')?.health === 'quarantined');
    expect(simulated('atlas').powered).toBe(true);
    expect(runningOn('mail')).toEqual(['boreas']);

    await taskDone(session.protect.resync({ requestId: randomUUID(), pairId: verdict.pairId }));
    await healthy('mail');
    await taskDone(session.protect.switchover({ requestId: randomUUID(), pairId: verdict.pairId }));
    await until(() => runningOn('mail').join() === 'atlas');
    await healthy('mail');
    expect(nameOf(pairOf('mail')?.primary)).toBe('atlas');
  }, 60_000);

  it('keeps shop-web running when its standby is lost, and heals when it is back', async () => {
    await bench.practice.power('atlas', false);
    await until(() => pairOf('shop-web')?.health === 'standby-lost');
    expect(runningOn('shop-web')).toEqual(['boreas']);
    await bench.practice.power('atlas', true);
    await healthy('shop-web');
    // mail was atlas' own: boreas was asked, and it starts again by itself.
    await healthy('mail');
    expect(runningOn('mail')).toEqual(['atlas']);
  }, 60_000);

  it('gives mail another standby while boreas is off; boreas comes back to nothing', async () => {
    const { session, practice } = bench;
    const pairId = pairOf('mail')?.id ?? '';
    await practice.power('boreas', false);
    await until(() => pairOf('mail')?.health === 'standby-lost');
    const wanted = { pairId, standby: hostId('cora') };
    const wrong = async () => {
      const { checks } = await session.protect.checkStandby(wanted, new AbortController().signal);
      return checks.filter(({ state }) => state !== 'ok').map(({ id }) => id);
    };
    expect(await wrong()).toEqual(['name-resolution']);
    const order = { hostId: hostId('atlas'), vmUuid: uuidOf('mail'), on: 'cora', fix: 'own-name-in-hosts' };
    await session.protect.fix(order);
    expect(await wrong()).toEqual([]);
    await taskDone(session.protect.replaceStandby({ requestId: randomUUID(), ...wanted }));
    await healthy('mail');
    expect([pairOf('mail')?.primary, pairOf('mail')?.standby].map(nameOf)).toEqual(['atlas', 'cora']);

    await practice.power('boreas', true);
    const copies = () => [...simulated('boreas').images.keys()].filter((path) => path.includes('mail'));
    await until(() => copies().length === 0);
    expect(Object.keys(pairOf('mail')?.members ?? {}).map(nameOf)).toEqual(['atlas', 'cora']);
    expect(runningOn('mail')).toEqual(['atlas']);
  }, 60_000);

  it('arms mail with cora as its witness; atlas is lost, and boreas steps in by itself', async () => {
    const { session, practice } = bench;
    const pairId = pairOf('mail')?.id ?? '';
    const report = await session.checkWitness({ witness: hostId('cora'), pairIds: [pairId] });
    expect(report.checks.filter((check) => check.state === 'failed')).toEqual([]);
    const given = await session.automation.setWitness({
      requestId: randomUUID(),
      pairIds: [pairId],
      witness: hostId('cora'),
    });
    expect(given.outcomes).toMatchObject([{ name: 'mail', problem: null }]);
    const scope = { kind: 'pairs' as const, pairIds: [pairId] };
    const automatic = await session.automation.set({
      requestId: randomUUID(),
      scope,
      change: { policy: 'automatic' },
    });
    expect(automatic.outcomes).toMatchObject([{ problem: null }]);
    await until(() => pairOf('mail')?.automation.armed === true);
    const { automation } = pairOf('mail') ?? {};
    expect(automation).toMatchObject({ obstacles: [], witness: { name: 'cora' }, profile: 'balanced' });
    expect(automation?.lease?.voters.map(({ name, as }) => [name, as])).toEqual([
      ['atlas', 'owner'],
      ['boreas', 'standby'],
      ['cora', 'witness'],
    ]);

    await practice.power('atlas', false);
    await until(() => runningOn('mail').join() === 'boreas');
    await until(() => nameOf(pairOf('mail')?.primary) === 'boreas');
    expect(pairOf('mail')?.automation).toMatchObject({ changes: 1, lastChange: 'takeover' });
    expect(nameOf(pairOf('mail')?.onStageSince?.hostId)).toBe('boreas');

    await practice.power('atlas', true);
    await until(() => pairOf('mail')?.health === 'quarantined');
    expect(runningOn('mail')).toEqual(['boreas']);
    expect(pairOf('mail')?.automation.quarantine).toMatchObject({
      ownEpoch: 1,
      supersededBy: 2,
      forced: false,
    });
    const { text } = session.auditCsv(pairId);
    for (const who of ['"atlas"', '"boreas"', '"cora"', '"this console"']) expect(text).toContain(who);

    await taskDone(session.protect.resync({ requestId: randomUUID(), pairId }));
    await until(() => pairOf('mail')?.automation.armed === true);
  }, 60_000);

  it('takes this workstation for a witness: arms, disarms while it sleeps, and comes back by its vote', async () => {
    const { session, practice } = bench;
    const pairId = pairOf('mail')?.id ?? '';
    const scope = { kind: 'pairs' as const, pairIds: [pairId] };
    const armed = () => pairOf('mail')?.automation.armed === true;
    const own = session.witness.identity;
    const report = await session.checkWitness({ witness: own.hostId, pairIds: [pairId] });
    expect(report.usable).toBe(true);
    const chosen = { requestId: randomUUID(), pairIds: [pairId], witness: own.hostId };
    expect((await session.automation.setWitness(chosen)).outcomes).toMatchObject([{ problem: null }]);
    const automatic = { requestId: randomUUID(), scope, change: { policy: 'automatic' as const } };
    expect((await session.automation.set(automatic)).outcomes).toMatchObject([{ problem: null }]);
    await until(armed);
    expect(pairOf('mail')?.automation.witness).toEqual({ hostId: own.hostId, name: 'this workstation' });

    await session.witness.goodbye();
    await until(() => !armed());
    expect(runningOn('mail')).toEqual(['atlas']);
    session.witness.stay();
    await until(armed);

    await practice.power('atlas', false);
    await until(() => runningOn('mail').join() === 'boreas');
    await until(() => nameOf(pairOf('mail')?.primary) === 'boreas');
    expect(pairOf('mail')?.automation.lastChange).toBe('takeover');
  }, 90_000);

  it('pauses everything with one switch, and goes on', async () => {
    const { session } = bench;
    const pause = (paused: boolean) =>
      session.automation.set({ requestId: randomUUID(), scope: { kind: 'fleet' }, change: { paused } });
    expect((await pause(true)).outcomes.map((each) => each.problem)).toEqual([null, null]);
    await until(() => session.fleet.pairs().every((pair) => pair.automation.paused));
    expect((await pause(false)).outcomes.map((each) => each.problem)).toEqual([null, null]);
    await until(() => session.fleet.pairs().every((pair) => !pair.automation.paused));
  });
});
