import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { duplexPair } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ERP, type HypervisorBench, openHypervisorBench } from './hypervisor-bench.spec-kit.ts';
import { sendingOf } from './migration.ts';
import {
  domainMigrateBegin3Params,
  domainMigrateFinish3Params,
  domainMigratePrepareTunnel3Params,
  MigrateFlag,
  qemuDomainMonitorCommand,
} from './procedures.ts';
import { writeDomain } from './types.ts';
import { type XdrReader, XdrWriter } from './xdr.ts';

const PREPARE = domainMigratePrepareTunnel3Params.number;
const XML = `<domain type='kvm'><name>erp</name><uuid>${ERP}</uuid><memory unit='MiB'>64</memory></domain>`;

let bench: HypervisorBench;
/** What QEMU was asked, and what it answers, by command. */
let qmp: string[];
let answers: Record<string, unknown>;

beforeEach(async () => {
  bench = await openHypervisorBench();
  qmp = [];
  answers = {};
  const { libvirtd } = bench;
  libvirtd.on(qemuDomainMonitorCommand, (args) => {
    skipDomain(args);
    const { execute } = JSON.parse(args.string()) as { execute: string };
    qmp.push(execute);
    return new XdrWriter().string(JSON.stringify({ return: answers[execute] ?? {} }));
  });
  libvirtd.on(domainMigratePrepareTunnel3Params, () => new XdrWriter().opaque(Buffer.from('cookie')));
  libvirtd.on(domainMigrateFinish3Params, () =>
    writeDomain(new XdrWriter(), { name: 'erp', uuid: ERP, id: 3 }),
  );
});
afterEach(() => bench.close());

function skipDomain(args: XdrReader): void {
  args.string();
  args.uuid();
  args.int();
}
const params = (args: XdrReader): Record<string, string> =>
  Object.fromEntries(
    args.array((each) => {
      const field = each.string();
      each.int();
      return [field, each.string()] as const;
    }),
  );
