import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hostClock } from '../../host/clock.ts';
import type { HypervisorEvent } from '../hypervisor.ts';
import { Lifecycle } from './events.ts';
import { type FakeGuest, FakeLibvirtd, NO_DOMAIN } from './fake-libvirtd.spec-kit.ts';
import { LibvirtHypervisor } from './libvirt-hypervisor.ts';
import {
  authList,
  domainCreateWithFlags,
  domainGetState,
  domainGetXmlDesc,
  domainShutdownFlags,
  Program,
  QEMU_MONITOR_EVENT,
  qemuDomainMonitorCommand,
} from './procedures.ts';
import { writeDomain } from './types.ts';
import { XdrWriter } from './xdr.ts';

const ERP = '7e570000-0000-4000-8000-000000000061';
const SHOP = '7e570000-0000-4000-8000-000000000062';
const OPERATION_INVALID = { code: 55, message: 'Requested operation is not valid: domain is not running' };

let folder: string;
let libvirtd: FakeLibvirtd;
let hypervisor: LibvirtHypervisor;
let events: HypervisorEvent[];
let erp: FakeGuest;

const named = (kind: HypervisorEvent['kind']): HypervisorEvent[] =>
  events.filter((event) => event.kind === kind);
const stateOf = (uuid: string): string | undefined => hypervisor.list().find((vm) => vm.uuid === uuid)?.state;

const qmpEvent = (event: string, data: string | null): XdrWriter =>
  writeDomain(new XdrWriter().int(9), { ...erp, id: 1 })
    .string(event)
    .int(0)
    .int(0)
    .uint(0)
    .optionalString(data);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hypervisor-'));
  libvirtd = new FakeLibvirtd(join(folder, 'sock'));
  erp = { name: 'erp', uuid: ERP, state: 5, autostart: true };
  libvirtd.guests.set(ERP, erp);
  await libvirtd.listen();
  events = [];
  hypervisor = new LibvirtHypervisor({ clock: hostClock(), log: () => {}, socketPath: libvirtd.path });
  hypervisor.subscribe((event) => events.push(event));
});

afterEach(async () => {
  await hypervisor.stop();
  await libvirtd.close();
  await rm(folder, { recursive: true });
});

