import { describe, expect, it, vi } from 'vitest';
import { fail, ok } from '../../protocol/index.ts';
import type { HoldReason } from '../forwarder/control-protocol.ts';
import type { MirrorOrder } from '../replication.ts';
import { deviceNodeOf, monitorSocket } from './block-graph.ts';
import { Healer } from './healer.ts';
import { heldProblem } from './problems.ts';
import { Progress } from './progress.ts';

const device = (node: string, file: string, filename = file) => ({
  device: '',
  qdev: '/machine/peripheral/virtio-disk0/virtio-backend',
  inserted: { 'node-name': node, file, image: { filename } },
});

describe("QEMU's block graph", () => {
  it('names the node under the disk that lies on a path', () => {
    const answer = [
      { device: 'cdrom', qdev: 'ide0' },
      device('libvirt-2-format', '/images/a.qcow2'),
      device('libvirt-1-format', '/images/b.qcow2'),
    ];
    expect(deviceNodeOf(answer, '/images/b.qcow2')).toBe('libvirt-1-format');
    expect(deviceNodeOf(answer, '/images/c.qcow2')).toBeNull();
  });

  it("reads QEMU's way of naming an image opened with options", () => {
    const name = `json:${JSON.stringify({ driver: 'qcow2', backing: { filename: '/images/base' }, file: { driver: 'file', filename: '/images/a.qcow2' } })}`;
    expect(deviceNodeOf([device('n1', name)], '/images/a.qcow2')).toBe('n1');
    expect(deviceNodeOf([device('n1', name)], '/images/base')).toBeNull();
    const flat = `json:${JSON.stringify({ driver: 'raw', 'file.filename': '/dev/vg/disk' })}`;
    expect(deviceNodeOf([device('n2', 'json:{broken', flat)], '/dev/vg/disk')).toBe('n2');
  });

  it('believes nothing of another shape', () => {
    for (const answer of [null, {}, [{ inserted: { file: 3 } }], 'x']) {
      expect(deviceNodeOf(answer, '/a')).toBeNull();
      expect(monitorSocket(answer)).toBeNull();
    }
  });

  it("finds the directory of libvirt's monitor socket", () => {
    const chardevs = [
      { label: 'charserial0', filename: 'pty:/dev/pts/3' },
      { label: 'charmonitor', filename: 'unix:/var/lib/libvirt/qemu/domain-5-erp/monitor.sock,server=on' },
    ];
    expect(monitorSocket(chardevs)).toBe('/var/lib/libvirt/qemu/domain-5-erp/monitor.sock');
    expect(monitorSocket(chardevs.slice(0, 1))).toBeNull();
  });
});

describe('the progress of a copy', () => {
  it('is measured over the last seconds', () => {
    const progress = new Progress();
    expect(progress.rateBps).toBe(0);
    for (let second = 0; second < 20; second += 1) {
      const speed = second < 10 ? 100 : 10;
      progress.add(progress.doneBytes + speed, 10_000, second * 1000);
    }
    expect(progress.rateBps).toBe(10);
  });

  it('never shows more done than there is', () => {
    const progress = new Progress();
    progress.add(120, 100, 0);
    expect(progress.doneBytes).toBe(100);
  });
});

describe('why writes wait', () => {
  const order: MirrorOrder = {
    pairId: 'p',
    vmUuid: '4b1b7a2e-94c5-4c8e-8a0e-6f0a5d2a9a11',
    disks: [],
    address: '10.0.0.2',
    remote: {
      port: 1,
      serverName: 'host-b',
      exports: {},
      heartbeat: 'h',
      host: 'boreas',
      paths: { vda: '/images/a.qcow2' },
    },
  };
  const reason = (kind: HoldReason['kind'], errno = 0): HoldReason => ({
    kind,
    disk: 'vda',
    detail: 'd',
    errno,
  });

  it('names host and file of a full disk and of a failing one', () => {
    expect(heldProblem(order, reason('remote-error', 28))).toMatchObject({
      kind: 'standby-disk-full',
      details: { host: 'boreas', path: '/images/a.qcow2' },
    });
    const failing = heldProblem(order, reason('remote-error', 5));
    expect(failing.kind).toBe('standby-disk-error');
    expect(failing.message).toContain('/images/a.qcow2');
  });

  it.each<HoldReason['kind']>([
    'heartbeat-late',
    'heartbeat-error',
    'connection-lost',
    'request-late',
    'qemu-gone',
    'qemu-malformed',
    'restarted',
    'ordered',
  ])('tells the host and a next step for %s', (kind) => {
    const problem = heldProblem(order, reason(kind));
    expect(problem.kind).toBe('replica-lost');
    expect(problem.message).toContain('boreas');
    expect(problem.next).not.toBe('');
  });

  it('falls back to the address when the standby did not tell its name', () => {
    const { host: _host, paths: _paths, ...remote } = order.remote;
    expect(heldProblem({ ...order, remote }, null).message).toContain('10.0.0.2');
  });
});

describe('the healing of a break', () => {
  const problem = { kind: 'standby-unreachable', message: 'm', next: 'n' };
  const clock = {
    now: () => Date.now(),
    bootMs: () => performance.now(),
    setTimeout(run: () => void, ms: number) {
      const timer = setTimeout(run, ms);
      return { cancel: () => clearTimeout(timer) };
    },
  };

  async function healing(
    resume: () => Promise<ReturnType<typeof fail> | ReturnType<typeof ok<void>>>,
    ms: number,
    restarted = false,
  ) {
    vi.useFakeTimers();
    const state = { held: true };
    const report = vi.fn();
    const healer = new Healer({ clock, held: () => state.held, restarted: () => restarted, resume, report });
    const done = healer.heal();
    await vi.advanceTimersByTimeAsync(ms);
    state.held = false;
    await vi.runAllTimersAsync();
    await done;
    vi.useRealTimers();
    return report;
  }

  it('reports nothing when the first try brings the stream back', async () => {
    expect(await healing(async () => ok(undefined), 5_000)).not.toHaveBeenCalled();
  });

  it('reports at once what cannot be reached', async () => {
    expect(await healing(async () => fail(problem), 0)).toHaveBeenCalled();
  });

  it('reports after a moment what does not answer, after a second when the forwarder has started anew', async () => {
    const silence = () =>
      new Promise<ReturnType<typeof fail>>((done) => setTimeout(() => done(fail(problem)), 5_000));
    expect(await healing(silence, 20)).not.toHaveBeenCalled();
    expect(await healing(silence, 40)).toHaveBeenCalled();
    expect(await healing(silence, 900, true)).not.toHaveBeenCalled();
    expect(await healing(silence, 1_100, true)).toHaveBeenCalled();
  });
});
