import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BehindTheBack, replaceImage, tamper } from '../../hypervisor/simulated/behind-the-back.ts';
import { guestDraft, MAIL } from '../../hypervisor/simulated/spec-world.ts';
import { GIB, IMAGE_FOLDER } from '../../hypervisor/simulated/types.ts';
import { type Box, Rig, until } from '../../replication/simulated/spec-rig.ts';

/** What others do to a protected machine and its copy, on the agents' own code over simulated hosts. */
const PAIR = 'pair-mail';
let rig: Rig;
let atlas: Box;
let boreas: Box;
let admin: BehindTheBack;

beforeEach(async () => {
  rig = await Rig.open([
    { name: 'atlas', guests: [{ ...guestDraft() }], bridges: ['br0', 'br-lab'] },
    { name: 'boreas' },
    { name: 'cora' },
  ]);
  atlas = rig.box('atlas');
  boreas = rig.box('boreas');
  admin = new BehindTheBack(atlas.host, MAIL);
  rig.world.pace.copyBps = 60e9;
});
afterEach(async () => {
  expect(rig.world.violations).toEqual([]);
  expect(rig.warnings).toEqual([]);
  await rig.close();
});

const protect = async (more: object = {}): Promise<void> => {
  const order = { pairId: PAIR, vmUuid: MAIL, standby: 'boreas', ...more };
  expect(await atlas.order('protect.start', order)).toMatchObject({ state: 'done' });
};
const armed = async (): Promise<void> => {
  await protect({ witness: 'cora', policy: 'automatic' });
  await until(() => atlas.pair()?.record.armed === true);
};
const write = (times: number): void => {
  for (let n = 0; n < times; n++) expect(atlas.host.write(MAIL)).toBe('acknowledged');
};
const replica = () => atlas.pair()?.record.replica.state;
const open = () => atlas.pair()?.changes?.open ?? null;
const followed = (): string[] =>
  (atlas.pair()?.changes?.followed ?? []).flatMap(({ changes }) => changes.map(({ kind }) => kind));
const disks = (box: Box) => box.pair()?.spec.disks ?? [];
const imageOf = (target: string) =>
  boreas.host.images.get(disks(boreas).find((disk) => disk.target === target)?.paths.boreas ?? '');
const passes = async (ms: number): Promise<void> => {
  const later = rig.world.clock.now() + ms;
  await until(() => rig.world.clock.now() > later);
};
/** Not counted on any more, and then again. */
const throughStale = async (): Promise<void> => {
  await until(() => replica() !== 'in-sync' && atlas.pair()?.record.armed === false);
  await until(() => replica() === 'in-sync' && open() === null);
};