describe('the libvirt hypervisor', () => {
  it('knows all guests once it is connected', async () => {
    await hypervisor.start();
    expect(hypervisor.version).toBe('libvirt 9.0.0, QEMU 7.2.22');
    expect(hypervisor.list()).toMatchObject([{ uuid: ERP, name: 'erp', state: 'stopped', autostart: true }]);
    expect(events.at(-1)).toEqual({ kind: 'reachable', reachable: true });
  });

  it('starts up also where there is no libvirtd, and connects when it comes', async () => {
    await libvirtd.close();
    await hypervisor.start();
    expect(hypervisor.reachable).toBe(false);
    expect(await hypervisor.run(ERP)).toMatchObject({ ok: false, problem: { kind: 'libvirt-unreachable' } });
    await libvirtd.listen();
    await expect.poll(() => hypervisor.reachable).toBe(true);
    expect(hypervisor.list()).toHaveLength(1);
  });

  it('tells when libvirtd goes and comes, and then knows what changed meanwhile', async () => {
    await hypervisor.start();
    await libvirtd.close();
    await expect.poll(() => events.at(-1)).toEqual({ kind: 'reachable', reachable: false });
    expect(hypervisor.list()).toHaveLength(1);
    libvirtd.guests.delete(ERP);
    libvirtd.guests.set(SHOP, { name: 'shop', uuid: SHOP, state: 1, autostart: false });
    await libvirtd.listen();
    await expect.poll(() => events.at(-1)).toEqual({ kind: 'reachable', reachable: true });
    expect(events).toContainEqual({ kind: 'vm', uuid: ERP, vm: null });
    expect(stateOf(SHOP)).toBe('running');
  });

  it('refuses a libvirtd that asks for a log-in', async () => {
    libvirtd.on(authList, () => new XdrWriter().uint(1).int(1));
    await hypervisor.start();
    expect(hypervisor.reachable).toBe(false);
  });

  it('says in the guest’s picture what an event says, before it tells of the event', async () => {
    erp.state = 1;
    await hypervisor.start();
    erp.state = 5;
    let seen: string | undefined;
    hypervisor.subscribe((event) => {
      if (event.kind === 'stopped') seen = stateOf(ERP);
    });
    libvirtd.lifecycle(erp, Lifecycle.stopped, 2);
    await expect.poll(() => named('stopped')).toEqual([{ kind: 'stopped', uuid: ERP, reason: 'crashed' }]);
    expect(seen).toBe('stopped');
  });

  it.each([
    [0, 'shutdown'],
    [1, 'destroyed'],
    [3, 'migrated'],
    [5, 'failed'],
    [77, 'failed'],
  ])('reads stop reason %i as %s', async (detail, reason) => {
    erp.state = 1;
    await hypervisor.start();
    erp.state = 5;
    libvirtd.lifecycle(erp, Lifecycle.stopped, detail);
    await expect.poll(() => named('stopped')).toMatchObject([{ reason }]);
  });

  it('tells once that a guest stopped, also when it was read before its event came', async () => {
    erp.state = 1;
    await hypervisor.start();
    erp.state = 5;
    libvirtd.lifecycle(erp, Lifecycle.shutdown);
    await expect.poll(() => named('stopped')).toEqual([{ kind: 'stopped', uuid: ERP, reason: 'failed' }]);
    libvirtd.lifecycle(erp, Lifecycle.stopped, 0);
    libvirtd.event(Program.qemu, QEMU_MONITOR_EVENT, qmpEvent('RTC_CHANGE', null));
    await expect.poll(() => named('qmp')).toHaveLength(1);
    expect(named('stopped')).toHaveLength(1);
  });

  it('tells of a guest that ended while libvirtd was down', async () => {
    erp.state = 1;
    await hypervisor.start();
    await libvirtd.close();
    erp.state = 5;
    libvirtd.on(domainGetState, () => new XdrWriter().int(5).int(3));
    await libvirtd.listen();
    await expect.poll(() => named('stopped')).toEqual([{ kind: 'stopped', uuid: ERP, reason: 'crashed' }]);
  });

  it('takes in a guest defined by somebody else, and lets one go that was undefined', async () => {
    await hypervisor.start();
    const shop = { name: 'shop', uuid: SHOP, state: 5, autostart: false };
    libvirtd.guests.set(SHOP, shop);
    libvirtd.lifecycle(shop, Lifecycle.defined);
    await expect.poll(() => stateOf(SHOP)).toBe('stopped');
    libvirtd.guests.delete(SHOP);
    libvirtd.lifecycle(shop, Lifecycle.undefined);
    await expect.poll(() => stateOf(SHOP)).toBeUndefined();
    expect(events.at(-1)).toEqual({ kind: 'vm', uuid: SHOP, vm: null });
  });

  it('never lets an older reading overwrite a newer event', async () => {
    await hypervisor.start();
    let answered = 0;
    libvirtd.on(domainGetState, () => {
      answered += 1;
      // The guest is resumed while the answer "paused" is on its way.
      if (answered === 1) libvirtd.lifecycle(erp, Lifecycle.resumed);
      return new XdrWriter().int(answered === 1 ? 3 : 1).int(0);
    });
    libvirtd.lifecycle(erp, Lifecycle.suspended);
    await expect.poll(() => answered).toBe(2);
    await expect.poll(() => stateOf(ERP)).toBe('running');
    const states = named('vm').map((event) => (event.kind === 'vm' ? event.vm?.state : ''));
    expect(states).toEqual(['stopped', 'paused', 'running']);
  });

  it('keeps going when a definition cannot be read', async () => {
    await hypervisor.start();
    libvirtd.on(domainGetXmlDesc, () => new XdrWriter().string('<domain'));
    libvirtd.lifecycle(erp, Lifecycle.started);
    await expect.poll(() => stateOf(ERP)).toBe('running');
  });

  it('passes on QMP events', async () => {
    await hypervisor.start();
    libvirtd.event(Program.qemu, QEMU_MONITOR_EVENT, qmpEvent('BLOCK_JOB_READY', '{"device":"pair0"}'));
    await expect
      .poll(() => named('qmp'))
      .toEqual([{ kind: 'qmp', uuid: ERP, event: 'BLOCK_JOB_READY', data: { device: 'pair0' } }]);
  });
});

