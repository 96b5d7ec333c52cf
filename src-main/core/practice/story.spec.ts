import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { practiceStory } from './testing/practice-story.ts';

/** What is lost, and comes back. */
describe('the practice fleet', () => {
  const story = practiceStory();
  const { hostId, nameOf, pairOf, uuidOf, runningOn, simulated, until, healthy, taskDone } = story;

  it('shows two machines in sync, and the others to be protected', () => {
    const { hosts, vms, pairs } = story.bench.session.fleet.snapshot();
    expect(Object.values(hosts).map((host) => [host.name, host.site, host.practice])).toEqual([
      ['atlas', 'Server room', true],
      ['boreas', 'Server room', true],
      ['cora', 'Branch office', true],
    ]);
    expect(Object.values(vms)).toHaveLength(7);
    expect(Object.values(pairs).map((pair) => pair.health)).toEqual(['in-sync', 'in-sync']);
  });

  it('loses atlas, brings mail back on boreas, quarantines the old copy, and goes home again', async () => {
    const mail = pairOf('mail');
    const { session, practice } = story.bench;
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
    await story.bench.practice.power('atlas', false);
    await until(() => pairOf('shop-web')?.health === 'standby-lost');
    expect(runningOn('shop-web')).toEqual(['boreas']);
    await story.bench.practice.power('atlas', true);
    await healthy('shop-web');
    // mail was atlas' own: boreas was asked, and it starts again by itself.
    await healthy('mail');
    expect(runningOn('mail')).toEqual(['atlas']);
  }, 60_000);

  it('gives mail another standby while boreas is off; boreas comes back to nothing', async () => {
    const { session, practice } = story.bench;
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
});