describe('disks that were changed', () => {
  it('protects a disk too that was attached, and counts on no copy without it', async () => {
    await armed();
    write(5);
    admin.attachDisk('vdc', `${IMAGE_FOLDER}/mail-new.qcow2`, 5 * GIB);
    write(5);
    await throughStale();
    await until(() => atlas.pair()?.record.armed === true);
    expect(disks(boreas).map(({ target }) => target)).toEqual(['vda', 'vdb', 'vdc']);
    expect(imageOf('vdc')).toMatchObject({ sizeBytes: 5 * GIB, complete: true, version: 10 });
    expect(boreas.pair()?.spec.definitions.boreas).toContain('vdc');
    expect(followed()).toEqual(['disk-added']);

    await atlas.powerOff();
    await until(() => boreas.host.runs(MAIL));
    expect(boreas.host.guest(MAIL)?.domain.disks.map(({ target }) => target)).toEqual(['vda', 'vdb', 'vdc']);
  });

  it('begins again with the change when it comes in the middle of a copy', async () => {
    rig.world.pace.copyBps = 1e9;
    const order = {
      pairId: PAIR,
      vmUuid: MAIL,
      standby: 'boreas',
      witness: 'cora',
      policy: 'automatic',
    } as const;
    const protecting = atlas.order('protect.start', order);
    await until(() => atlas.pair()?.mirror?.state === 'copying');
    admin.attachDisk('vdc', `${IMAGE_FOLDER}/mail-new.qcow2`, 5 * GIB);
    await until(() => open()?.lacks === true);
    rig.world.pace.copyBps = 60e9;
    await protecting;
    // A first protection that came to nothing is taken back; nothing counted on a copy that lacked the disk.
    expect(boreas.pair()?.record.replica.state ?? 'none').not.toBe('in-sync');
  });

  it('keeps the copy of a disk aside that was taken out', async () => {
    await protect();
    const path = disks(atlas).find(({ target }) => target === 'vdb')?.paths.boreas ?? '';
    admin.detachDisk('vdb');
    await throughStale();
    expect(disks(boreas).map(({ target }) => target)).toEqual(['vda']);
    expect(boreas.pair()?.asides).toMatchObject([{ path }]);
    expect(boreas.host.images.has(path)).toBe(true);
  });

  it('enlarges the copy of a disk that was enlarged', async () => {
    await protect();
    admin.resizeDisk('vda', 20 * GIB);
    await throughStale();
    expect(imageOf('vda')).toMatchObject({ sizeBytes: 20 * GIB, complete: true });
    expect(boreas.pair()?.asides).toEqual([]);
  });

  it('keeps the whole old copy of a disk that was made smaller', async () => {
    await protect();
    admin.resizeDisk('vdb', 10 * GIB);
    await throughStale();
    expect(imageOf('vdb')?.sizeBytes).toBe(10 * GIB);
    const kept = boreas.pair()?.asides?.map(({ path }) => boreas.host.images.get(path)?.sizeBytes);
    expect(kept).toContain(30 * GIB);
  });

  it('follows a snapshot by another tool to the image that is written now', async () => {
    await protect();
    admin.snapshot('vda', `${IMAGE_FOLDER}/mail.snap1`);
    await throughStale();
    expect(disks(atlas)[0]?.paths.atlas).toBe(`${IMAGE_FOLDER}/mail.snap1`);
    expect(disks(atlas)[0]?.paths.boreas).not.toMatch(/snap1/);
    expect(followed()).toEqual(['disk-moved']);
  });

  it('follows after its agent was killed in the middle', async () => {
    await protect();
    rig.world.pace.copyBps = 1e9;
    admin.attachDisk('vdc', `${IMAGE_FOLDER}/mail-new.qcow2`, 5 * GIB);
    await until(() => followed().length > 0 && replica() === 'catching-up');
    await atlas.killAgent();
    await atlas.startAgent();
    rig.world.pace.copyBps = 60e9;
    await until(() => replica() === 'in-sync');
    expect(imageOf('vdc')).toMatchObject({ complete: true });
  });

  it('asks once where a copy kept by points cannot take it in, and follows when it is mirrored', async () => {
    await protect({ replication: { kind: 'async', rpoS: 20 } });
    admin.resizeDisk('vda', 20 * GIB);
    await until(() => open()?.ask != null);
    expect(open()).toMatchObject({ lacks: true, ask: { kind: 'points-other-disks' } });
    const mirrored = { pairId: PAIR, replication: { kind: 'sync' } } as const;
    expect(await atlas.order('pair.mode', mirrored)).toMatchObject({ state: 'done' });
    expect(open()).toBeNull();
    expect(imageOf('vda')?.sizeBytes).toBe(20 * GIB);
  });
});

describe('a definition that was changed', () => {
  it('follows, and the pair stays armed', async () => {
    await armed();
    admin.setMemory(6 * GIB);
    await until(() => followed().includes('memory'));
    expect(atlas.pair()?.record.armed).toBe(true);
    await until(() => boreas.pair()?.spec.definitions.boreas?.includes(String((6 * GIB) / 1024)) === true);
  });

  it('is asked about where it cannot work on the standby, which keeps the one that does', async () => {
    await armed();
    admin.plugInto('br-lab');
    await until(() => open()?.ask != null);
    expect(open()).toMatchObject({
      lacks: false,
      changes: [{ kind: 'nic' }],
      ask: { message: expect.stringMatching(/br-lab/) },
    });
    expect(atlas.pair()?.record.armed).toBe(true);
    expect(boreas.pair()?.spec.definitions.boreas).not.toContain('br-lab');
    boreas.host.bridges.add('br-lab');
    await until(() => open() === null);
    await until(() => boreas.pair()?.spec.definitions.boreas?.includes('br-lab') === true);
  });

  it('says so when it was put back', async () => {
    await protect();
    admin.plugInto('br-lab');
    await until(() => open()?.ask != null);
    admin.plugInto('br0');
    await until(() => open() === null);
    expect(followed()).toEqual([]);
  });

  it('is known by its new name on both hosts', async () => {
    await protect();
    admin.rename('post');
    await until(() => boreas.pair()?.spec.workload.name === 'post');
    expect(boreas.pair()?.spec.definitions.boreas).toContain('<name>post</name>');
  });
});

it('brings a mirror back that was cancelled by hand', async () => {
  await armed();
  write(3);
  admin.cancelMirror();
  await throughStale();
  write(3);
  await until(() => atlas.pair()?.record.armed === true);
});

