import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ReplicationMode } from '../../../agent/protocol/index.ts';
import { practiceStory } from './testing/practice-story.ts';

/** What is ordered while everything works. */
describe('the practice fleet, when a person orders', () => {
  const story = practiceStory();
  const { hostId, nameOf, pairOf, uuidOf, runningOn, until, healthy, taskDone } = story;

  it('empties a host of its machines while they run, and brings them home', async () => {
    const [atlas, boreas] = [hostId('atlas'), hostId('boreas')];
    const { evacuation, protect, fleet } = story.bench.session;
    story.bench.practice.world.pace.memoryBps = 20e9;
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
    const { objectives } = story.bench.session;
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
    const { protect } = story.bench.session;
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
      const view = Object.values(story.bench.session.fleet.snapshot().vms).find(
        (each) => each.vm.name === name,
      );
      return { hostId: view?.hostId ?? '', vmUuid: view?.vm.uuid ?? '' };
    };
    const check = async (name: string) => {
      const order = { ...machine(name), standby: hostId('cora') };
      const { checks } = await story.bench.session.protect.check(order, new AbortController().signal);
      return checks.filter((each) => each.state !== 'ok').map((each) => each.id);
    };
    expect(await check('voip')).toEqual(['bridges', 'name-resolution']);
    expect(await check('erp-db')).toEqual(['name-resolution']);
    await story.bench.session.protect.fix({ ...machine('erp-db'), on: 'cora', fix: 'own-name-in-hosts' });
    expect(await check('erp-db')).toEqual([]);
  });

  it('tries the copy of mail out, and keeps what came of it', async () => {
    const { session } = story.bench;
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
    const { session } = story.bench;
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
});
