import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HypervisorEvent } from '../hypervisor.ts';
import { Lifecycle } from './events.ts';
import type { FakeGuest, FakeLibvirtd } from './fake-libvirtd.spec-kit.ts';
import { ERP, type HypervisorBench, openHypervisorBench, SHOP } from './hypervisor-bench.spec-kit.ts';
import type { LibvirtHypervisor } from './libvirt-hypervisor.ts';
import {
  authList,
  domainGetState,
  domainGetXmlDesc,
  domainInterfaceAddresses,
  EventNumber,
  Program,
  QEMU_MONITOR_EVENT,
} from './procedures.ts';
import { writeDomain } from './types.ts';
import { XdrWriter } from './xdr.ts';

let bench: HypervisorBench;
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

const WITH_AGENT = `<domain type='qemu'><name>erp</name><uuid>${ERP}</uuid><devices><channel type='unix'>
  <target type='virtio' name='org.qemu.guest_agent.0' state='connected'/></channel></devices></domain>`;

/** One network card with these addresses. */
function interfaces(...addresses: string[]): XdrWriter {
  const writer = new XdrWriter().uint(1).string('eth0').optionalString(null).uint(addresses.length);
  for (const address of addresses) writer.int(0).string(address).uint(24);
  return writer;
}

beforeEach(async () => {
  bench = await openHypervisorBench();
  ({ libvirtd, hypervisor, events, erp } = bench);
});

afterEach(() => bench.close());

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

  it('is not reachable before it has read every guest', async () => {
    let seenList: number | undefined;
    libvirtd.on(domainGetXmlDesc, () => {
      seenList ??= hypervisor.reachable ? 1 : 0;
      return new XdrWriter().string(WITH_AGENT);
    });
    await hypervisor.start();
    expect(seenList).toBe(0);
    expect(hypervisor.reachable).toBe(true);
  });

  it('tries again when the connection breaks while it reads', async () => {
    libvirtd.on(domainGetXmlDesc, () => {
      libvirtd.on(domainGetXmlDesc, () => new XdrWriter().string(WITH_AGENT));
      libvirtd.drop();
      return null;
    });
    await hypervisor.start();
    expect(hypervisor.reachable).toBe(false);
    await expect.poll(() => hypervisor.reachable).toBe(true);
    expect(hypervisor.list()).toHaveLength(1);
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

  it('tells that a running guest was undefined, and when it is defined again', async () => {
    erp.state = 1;
    await hypervisor.start();
    expect(hypervisor.list()[0]).not.toHaveProperty('defined');
    erp.transient = true;
    libvirtd.lifecycle(erp, Lifecycle.undefined);
    await expect.poll(() => hypervisor.list()[0]).toMatchObject({ state: 'running', defined: false });
    erp.transient = false;
    libvirtd.lifecycle(erp, Lifecycle.defined);
    await expect.poll(() => hypervisor.list()[0]).not.toHaveProperty('defined');
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

describe('what no event tells', () => {
  it('is autostart, which is read anew with the definition', async () => {
    await hypervisor.start();
    erp.autostart = false;
    await hypervisor.definition(ERP);
    expect(hypervisor.list()).toMatchObject([{ autostart: false }]);
  });

  it('finds autostart as somebody else has set it', async () => {
    await hypervisor.start();
    erp.autostart = false;
    await hypervisor.refreshLoad();
    expect(hypervisor.list()).toMatchObject([{ autostart: false }]);
    const told = named('vm').length;
    await hypervisor.refreshLoad();
    expect(named('vm')).toHaveLength(told);
  });

  it("asks the guest's agent for its addresses once it is there, and keeps the useful ones", async () => {
    erp.state = 1;
    const sources: number[] = [];
    libvirtd.on(domainInterfaceAddresses, (args) => {
      args.string();
      args.uuid();
      args.int();
      const source = args.uint();
      sources.push(source);
      return source === 1 ? interfaces('127.0.0.1', 'fe80::1', '10.0.0.5', '10.0.0.5') : interfaces();
    });
    await hypervisor.start();
    await hypervisor.refreshLoad();
    await expect.poll(() => sources).toEqual([0, 2]);
    libvirtd.on(domainGetXmlDesc, () => new XdrWriter().string(WITH_AGENT));
    libvirtd.event(
      Program.remote,
      EventNumber.agentLifecycle,
      writeDomain(new XdrWriter().int(1), { ...erp, id: 1 })
        .int(1)
        .int(1),
    );
    libvirtd.event(Program.qemu, QEMU_MONITOR_EVENT, qmpEvent('STOP', null));
    await expect.poll(() => named('qmp')).toHaveLength(1);
    await hypervisor.refreshLoad();
    await expect.poll(() => hypervisor.list()[0]?.addresses).toEqual(['10.0.0.5']);
    expect(sources).toEqual([0, 2, 1]);
  });
});
