import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { practiceStory } from './testing/practice-story.ts';

/** What happens by itself. */
describe('the practice fleet, by itself', () => {
  const story = practiceStory();
  const { hostId, nameOf, pairOf, runningOn, until, taskDone } = story;

  it('arms mail with cora as its witness; atlas is lost, and boreas steps in by itself', async () => {
    const { session, practice } = story.bench;
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
    const { session, practice } = story.bench;
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
    const { session } = story.bench;
    const pause = (paused: boolean) =>
      session.automation.set({ requestId: randomUUID(), scope: { kind: 'fleet' }, change: { paused } });
    expect((await pause(true)).outcomes.map((each) => each.problem)).toEqual([null, null]);
    await until(() => session.fleet.pairs().every((pair) => pair.automation.paused));
    expect((await pause(false)).outcomes.map((each) => each.problem)).toEqual([null, null]);
    await until(() => session.fleet.pairs().every((pair) => !pair.automation.paused));
  });
});
