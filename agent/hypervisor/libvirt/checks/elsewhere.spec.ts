import { beforeEach, describe, expect, it } from 'vitest';
import type { Check } from '../../../protocol/index.ts';
import { parseDomain } from '../domain-xml.ts';
import { checkSource } from './source.ts';
import { checkStandby } from './standby.ts';
import { byId, type FakeHost, fakeHost, fakeLibvirt, qcow2, withoutWayOut } from './views.spec-kit.ts';

/** A machine whose copy somebody else keeps: its disks lie at the same paths on both hosts, and nothing is copied. */
const GIB = 1024 ** 3;
const UUID = '7e570000-0000-4000-8000-000000000061';
let host: FakeHost;

beforeEach(() => {
  host = fakeHost();
});

const xml = (devices: string): string =>
  `<domain type='kvm'><name>erp</name><uuid>${UUID}</uuid><devices>${devices}</devices></domain>`;
const disk = (type: string, source: string, more = ''): string =>
  `<disk type='${type}' device='disk'><driver name='qemu' type='raw'/><source ${source}/><target dev='vda'/>${more}</disk>`;
const DRBD = disk('block', "dev='/dev/drbd/by-res/r0/0'");

async function source(devices: string): Promise<Check | undefined> {
  const checks = await checkSource(parseDomain(xml(devices)), 'running', host, fakeLibvirt(), 'elsewhere');
  expect(withoutWayOut(checks)).toEqual([]);
  return byId(checks).disks;
}

describe('where the guest runs', () => {
  it('takes image files and block devices as they are, and reads nothing of them', async () => {
    expect(await source(DRBD)).toMatchObject({
      state: 'ok',
      message: expect.stringContaining('nothing is copied'),
    });
    expect(await source(disk('file', "file='/srv/not/readable.img'"))).toMatchObject({ state: 'ok' });
  });

  it.each([
    ['network', disk('network', "protocol='rbd' name='rbd/vm'"), 'network'],
    ['shared between machines', disk('file', "file='/srv/a.img'", '<shareable/>'), 'shareable'],
    ['transient', disk('file', "file='/srv/a.img'", '<transient/>'), 'transient'],
    ['nothing', '', 'no disk'],
  ])('refuses what another host could not use: %s', async (_what, devices, words) => {
    expect(await source(devices)).toMatchObject({ state: 'failed', message: expect.stringContaining(words) });
  });
});

describe('where the guest would stand by', () => {
  const path = '/srv/shared/erp.qcow2';
  const ask = async () => {
    const found = await checkStandby({
      definition: {
        uuid: UUID,
        name: 'erp',
        text: xml(''),
        disks: [
          { target: 'vda', path, format: 'qcow2', sizeBytes: 900 * GIB, readOnly: false, device: 'disk' },
        ],
      },
      domain: parseDomain(xml(disk('file', `file='${path}'`))),
      guests: [],
      host,
      libvirt: fakeLibvirt(),
      copy: 'elsewhere',
    });
    expect(withoutWayOut(found.checks)).toEqual([]);
    return found;
  };

  it('wants the disks at the same paths, and neither room nor a storage daemon', async () => {
    host.images.set(path, qcow2(900 * GIB));
    host.files.delete('/usr/bin/qemu-storage-daemon');
    const { checks, paths } = await ask();
    expect(paths).toEqual({ vda: path });
    expect(byId(checks).disks).toMatchObject({ state: 'ok' });
    expect(Object.keys(byId(checks))).not.toContain('disk-space');
    expect(Object.keys(byId(checks))).not.toContain('storage-daemon');
  });

  it('says which are missing', async () => {
    const { checks } = await ask();
    expect(byId(checks).disks).toMatchObject({ state: 'failed', message: `boreas has no ${path}.` });
  });
});
