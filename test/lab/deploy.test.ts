import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DeployReport } from './deploy-probe.ts';
import { down, type Lab, up } from './lab.ts';
import { places } from './places.ts';
import { must } from './run.ts';

/** A lab of its own, so that one which somebody works with is left alone. */
const PLACES = places('deploy');
const ROOT = join(import.meta.dirname, '..', '..');
const AGENT = join(ROOT, 'dist', 'agent');

let report: DeployReport;

beforeAll(async () => {
  await must([process.execPath, join(ROOT, 'src-main/scripts/build-agent.mjs')], { timeoutMs: 300_000 });
  await down(PLACES);
  report = await probe(await up({ hosts: 1 }, PLACES));
  const { root, admin, again, upgraded } = report;
  console.log(
    `deployed in ${root.seconds} s and ${admin.seconds} s, again ${again.seconds} s, newer ${upgraded.seconds} s`,
  );
});

afterAll(async () => {
  await down(PLACES);
});

async function probe(lab: Lab): Promise<DeployReport> {
  const [atlas, cora] = ['atlas', 'cora'].map(
    (name) => lab.hosts.find((host) => host.name === name)?.address ?? '',
  );
  const argv = [
    process.execPath,
    join(import.meta.dirname, 'deploy-probe.ts'),
    AGENT,
    atlas ?? '',
    cora ?? '',
  ];
  const said = await must(lab.inNamespace(argv), {
    env: { ...process.env, LAB_PASSWORD: lab.password },
    timeoutMs: 300_000,
  });
  return JSON.parse(said);
}

describe('looking at a host', () => {
  test('finds what runs there', () => {
    const { atlas, cora } = report.inspections;
    expect(atlas.facts).toMatchObject({ hostname: 'atlas', arch: 'x86_64', vmCount: 1 });
    expect(atlas.facts.hypervisor).toMatch(/^libvirt \d+\.\d+\.\d+, QEMU \d+\.\d+\.\d+$/);
    expect(atlas.canAdd).toEqual({ hypervisor: true, witness: true });
    expect(atlas.peer.address).toBe('10.77.0.11');
    expect(cora.canAdd).toEqual({ hypervisor: false, witness: true });
    expect(cora.checks.filter((check) => check.state === 'failed').map((check) => check.id)).toEqual([
      'libvirt',
    ]);
    expect(cora.machineId).not.toBe(atlas.machineId);
  });

  test('names a wrong password, and a wrong sudo password', () => {
    expect(report.refused).toEqual({ password: 'wrong-password', sudo: 'wrong-sudo-password' });
  });

  test('starts a libvirt that was stopped', () => {
    expect(report.libvirt).toEqual({ before: 'failed', fixed: 'ok', after: 'ok' });
  });
});

describe('deploying', () => {
  test('says that the disk is full', () => {
    expect(report.full).toBe('disk-full');
  });

  test('after being broken off starts over and ends well, as root', () => {
    expect(report.broken).not.toBe('ok');
    expect(report.root.kind).toBe('ok');
    expect(report.root.sent).toContain('Send node-linux-x64.gz');
    expect(report.greetings.atlas.hello).toMatchObject({
      hostId: 'atlas-1',
      role: 'hypervisor',
      hypervisor: 'libvirt',
    });
  });

  test('works for a user with sudo, who then reaches the agent as a member of its group', () => {
    expect(report.admin.kind).toBe('ok');
    expect(report.greetings.cora.hello).toMatchObject({
      hostId: 'cora-1',
      role: 'witness',
      hypervisor: 'none',
    });
    expect(report.greetings.cora.state.facts.hostname).toBe('cora');
  });

  test('brings guard and hook to a host that runs machines, and to no other', () => {
    expect(report.guard.atlas).toEqual([
      '/opt/understudy/guard',
      '/etc/libvirt/hooks/qemu.d/understudy',
      'understudy-guard',
      'understudy-shutdown',
      'armed',
    ]);
    expect(report.guard.cora).toEqual([]);
    expect(report.guardKept).toMatchObject({ kind: 'ok', sent: [], guardKept: true });
  });

  test('again sends nothing, and finds the agent as enrolled', () => {
    expect(report.again).toMatchObject({ kind: 'ok', sent: [] });
    expect(report.found).toMatchObject({ hostId: 'cora-1', fleetId: 'fleet-of-the-deploy-test' });
  });

  test('replaces an older agent in place: only what changed, same identity', () => {
    expect(report.upgraded).toMatchObject({ kind: 'ok', sent: ['Send agent.cjs'] });
    expect(report.upgraded.found).toMatchObject({ version: report.upgraded.version, hostId: 'cora-1' });
  });

  test('is done by the link itself when it meets an agent of an older release', () => {
    expect(report.outdated.before).toBe('0.0.1+older000');
    expect(report.outdated.after).toBe(report.greetings.atlas.hello.version);
  });

  test('reports nothing it could not do', () => {
    expect(report.reported).toEqual([]);
  });
});

describe('removing', () => {
  test('is refused while a machine is protected there', () => {
    expect(report.stillProtected).toContain('machines are still protected there');
  });

  test('leaves no trace: no file, no unit, no group, no process', () => {
    expect(report.removed).toEqual({ atlas: 'ok', cora: 'ok' });
    expect(report.traces).toEqual({ atlas: [], cora: [] });
  });
});
