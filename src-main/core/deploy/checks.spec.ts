import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AgentAssets } from './assets.ts';
import { checkHost } from './checks.ts';
import type { HostFindings } from './host-commands.ts';

const NOW = 1_800_000_000_000;

function built(files: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'understudy-assets-'));
  const facts: Record<string, { sha256: string; bytes: number }> = {};
  for (const file of files) {
    mkdirSync(join(folder, file, '..'), { recursive: true });
    writeFileSync(join(folder, file), file);
    facts[file] = { sha256: createHash('sha256').update(file).digest('hex'), bytes: file.length };
  }
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ version: '1.0.0+abc', files: facts }));
  return folder;
}

async function assets(): Promise<AgentAssets> {
  const files = [
    'agent.cjs',
    'systemd/understudy-agent.service',
    'systemd/understudy-guard.service',
    'hooks/qemu-hook.sh',
    'guard/guard-linux-x64',
    'runtimes/node-linux-x64.gz',
    'runtimes/node.LICENSE',
  ];
  const opened = await AgentAssets.open(built(files));
  if (!opened.ok) throw new Error(opened.problem.message);
  return opened.value;
}

const GOOD: HostFindings = {
  system: 'Linux',
  machine: 'x86_64',
  hostname: 'atlas',
  os: { id: 'debian', like: '', version: '12', name: 'Debian GNU/Linux 12 (bookworm)' },
  machineId: 'm1',
  systemd: true,
  clockMs: NOW,
  freeKib: 1_000_000,
  node: { path: '', version: '' },
  libvirt: { installed: true, running: true, version: '9.0.0', qemu: 'QEMU 7.2.22', vmCount: 1 },
  agent: null,
  ports: null,
};

async function check(found: Partial<HostFindings>, noRights: string | null = null) {
  const verdict = checkHost({
    findings: { ...GOOD, ...found },
    noRights,
    user: 'admin',
    host: 'atlas',
    assets: await assets(),
    nowMs: NOW,
  });
  const wrong = verdict.checks.filter((each) => each.state !== 'ok');
  return { ...verdict, wrong, ids: wrong.map((each) => `${each.id}: ${each.state}`) };
}

describe('the checks of a host', () => {
  it('find nothing wrong with a Debian that runs libvirt', async () => {
    const { ids, canAdd, checks } = await check({});
    expect(ids).toEqual([]);
    expect(canAdd).toEqual({ hypervisor: true, witness: true });
    expect(checks.at(-1)?.message).toBe('libvirt 9.0.0, QEMU 7.2.22, 1 machine.');
  });

  it.each([
    ['another system', { system: 'FreeBSD' }, 'system: failed'],
    ['another processor', { machine: 'riscv64' }, 'system: failed'],
    ['no systemd', { systemd: false }, 'system: failed'],
    ['a full disk', { freeKib: 1000 }, 'space: failed'],
    ['no runtime for its processor', { machine: 'aarch64' }, 'runtime: failed'],
  ])('refuse both roles: %s', async (_name, found, id) => {
    const { ids, canAdd, wrong } = await check(found);
    expect(ids).toContain(id);
    expect(canAdd).toEqual({ hypervisor: false, witness: false });
    for (const each of wrong) expect(each.next).not.toBe('');
  });

  it('refuse where nobody is root', async () => {
    const { ids, canAdd } = await check({}, 'admin is not in the sudoers file.');
    expect(ids).toEqual(['rights: failed']);
    expect(canAdd.witness).toBe(false);
  });

  it.each([
    ['not installed', false, false, undefined],
    ['stopped', true, false, 'start-libvirt'],
  ])('leave a host with libvirt %s for a witness', async (_name, installed, running, fix) => {
    const { canAdd, wrong } = await check({ libvirt: { ...GOOD.libvirt, installed, running } });
    expect(canAdd).toEqual({ hypervisor: false, witness: true });
    expect(wrong).toMatchObject([{ id: 'libvirt', state: 'failed' }]);
    expect(wrong[0]?.fix).toBe(fix);
  });

  it('warn of another Linux and of a clock that is wrong', async () => {
    const { ids, canAdd } = await check({
      os: { id: 'fedora', like: '', version: '40', name: 'Fedora' },
      clockMs: NOW - 3_600_000,
    });
    expect(ids).toEqual(['system: warning', 'clock: warning']);
    expect(canAdd.hypervisor).toBe(true);
  });

  it.each([
    ['/usr/bin/node', '18.19.0', []],
    ['/usr/bin/node', '16.20.0', ['runtime: failed']],
    ['/snap/bin/node', '20.0.0', ['runtime: failed']],
  ])('take the host’s own Node.js only where it serves: %s %s', async (path, version, ids) => {
    expect((await check({ machine: 'aarch64', node: { path, version } })).ids).toEqual(ids);
  });
});

describe('the built agent', () => {
  it('is laid out by its manifest', async () => {
    const opened = await assets();
    expect(opened.version).toBe('1.0.0+abc');
    const common = ['/opt/understudy/agent.cjs', '/etc/systemd/system/understudy-agent.service'];
    const hook = '/etc/libvirt/hooks/qemu.d/understudy';
    const guard = ['/etc/systemd/system/understudy-guard.service', '/opt/understudy/guard'];
    const places = (...of: Parameters<AgentAssets['filesFor']>) => opened.filesFor(...of).map(({ to }) => to);
    expect(places('witness', 'x86_64')).toEqual(common);
    expect(places('hypervisor', 'x86_64')).toEqual([...common, hook, ...guard]);
    // Nothing was built for it: no unit either, which could only fail.
    expect(places('hypervisor', 'aarch64')).toEqual([...common, hook]);
    expect(opened.filesFor('hypervisor', 'x86_64').at(-1)).toMatchObject({ mode: '755', packed: false });
    expect(opened.runtimeFor('x86_64')).toMatchObject({
      to: '/opt/understudy/node',
      mode: '755',
      packed: true,
    });
    expect(opened.runtimeFor('aarch64')).toBeNull();
  });

  it('that is missing or damaged is named', async () => {
    const folder = built([]);
    writeFileSync(join(folder, 'manifest.json'), '{"version":1}');
    for (const each of ['/nonexistent', folder]) {
      expect(await AgentAssets.open(each)).toMatchObject({ ok: false, problem: { kind: 'agent-not-built' } });
    }
  });
});
