import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeGuest, type FakeLibvirtd, NO_DOMAIN } from './fake-libvirtd.spec-kit.ts';
import { ERP, type HypervisorBench, openHypervisorBench, SHOP } from './hypervisor-bench.spec-kit.ts';
import type { LibvirtHypervisor } from './libvirt-hypervisor.ts';
import {
  domainCreateWithFlags,
  domainShutdownFlags,
  qemuDomainAgentCommand,
  qemuDomainMonitorCommand,
} from './procedures.ts';
import { XdrWriter } from './xdr.ts';

const OPERATION_INVALID = { code: 55, message: 'Requested operation is not valid: domain is not running' };

let bench: HypervisorBench;
let libvirtd: FakeLibvirtd;
let hypervisor: LibvirtHypervisor;
let erp: FakeGuest;

const stateOf = (uuid: string): string | undefined => hypervisor.list().find((vm) => vm.uuid === uuid)?.state;

beforeEach(async () => {
  bench = await openHypervisorBench();
  ({ libvirtd, hypervisor, erp } = bench);
});

afterEach(() => bench.close());

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

describe('the guest agent', () => {
  beforeEach(() => hypervisor.start());

  it('is asked for a sign of life, and may be absent', async () => {
    let sent = { command: '', timeoutS: 0 };
    libvirtd.on(qemuDomainAgentCommand, (args) => {
      args.string();
      args.uuid();
      args.int();
      sent = { command: args.string(), timeoutS: args.int() };
      return new XdrWriter().uint(1).string('{"return":{}}');
    });
    expect(await hypervisor.guestAnswers(ERP)).toBe(true);
    expect(sent).toEqual({ command: '{"execute":"guest-ping"}', timeoutS: 2 });
    libvirtd.on(qemuDomainAgentCommand, () => ({ code: 86, message: 'Guest agent is not responding' }));
    expect(await hypervisor.guestAnswers(ERP)).toBe(false);
    expect(await hypervisor.guestAnswers(SHOP)).toBe(false);
  });
});
