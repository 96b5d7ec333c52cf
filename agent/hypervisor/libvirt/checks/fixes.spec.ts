import { beforeEach, describe, expect, it } from 'vitest';
import type { Result } from '../../../protocol/index.ts';
import { hostChecks, setting } from './daemons.ts';
import { fixes } from './fixes.ts';
import { byId, type FakeHost, fakeHost } from './views.spec-kit.ts';

let host: FakeHost;
beforeEach(() => {
  host = fakeHost();
});

async function mend(fix: string): Promise<Result<void>> {
  const run = fixes[fix];
  if (!run) throw new Error(`no fix ${fix}`);
  return run(host, 'a-uuid');
}

describe('fixes', () => {
  it('adds the own name to /etc/hosts, once', async () => {
    host.files.set('/etc/hosts', '127.0.0.1 localhost');
    host.resolver = { found: false, ms: 3000 };
    await mend('own-name-in-hosts');
    await mend('own-name-in-hosts');
    expect(host.files.get('/etc/hosts')).toBe('127.0.0.1 localhost\n127.0.1.1 boreas # set by Understudy\n');
    expect(byId(await hostChecks(host))['name-resolution']).toMatchObject({ state: 'ok' });
  });

  it('keeps libvirtd running: setting, unit enabled, restart', async () => {
    host.files.set('/etc/default/libvirtd', 'LIBVIRTD_ARGS="--timeout 300"\nOTHER=1');
    expect(await mend('keep-libvirtd-running')).toMatchObject({ ok: true });
    const text = host.files.get('/etc/default/libvirtd') ?? '';
    expect(text).toBe('#LIBVIRTD_ARGS="--timeout 300"\nOTHER=1\n# set by Understudy\nLIBVIRTD_ARGS=""\n');
    await mend('keep-libvirtd-running');
    expect(host.files.get('/etc/default/libvirtd')).toBe(text);
    expect(host.ran.slice(0, 2)).toEqual([
      'systemctl enable libvirtd.service',
      'systemctl restart libvirtd.service',
    ]);
  });

  it('says which command failed', async () => {
    host.exitCode = 5;
    expect(await mend('keep-libvirtd-running')).toMatchObject({
      ok: false,
      problem: { kind: 'fix-failed', details: { code: '5', output: 'output' } },
    });
  });

  it('makes libvirt-guests leave machines alone', async () => {
    host.files.set('/etc/default/libvirt-guests', 'ON_BOOT=start\nON_SHUTDOWN=suspend\n');
    await mend('libvirt-guests-ignore');
    const text = host.files.get('/etc/default/libvirt-guests') ?? '';
    expect([setting(text, 'ON_BOOT'), setting(text, 'ON_SHUTDOWN')]).toEqual(['ignore', 'shutdown']);
    expect(byId(await hostChecks(host))['libvirt-guests']).toMatchObject({ state: 'ok' });
  });

  it('does so where Fedora keeps its settings', async () => {
    host.files.set('/etc/sysconfig/libvirt-guests', 'ON_BOOT=start\n');
    await mend('libvirt-guests-ignore');
    expect(setting(host.files.get('/etc/sysconfig/libvirt-guests') ?? '', 'ON_BOOT')).toBe('ignore');
    expect(host.files.has('/etc/default/libvirt-guests')).toBe(false);
  });

  it('discards saved memory', async () => {
    expect(await mend('discard-saved-memory')).toMatchObject({ ok: true });
    expect(host.ran).toEqual(['virsh -c qemu:///system managedsave-remove a-uuid']);
  });

  it('says so when a file cannot be written', async () => {
    host.files.set('/etc/hosts', '');
    host.writeText = () => Promise.reject(new Error('EROFS: read-only file system'));
    expect(await mend('own-name-in-hosts')).toMatchObject({ ok: false, problem: { kind: 'fix-failed' } });
  });
});