describe('a copy that somebody else has been at', () => {
  const path = () => disks(boreas)[0]?.paths.boreas ?? '';

  it('is compared when another file lies in its place, though the mirror writes on', async () => {
    await armed();
    await until(() => boreas.pair() !== undefined);
    await passes(25_000);
    replaceImage(boreas.host, path());
    await throughStale();
    expect(boreas.host.images.get(path())?.damagedBytes).toBe(0);
    expect(boreas.pair()?.changes?.touched ?? null).toBeNull();
  });

  it('is not started from another file that was put in its place a moment before its owner died', async () => {
    await armed();
    await passes(25_000);
    replaceImage(boreas.host, path());
    await atlas.powerOff();
    await until(() => boreas.pair()?.changes?.touched != null);
    // Noticed before the lease was over, or in the last look before the start.
    await passes(20_000);
    expect(boreas.host.runs(MAIL)).toBe(false);
    await boreas.consoleCall('pair.trustCopy', { pairId: PAIR });
    await until(() => boreas.host.runs(MAIL));
  });

  it('is not taken over while its owner is away, unless a person vouches for it', async () => {
    await armed();
    await passes(25_000);
    rig.world.cable('atlas', 'boreas', false);
    rig.world.cable('boreas', 'atlas', false);
    await until(() => atlas.pair()?.record.armed === false);
    await boreas.powerOff();
    await boreas.powerOn();
    // Closed now, and seen so.
    await passes(25_000);
    tamper(boreas.host, path());
    await until(() => boreas.pair()?.changes?.touched != null);
    await atlas.powerOff();
    const expected = boreas.pair()?.record.epoch ?? { n: 0, by: '' };
    const failover = { pairId: PAIR, expected, forced: true, evidence: {} };
    await expect(boreas.order('pair.failover', failover)).rejects.toMatchObject({
      problem: { kind: 'copy-touched' },
    });
    await boreas.consoleCall('pair.trustCopy', { pairId: PAIR });
    expect(boreas.pair()?.changes?.touched ?? null).toBeNull();
    expect(await boreas.order('pair.failover', failover)).toMatchObject({ state: 'done' });
  });
});

it('compares a machine whose disk was replaced while it was off', async () => {
  await protect();
  const guest = atlas.host.guest(MAIL);
  if (guest) atlas.host.endGuest(guest, 'shutdown');
  await until(() => atlas.pair()?.local.kind === 'primary' && replica() === 'stale');
  await passes(25_000);
  tamper(atlas.host, disks(atlas)[0]?.paths.atlas ?? '');
  await until(() => open()?.changes[0]?.kind === 'disk-replaced');
  if (guest) await atlas.host.startGuest(guest);
  await until(() => replica() === 'in-sync' && open() === null);
  expect(followed()).toEqual(['disk-replaced']);
});

it('takes a definition along that was changed a moment before the machine is switched over', async () => {
  await protect();
  admin.setMemory(5 * GIB);
  const given = atlas.order('pair.switchover', { pairId: PAIR, way: 'cold', switchOff: false });
  expect(await given).toMatchObject({ state: 'done' });
  await until(() => boreas.host.runs(MAIL));
  expect(boreas.host.guest(MAIL)?.domain.memoryBytes).toBe(5 * GIB);
  await until(() => boreas.pair()?.record.replica.state === 'in-sync');
  // The same machine on its new host is no change.
  await passes(25_000);
  expect(boreas.pair()?.changes?.followed ?? []).toEqual([]);
});

describe('a machine that another tool migrated to a host that is none of ours', () => {
  const away = () => open()?.changes.some(({ kind }) => kind === 'moved-away') === true;

  it('is not started here again, nor by its standby, until somebody starts it', async () => {
    await armed();
    admin.migrateAway();
    await until(away);
    await until(() => atlas.pair()?.record.armed === false && replica() === 'stale');
    await passes(20_000);
    expect(atlas.host.runs(MAIL)).toBe(false);
    expect(boreas.host.runs(MAIL)).toBe(false);
    expect(open()).toMatchObject({ lacks: true, ask: { kind: 'moved-away' } });

    const guest = atlas.host.guest(MAIL);
    if (guest) await atlas.host.startGuest(guest);
    await until(() => atlas.pair()?.record.armed === true && open() === null);
  });

  it('is not started at the next boot of its host either', async () => {
    await armed();
    admin.migrateAway();
    await until(away);
    await atlas.powerOff();
    await atlas.powerOn();
    await passes(20_000);
    expect(atlas.host.runs(MAIL)).toBe(false);
    expect(boreas.host.runs(MAIL)).toBe(false);
  });

  it('is not started by an agent that comes up later', async () => {
    await protect();
    await atlas.stopAgent();
    admin.migrateAway();
    await atlas.startAgent();
    await until(away);
    await passes(20_000);
    expect(atlas.host.runs(MAIL)).toBe(false);
  });
});
