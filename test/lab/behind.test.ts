import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PairStatus } from '../../agent/protocol/index.ts';
import { down } from './lab.ts';
import { places } from './places.ts';
import { type PairSight, ProtectedFleet } from './protected-fleet.ts';
import { Recorder } from './recorder.ts';
import { must, waitFor } from './run.ts';

/** What other tools change of an armed machine, its disks and its copy, on real libvirt and QEMU, while a client writes to it. */
const PLACES = places('behindtest');
const MINUTE = 60_000;
const MACHINE = 'erp';
const IMAGES = '/var/lib/libvirt/images';
const MIB = 1024 ** 2;
let fleet: ProtectedFleet;

beforeAll(async () => {
  fleet = await ProtectedFleet.up(PLACES, {
    machines: [MACHINE],
    policy: 'automatic',
    profile: 'balanced',
    witness: true,
  });
}, 10 * MINUTE);

afterAll(() => down(PLACES));

async function on(host: string, ...argv: string[]): Promise<string> {
  const done = await fleet.lab.exec(host, argv, { timeoutMs: MINUTE });
  if (done.code !== 0) throw new Error(`${host}: ${argv.join(' ')}: ${done.stderr}`);
  return done.stdout;
}

async function owner(): Promise<string> {
  return (await fleet.roles(MACHINE)).owner;
}

async function virsh(...words: string[]): Promise<string> {
  return on(await owner(), 'virsh', '-q', ...words);
}

async function owners(): Promise<PairStatus> {
  return waitFor('the owner to answer', MINUTE, async () => {
    const sight = await fleet.sight(MACHINE);
    return (sight.owner && sight.members[sight.owner]) || null;
  });
}

/** Until the pair is not counted on, and then armed again with everything followed. */
async function noticedAndHealed(what: string): Promise<PairSight> {
  await waitFor(`${what} noticed`, MINUTE, async () => {
    const { record } = await fleet.sight(MACHINE);
    return record !== null && record.replica.state !== 'in-sync' && !record.armed;
  });
  return healed();
}

async function healed(): Promise<PairSight> {
  const sight = await fleet.settle(MACHINE, 4 * MINUTE);
  expect((await owners()).changes?.open ?? null).toBeNull();
  expect(await contents()).toMatchObject({ alike: true });
  return sight;
}

/**
 * What both sides hold of every disk, with the machine standing still. Read on each host itself: an image of a machine that was
 * snapshotted lies on others there.
 */
async function contents(): Promise<{ alike: boolean; sums: string[][] }> {
  const { owner: own, standby, members } = await fleet.sight(MACHINE);
  const spec = members[own ?? '']?.spec;
  if (!own || !standby || !spec) throw new Error('no agent answers');
  await virsh('suspend', spec.workload.name);
  try {
    const sums = await Promise.all(
      [own, standby].map((host) =>
        Promise.all(
          spec.disks.map(({ paths, format }) => sumOf(host, paths[fleet.idOf(host)] ?? '', format)),
        ),
      ),
    );
    return { alike: JSON.stringify(sums[0]) === JSON.stringify(sums[1]), sums };
  } finally {
    await virsh('resume', spec.workload.name);
  }
}

async function sumOf(host: string, path: string, format: string): Promise<string> {
  const raw = `${path}.sum`;
  const told = await on(
    host,
    'sh',
    '-c',
    `qemu-img convert -U -f ${format} -O raw '${path}' '${raw}' && sha256sum < '${raw}'; rm -f '${raw}'`,
  );
  const [sum = ''] = told.trim().split(/\s+/);
  if (!/^[0-9a-f]{64}$/.test(sum)) throw new Error(`${host}: ${path} cannot be read`);
  return sum;
}

async function writing<T>(work: () => Promise<T>): Promise<T> {
  const recorder = await Recorder.start(fleet.lab, MACHINE, 5);
  await recorder.waitForMore(50, MINUTE);
  const result = await work();
  await recorder.waitForMore(50, MINUTE);
  await recorder.stop();
  expect(await recorder.verify()).toMatchObject({ missing: 0 });
  return result;
}

const followed = async (): Promise<string> =>
  ((await owners()).changes?.followed ?? [])
    .flatMap(({ changes }) => changes.map(({ text }) => text))
    .join(' ');