const untilStreamed = async (): Promise<Buffer> => {
  for (;;) {
    const parts = bench.libvirtd.streams.get(PREPARE) ?? [];
    if (parts.length > 0 && parts.at(-1)?.length === 0) return Buffer.concat(parts);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

describe('taking a guest in', () => {
  it('makes the process as told, feeds it every byte in order, and lets nothing run', async () => {
    const asked: unknown[] = [];
    bench.libvirtd.on(domainMigratePrepareTunnel3Params, (args) => {
      asked.push({ ...params(args), cookie: args.opaque().toString(), flags: args.uint() });
      return new XdrWriter().opaque(Buffer.from('cookie'));
    });
    bench.libvirtd.on(domainMigrateFinish3Params, (args) => {
      asked.push({
        ...params(args),
        cookie: args.opaque().length,
        flags: args.uint(),
        cancelled: args.int(),
      });
      bench.erp.state = 3;
      return writeDomain(new XdrWriter(), { name: 'erp', uuid: ERP, id: 3 });
    });
    await bench.hypervisor.start();
    const { migration } = bench.hypervisor;
    const cookie = Buffer.from('<qemu-migration/>').toString('base64');
    expect(await migration.receive(ERP, { definition: XML, cookie })).toEqual({ ok: true, value: undefined });
    const [near, far] = duplexPair();
    const fed = migration.feed(ERP, far);
    const memory = randomBytes(2_000_000);
    near.end(memory);
    expect(await fed).toBe(true);
    expect((await untilStreamed()).equals(memory)).toBe(true);
    expect(await migration.arrive(ERP)).toEqual({ ok: true, value: undefined });
    expect(bench.hypervisor.list()[0]).toMatchObject({ state: 'paused', pause: 'not-started' });
    const flags = MigrateFlag.live | MigrateFlag.paused | MigrateFlag.unsafe | MigrateFlag.tunnelled;
    expect(asked).toEqual([
      { destination_xml: XML, cookie: '<qemu-migration/>', flags },
      { destination_name: 'erp', cookie: 0, flags, cancelled: 0 },
    ]);
  });

  it('ends the process when the memory breaks off', async () => {
    const cancelled: number[] = [];
    bench.libvirtd.on(domainMigrateFinish3Params, (args) => {
      params(args);
      args.opaque();
      args.uint();
      cancelled.push(args.int());
      return { code: 38, message: 'migration successfully aborted' };
    });
    await bench.hypervisor.start();
    const { migration } = bench.hypervisor;
    await migration.receive(ERP, { definition: XML, cookie: '' });
    const [near, far] = duplexPair();
    const fed = migration.feed(ERP, far);
    near.write(randomBytes(1000));
    far.destroy(new Error('cut'));
    expect(await fed).toBe(false);
    expect(cancelled).toEqual([1]);
    expect(await migration.arrive(ERP)).toMatchObject({ ok: false, problem: { kind: 'memory-gone' } });
  });

  it('says in libvirt’s words why it cannot', async () => {
    bench.libvirtd.on(domainMigratePrepareTunnel3Params, () => ({ code: 91, message: 'CPU does not match' }));
    await bench.hypervisor.start();
    expect(await bench.hypervisor.migration.receive(ERP, { definition: XML, cookie: '' })).toMatchObject({
      ok: false,
      problem: { kind: 'vm-receive-failed', message: 'erp cannot be taken in here: CPU does not match.' },
    });
  });

  it('knows a guest that comes in from one an admin has paused', async () => {
    Object.assign(bench.erp, { state: 3, reason: 2 });
    await bench.hypervisor.start();
    expect(bench.hypervisor.list()[0]).toMatchObject({ state: 'paused', pause: 'incoming' });
  });
});

describe('a guest that is only being made', () => {
  it('is asked nothing: libvirtd would keep the question, and answer others late', async () => {
    Object.assign(bench.erp, { state: 3, reason: 11 });
    await bench.hypervisor.start();
    expect(bench.hypervisor.list()[0]).toMatchObject({ state: 'paused', pause: 'not-started' });
    expect(qmp).toEqual([]);
  });

  it('is asked nothing while its memory comes in either', async () => {
    Object.assign(bench.erp, { state: 3, reason: 2 });
    await bench.hypervisor.start();
    expect(await bench.hypervisor.monitor(ERP, 'query-status')).toMatchObject({
      problem: { kind: 'memory-comes-in' },
    });
    expect(qmp).toEqual([]);
  });
});

describe('sending a guest', () => {
  const beginsWith = (xml: string): void =>
    bench.libvirtd.on(domainMigrateBegin3Params, () =>
      new XdrWriter().opaque(Buffer.from('<c/>')).string(xml),
    );

  it('describes it with what only libvirt knows', async () => {
    bench.erp.state = 1;
    beginsWith(XML);
    await bench.hypervisor.start();
    expect(await bench.hypervisor.migration.describe(ERP)).toEqual({
      ok: true,
      value: { definition: XML, cookie: Buffer.from('<c/>').toString('base64') },
    });
    expect(await bench.hypervisor.migration.hindrances(ERP)).toEqual([]);
  });

  it('names what keeps it: a device of this host, and QEMU’s own reasons', async () => {
    bench.erp.state = 1;
    beginsWith(
      XML.replace(
        '</domain>',
        "<devices><hostdev mode='subsystem' type='usb'><source><vendor id='0x1'/></source></hostdev></devices></domain>",
      ),
    );
    answers['query-migrate'] = { 'blocked-reasons': ['virtiofs is in use'] };
    await bench.hypervisor.start();
    const told = await bench.hypervisor.migration.hindrances(ERP);
    expect(told).toHaveLength(2);
    expect(told[0]).toContain('exists on this host only');
    expect(told[1]).toContain('virtiofs is in use');
  });

  it('one that is down is not sent', async () => {
    await bench.hypervisor.start();
    expect(await bench.hypervisor.migration.hindrances(ERP)).toEqual(['erp does not run.']);
  });

  it('a guest found at the end of its migration is known as leaving, also by an agent that has just started', async () => {
    Object.assign(bench.erp, { state: 3, reason: 0 });
    answers['query-status'] = { status: 'postmigrate', running: false };
    await bench.hypervisor.start();
    expect(bench.hypervisor.list()[0]).toMatchObject({ state: 'paused', pause: 'leaving' });
  });

  it.each([
    ['emulated: after one round', {}, 0],
    ['by KVM', { enabled: true, present: true }, 100],
  ])('has QEMU stop the guest when little is left (%s)', async (_how, kvm, wanted) => {
    bench.erp.state = 1;
    answers['query-kvm'] = kvm;
    answers['query-chardev'] = [
      {
        label: 'charmonitor',
        filename: `unix:${join(dirname(bench.libvirtd.path), 'monitor.sock')},server=on`,
      },
    ];
    const limits: unknown[] = [];
    bench.libvirtd.on(qemuDomainMonitorCommand, (args) => {
      skipDomain(args);
      const asked = JSON.parse(args.string()) as { execute: string; arguments?: Record<string, unknown> };
      if (asked.execute === 'migrate-set-parameters') limits.push(asked.arguments?.['downtime-limit']);
      return new XdrWriter().string(JSON.stringify({ return: answers[asked.execute] ?? {} }));
    });
    await bench.hypervisor.start();
    const [near] = duplexPair();
    expect(await bench.hypervisor.migration.send(ERP, near)).toEqual({ ok: true, value: undefined });
    near.destroy();
    expect(limits).toEqual([wanted]);
  });

  it('giving up ends the migration before anything is asked to go on', async () => {
    bench.erp.state = 1;
    const told = ['pre-switchover', 'cancelled'];
    bench.libvirtd.on(qemuDomainMonitorCommand, (args) => {
      skipDomain(args);
      const { execute } = JSON.parse(args.string()) as { execute: string };
      qmp.push(execute);
      const status = told.length > 1 ? told.shift() : told[0];
      return new XdrWriter().string(
        JSON.stringify({ return: execute === 'query-migrate' ? { status } : {} }),
      );
    });
    await bench.hypervisor.start();
    expect(await bench.hypervisor.migration.stay(ERP)).toEqual({ ok: true, value: undefined });
    expect(qmp).toEqual(['query-migrate', 'migrate_cancel', 'query-migrate']);
  });
});

it('reads how far QEMU is', () => {
  const ram = { transferred: 10, remaining: 5, mbps: 80, 'dirty-sync-count': 3 };
  expect(sendingOf({ status: 'active', 'blocked-reasons': [], ram })).toEqual({
    phase: 'copying',
    doneBytes: 10,
    leftBytes: 5,
    rateBps: 10e6,
    rounds: 3,
    cause: null,
  });
  expect(sendingOf({ status: 'none', 'blocked-reasons': [] }).phase).toBe('none');
  expect(sendingOf({ status: 'failed', 'error-desc': 'broken pipe', 'blocked-reasons': [] })).toMatchObject({
    phase: 'failed',
    cause: 'broken pipe',
  });
});
