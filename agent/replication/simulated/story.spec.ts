import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { guestDraft, MAIL } from '../../hypervisor/simulated/spec-world.ts';
import { type Box, Rig, UNARMED, until } from './spec-rig.ts';

const PAIR = 'pair-mail';

/** The whole story of a pair on the agents' own code, over simulated hosts that watch for two copies and lost writes. */
describe('a protected machine', () => {
  let rig: Rig;
  let atlas: Box;
  let boreas: Box;
  let writer: ReturnType<typeof setInterval>;

  beforeEach(async () => {
    rig = await Rig.open([{ name: 'atlas', guests: [{ ...guestDraft() }] }, { name: 'boreas' }]);
    atlas = rig.box('atlas');
    boreas = rig.box('boreas');
    // A client that never pauses: wherever the machine runs, it writes.
    writer = setInterval(() => {
      for (const box of [atlas, boreas]) if (box.host.runs(MAIL)) box.host.write(MAIL);
    }, 2);
  });

  afterEach(async () => {
    clearInterval(writer);
    expect(rig.world.violations).toEqual([]);
    expect(rig.warnings).toEqual([]);
    await rig.close();
  });

  async function protect(): Promise<void> {
    const task = await atlas.order('protect.start', { pairId: PAIR, vmUuid: MAIL, standby: 'boreas' });
    expect(task).toMatchObject({ state: 'done' });
    await until(() => inSync(atlas));
  }

  async function failover(to: Box) {
    const expected = to.pair()?.record.epoch ?? { n: 0, by: '' };
    return to.order('pair.failover', { pairId: PAIR, expected, forced: true, evidence: {} });
  }

  const inSync = (box: Box): boolean =>
    box.pair()?.mirror?.state === 'in-sync' && box.pair()?.record.replica.state === 'in-sync';
  /** Waits until the client had some more writes acknowledged. */
  async function writesGoOn(): Promise<void> {
    const before = rig.world.acknowledgedBy(MAIL);
    await until(() => rig.world.acknowledgedBy(MAIL) > before + 5);
  }

  it('survives the loss of its host, comes home again, and never runs twice', async () => {
    await protect();
    expect(atlas.host.guest(MAIL)?.autostart).toBe(false);
    await writesGoOn();

    await atlas.powerOff();
    const acknowledged = rig.world.acknowledgedBy(MAIL);
    expect(await failover(boreas)).toMatchObject({ state: 'done' });
    expect(boreas.host.runs(MAIL)).toBe(true);
    await writesGoOn();
    expect(rig.world.acknowledgedBy(MAIL)).toBeGreaterThan(acknowledged);

    await atlas.powerOn();
    await until(() => atlas.pair()?.local.kind === 'quarantined');
    expect(atlas.host.runs(MAIL)).toBe(false);

    expect(await boreas.order('pair.resync', { pairId: PAIR })).toMatchObject({ state: 'done' });
    await until(() => inSync(boreas));
    expect(atlas.pair()?.local).toMatchObject({ kind: 'standby', exports: 'open' });
    // The old copy is kept aside until a person decides.
    expect([...atlas.host.images.keys()].filter((path) => path.includes('aside'))).toHaveLength(2);

    expect(await boreas.order('pair.switchover', { pairId: PAIR })).toMatchObject({ state: 'done' });
    await until(() => atlas.host.runs(MAIL));
    expect(boreas.host.runs(MAIL)).toBe(false);
    await until(() => inSync(atlas));
    await writesGoOn();
  });

  it('goes on alone when its standby is lost, and is copied anew when it is back', async () => {
    await protect();
    await boreas.powerOff();
    await until(() => atlas.pair()?.record.replica.state === 'stale');
    await writesGoOn();
    await boreas.powerOn();
    await until(() => inSync(atlas));
    await writesGoOn();
  });

  it('starts again by itself on its own host after a short loss of power', async () => {
    await protect();
    await atlas.powerOff();
    await atlas.powerOn();
    await until(() => atlas.host.runs(MAIL));
    await until(() => inSync(atlas));
  });

  it('waits on a returned host that cannot ask', async () => {
    await protect();
    await atlas.powerOff();
    await boreas.powerOff();
    await atlas.powerOn();
    await until(() => atlas.pair()?.local.kind === 'waiting');
    expect(atlas.host.runs(MAIL)).toBe(false);
    await boreas.powerOn();
    await until(() => atlas.host.runs(MAIL));
  });

  it('does not start a replica that is not in sync', async () => {
    const ordered = atlas.order('protect.start', { pairId: PAIR, vmUuid: MAIL, standby: 'boreas' });
    await until(() => atlas.pair()?.mirror?.state === 'copying');
    await atlas.powerOff();
    await expect(failover(boreas)).rejects.toThrow(/not complete/);
    expect(boreas.host.runs(MAIL)).toBe(false);
    ordered.catch(() => undefined);
  });

  it('survives a restart of the agent in the middle of the first copy', async () => {
    const order = { pairId: PAIR, vmUuid: MAIL, standby: 'boreas', requestId: 'first-copy', actor: 'spec' };
    await atlas.service.consoleHandlers['protect.start'](
      { ...UNARMED, ...order },
      new AbortController().signal,
    );
    await until(() => atlas.pair()?.mirror?.state === 'copying');
    await atlas.stopAgent();
    await atlas.startAgent();
    const task = () => atlas.service.tasks().find((each) => each.id === 'first-copy');
    await until(() => task()?.state !== 'running');
    expect(task()).toMatchObject({ state: 'done', resumed: 1 });
    expect(inSync(atlas)).toBe(true);
  });

  it('stays with its new owner when its first host dies in the last step of the protection', async () => {
    const order = { pairId: PAIR, vmUuid: MAIL, standby: 'boreas', requestId: 'cut-short', actor: 'spec' };
    await atlas.service.consoleHandlers['protect.start'](
      { ...UNARMED, ...order },
      new AbortController().signal,
    );
    // The standby has heard of it, the order's own journal has not.
    await until(() => boreas.pair()?.record.replica.state === 'in-sync');
    await atlas.powerOff();
    const taken = (): Promise<{ state: string } | null> => failover(boreas).catch(() => null);
    while ((await taken())?.state !== 'done') await new Promise((resolve) => setTimeout(resolve, 20));
    for (let boot = 0; boot < 2; boot++) {
      await atlas.powerOn();
      await until(() => atlas.service.tasks().every((task) => task.state !== 'running'));
      expect(atlas.host.guest(MAIL)?.autostart).toBe(false);
      await atlas.powerOff();
    }
    await atlas.powerOn();
    await until(() => atlas.pair()?.local.kind === 'quarantined');
    expect(boreas.host.runs(MAIL)).toBe(true);
  });

  it('hands a machine over there and back, with nobody losing a write', async () => {
    await protect();
    for (const [from, to] of [
      [atlas, boreas],
      [boreas, atlas],
    ] as const) {
      expect(await from.order('pair.switchover', { pairId: PAIR })).toMatchObject({ state: 'done' });
      await until(() => to.host.runs(MAIL) && inSync(to));
      await writesGoOn();
    }
  });

  it('has its autostart back when its protection ends, and leaves no copy behind', async () => {
    await protect();
    expect(await atlas.order('protect.end', { pairId: PAIR })).toMatchObject({ state: 'done' });
    expect(atlas.host.guest(MAIL)?.autostart).toBe(true);
    expect(atlas.host.runs(MAIL)).toBe(true);
    expect(boreas.host.images.size).toBe(0);
    expect([atlas.pair(), boreas.pair()]).toEqual([undefined, undefined]);
  });
});