/** While the standby is away, since QEMU lets nobody at a disk that is mirrored. */
async function standbyAway(work: () => Promise<void>): Promise<void> {
  const { standby } = await fleet.roles(MACHINE);
  await fleet.lab.powerOff(standby);
  await waitFor(
    'the copy to be stale',
    MINUTE,
    async () => (await fleet.sight(MACHINE)).record?.replica.state === 'stale',
  );
  await work();
  await fleet.lab.powerOn(standby);
}

test(
  'a mirror job that is cancelled by hand is noticed at once and made good by itself',
  async () => {
    const began = await writing(async () => {
      const jobs = JSON.parse(
        await virsh('qemu-monitor-command', MACHINE, '{"execute":"query-block-jobs"}'),
      ) as {
        return: { device: string }[];
      };
      const [job] = jobs.return;
      const cancel = { execute: 'block-job-cancel', arguments: { device: job?.device, force: true } };
      await virsh('qemu-monitor-command', MACHINE, JSON.stringify(cancel));
      const at = Date.now();
      await noticedAndHealed('the cancelled job');
      return at;
    });
    console.log(`a cancelled job: armed again and compared after ${Date.now() - began} ms`);
  },
  8 * MINUTE,
);

test(
  'QEMU lets nobody enlarge or snapshot a disk that is mirrored',
  async () => {
    const at = await owner();
    const refused = async (...words: string[]): Promise<string> => {
      const done = await fleet.lab.exec(at, ['virsh', '-q', ...words], { timeoutMs: MINUTE });
      expect(done.code).not.toBe(0);
      return done.stderr;
    };
    expect(await refused('blockresize', MACHINE, 'vda', '2G')).toMatch(/busy|in use|mirror/i);
    const snapshot = ['snapshot-create-as', MACHINE, 'tool', '--disk-only', '--atomic', '--no-metadata'];
    expect(await refused(...snapshot)).toMatch(/busy|in use|mirror/i);
    expect((await fleet.sight(MACHINE)).record?.armed).toBe(true);
  },
  2 * MINUTE,
);

test(
  'a disk that is attached while the machine runs is protected too, and one that is taken out is kept aside',
  async () => {
    const at = await owner();
    const path = `${IMAGES}/extra.qcow2`;
    await on(at, 'qemu-img', 'create', '-q', '-f', 'qcow2', path, '48M');
    await on(at, 'qemu-io', '-c', 'write -P 0x5a 1M 4M', path);
    await writing(async () => {
      await virsh('attach-disk', MACHINE, path, 'vdz', '--driver', 'qemu', '--subdriver', 'qcow2', '--live');
      const { owner: own, standby, members } = await noticedAndHealed('the new disk');
      const spec = members[own ?? '']?.spec;
      expect(spec?.disks.map(({ target }) => target)).toContain('vdz');
      expect(spec?.definitions[fleet.idOf(standby ?? '')]).toMatch(/dev="vdz"|dev='vdz'/);
      expect(await followed()).toMatch(/Disk vdz .* was added/);

      await virsh('detach-disk', MACHINE, 'vdz', '--live');
      const after = await noticedAndHealed('the disk that went');
      expect(after.members[own ?? '']?.spec.disks.map(({ target }) => target)).not.toContain('vdz');
      expect(after.members[standby ?? '']?.asides?.length).toBe(1);
    });
  },
  12 * MINUTE,
);

test(
  'a disk that was enlarged, and a snapshot by another tool, are followed when the standby is back',
  async () => {
    const disk = (await owners()).spec.disks.find(({ target }) => target === 'vda');
    const larger = (disk?.sizeBytes ?? 0) + 64 * MIB;
    await writing(async () => {
      await standbyAway(async () => {
        await virsh('blockresize', MACHINE, 'vda', `${larger}B`);
      });
      const grown = await healed();
      const { standby } = await fleet.roles(MACHINE);
      const [member] = Object.values(grown.members);
      const kept = member?.spec.disks.find(({ target }) => target === 'vda');
      expect(kept?.sizeBytes).toBe(larger);
      const replica = fleet.lab.pathOn(standby, kept?.paths[fleet.idOf(standby)] ?? '');
      const info = JSON.parse(await must(['qemu-img', 'info', '-U', '--output=json', replica])) as Record<
        string,
        unknown
      >;
      expect(info['virtual-size']).toBe(larger);

      await standbyAway(async () => {
        await virsh('snapshot-create-as', MACHINE, 'tool', '--disk-only', '--atomic', '--no-metadata');
      });
      const moved = await healed();
      const paths = Object.values(moved.members)[0]?.spec.disks.map(
        ({ paths: all }) => all[fleet.idOf(moved.owner ?? '')],
      );
      expect(paths?.every((path) => path?.endsWith('.tool'))).toBe(true);
    });
  },
  14 * MINUTE,
);