describe('orders', () => {
  beforeEach(() => hypervisor.start());

  it('has the state of a guest it started when it returns', async () => {
    expect(await hypervisor.run(ERP)).toEqual({ ok: true, value: undefined });
    expect(stateOf(ERP)).toBe('running');
  });

  it('takes a second order to start as carried out', async () => {
    erp.state = 1;
    libvirtd.on(domainCreateWithFlags, () => ({ code: 55, message: 'domain is already running' }));
    expect(await hypervisor.run(ERP)).toMatchObject({ ok: true });
  });

  it("says in libvirt's words why a guest did not start", async () => {
    libvirtd.on(domainCreateWithFlags, () => ({ code: 1, message: 'internal error: no bridge br7' }));
    expect(await hypervisor.run(ERP)).toMatchObject({
      ok: false,
      problem: {
        kind: 'vm-start-failed',
        message: 'erp could not be started: internal error: no bridge br7.',
        details: { libvirt: 'internal error: no bridge br7', code: '1' },
      },
    });
  });

  it('says that a guest is unknown', async () => {
    expect(await hypervisor.run(SHOP)).toMatchObject({ problem: { kind: 'vm-not-found' } });
    expect(await hypervisor.definition(SHOP)).toMatchObject({ problem: { kind: 'vm-not-found' } });
    expect(await hypervisor.undefine(SHOP)).toEqual({ ok: true, value: undefined });
  });

  it('says that a guest is not running', async () => {
    libvirtd.on(domainShutdownFlags, () => OPERATION_INVALID);
    expect(await hypervisor.shutdown(ERP)).toMatchObject({ problem: { kind: 'vm-not-running' } });
  });

  it('refuses to define what is no definition, before libvirt sees it', async () => {
    const before = libvirtd.asked.length;
    expect(await hypervisor.define('<domain')).toMatchObject({ problem: { kind: 'vm-define-failed' } });
    expect(libvirtd.asked).toHaveLength(before);
  });

  it('refuses a fix it does not know', async () => {
    for (const fix of ['no-such-fix', 'constructor']) {
      expect(await hypervisor.fix(ERP, fix)).toMatchObject({
        problem: { kind: 'fix-unknown', field: 'fix' },
      });
    }
  });
});

describe('the monitor', () => {
  const reply = (text: string): void => {
    const { program, number } = qemuDomainMonitorCommand;
    libvirtd.on({ program, number }, () => new XdrWriter().string(text));
  };
  beforeEach(() => hypervisor.start());

  it('sends a command and returns what QEMU returns', async () => {
    let sent = '';
    libvirtd.on(qemuDomainMonitorCommand, (args) => {
      args.string();
      args.uuid();
      args.int();
      sent = args.string();
      return new XdrWriter().string('{"return":{"running":true},"id":"x"}');
    });
    expect(await hypervisor.monitor(ERP, 'query-status')).toEqual({ ok: true, value: { running: true } });
    expect(JSON.parse(sent)).toEqual({ execute: 'query-status' });
    await hypervisor.monitor(ERP, 'blockdev-del', { 'node-name': 'rep0' });
    expect(JSON.parse(sent)).toEqual({ execute: 'blockdev-del', arguments: { 'node-name': 'rep0' } });
  });

  it("gives QEMU's refusal", async () => {
    reply('{"error":{"class":"GenericError","desc":"Node rep0 is in use"}}');
    expect(await hypervisor.monitor(ERP, 'blockdev-del')).toMatchObject({
      problem: { kind: 'qmp-error', details: { class: 'GenericError', desc: 'Node rep0 is in use' } },
    });
  });

  it.each(['', '[]', '{"event":"STOP"}'])('says so when the answer is not understood: %j', async (text) => {
    reply(text);
    expect(await hypervisor.monitor(ERP, 'query-status')).toMatchObject({ problem: { kind: 'qmp-error' } });
  });

  it('tells a guest that does not run from one that is gone', async () => {
    libvirtd.on(qemuDomainMonitorCommand, () => OPERATION_INVALID);
    expect(await hypervisor.monitor(ERP, 'stop')).toMatchObject({ problem: { kind: 'vm-not-running' } });
    libvirtd.on(qemuDomainMonitorCommand, () => NO_DOMAIN);
    expect(await hypervisor.monitor(ERP, 'stop')).toMatchObject({ problem: { kind: 'vm-not-found' } });
  });
});