test(
  'a definition that was edited follows to the standby while the pair stays armed; one that cannot work there is asked about',
  async () => {
    const { standby } = await fleet.roles(MACHINE);
    const there = async (): Promise<string> => (await owners()).spec.definitions[fleet.idOf(standby)] ?? '';
    await virsh('setvcpus', MACHINE, '3', '--config', '--maximum');
    await waitFor('the definition to follow', MINUTE, async () => /<vcpu[^>]*>3</.test(await there()));
    expect((await fleet.sight(MACHINE)).record?.armed).toBe(true);

    await virsh('attach-interface', MACHINE, 'bridge', 'brnowhere', '--mac', '52:54:00:00:be:ef', '--config');
    const asked = await waitFor(
      'the request',
      MINUTE,
      async () => (await owners()).changes?.open?.ask ?? null,
    );
    expect(asked.message).toMatch(/brnowhere/);
    expect(asked.next).not.toBe('');
    expect(await there()).not.toMatch(/brnowhere/);
    expect((await fleet.sight(MACHINE)).record?.armed).toBe(true);

    await virsh('detach-interface', MACHINE, 'bridge', '--mac', '52:54:00:00:be:ef', '--config');
    await waitFor('the request to go', MINUTE, async () => (await owners()).changes?.open === null);

    // The same machine on its new host is no change of it, whatever libvirt there makes of its definition.
    const from = await owner();
    await fleet.order('pair.switchover', MACHINE, from);
    await waitFor('the machine to change sides', 2 * MINUTE, async () => (await owner()) !== from);
    await fleet.settle(MACHINE, 3 * MINUTE);
    const { lease } = await owners();
    await waitFor('three looks', MINUTE, async () => (await owners()).lease.at - lease.at > 30_000);
    expect((await owners()).changes ?? null).toBeNull();
  },
  8 * MINUTE,
);

test(
  'another file in the place of the copy is noticed while the mirror writes on into the old one',
  async () => {
    const { standby } = await fleet.roles(MACHINE);
    const { spec } = await owners();
    const path = spec.disks[0]?.paths[fleet.idOf(standby)] ?? '';
    await writing(async () => {
      await on(standby, 'sh', '-c', `cp ${path} ${path}.new && mv ${path}.new ${path}`);
      const { members } = await noticedAndHealed('the other file');
      expect(members[standby]?.changes?.touched ?? null).toBeNull();
    });
  },
  8 * MINUTE,
);

test(
  'a machine that is renamed while it is off is known by its new name on both hosts, and runs again as the same',
  async () => {
    const { uuid } = (await owners()).spec.workload;
    await virsh('destroy', MACHINE);
    await waitFor('it to be off', MINUTE, async () => (await fleet.sight(MACHINE)).record?.armed === false);
    await virsh('domrename', MACHINE, 'ledger');
    await waitFor('the new name on both hosts', MINUTE, async () => {
      const { members } = await fleet.sight(MACHINE);
      const names = Object.values(members).map(({ spec }) => spec.workload.name);
      return names.length === 2 && names.every((name) => name === 'ledger');
    });
    await virsh('start', 'ledger');
    const { members } = await fleet.settle(MACHINE, 4 * MINUTE);
    for (const { spec } of Object.values(members)) {
      expect(spec.workload).toMatchObject({ uuid, name: 'ledger' });
      for (const text of Object.values(spec.definitions)) expect(text).toMatch(/<name>ledger</);
    }
  },
  8 * MINUTE,
);
