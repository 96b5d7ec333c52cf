import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../ports.ts';
import { Connection } from './connection.ts';
import { FakeLibvirtd } from './fake-libvirtd.spec-kit.ts';
import {
  connectGetLibVersion,
  connectGetVersion,
  domainGetState,
  domainLookupByUuid,
  Keepalive,
  Program,
  qemuDomainMonitorCommand,
} from './procedures.ts';
import type { Message } from './wire.ts';
import { XdrWriter } from './xdr.ts';

/** Timers that fire only when told. */
class HandClock implements Clock {
  readonly #timers = new Set<{ run: () => void; ms: number }>();
  now = (): number => 0;
  bootMs = (): number => 0;

  setTimeout(run: () => void, ms: number): { cancel(): void } {
    const timer = { run, ms };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** Fires all timers of that length set so far. */
  fire(ms: number): void {
    for (const timer of [...this.#timers].filter((each) => each.ms === ms)) {
      this.#timers.delete(timer);
      timer.run();
    }
  }
}

const KEEPALIVE_MS = 15_000;
const dom = (n: number) => ({ name: `vm${n}`, uuid: `7e570000-0000-4000-8000-00000000006${n}`, id: 1 });

let folder: string;
let server: FakeLibvirtd;
let clock: HandClock;
let connection: Connection;
let lost: Promise<string>;
let events: Message[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'libvirt-'));
  server = new FakeLibvirtd(join(folder, 'sock'));
  await server.listen();
  clock = new HandClock();
  events = [];
  let onLost = (_reason: string): void => {};
  lost = new Promise((resolve) => {
    onLost = resolve;
  });
  const opened = await Connection.open(server.path, {
    clock,
    onEvent: (message) => events.push(message),
    onLost,
  });
  if (!opened.ok) throw new Error('the fake libvirtd refused the connection');
  connection = opened.value;
});

afterEach(async () => {
  connection.close();
  await server.close();
  await rm(folder, { recursive: true });
});

describe('a connection to libvirtd', () => {
  it('gives each call its own answer, also when several are under way', async () => {
    const answers = await Promise.all([
      connection.call(connectGetLibVersion, undefined),
      connection.call(connectGetVersion, undefined),
    ]);
    expect(answers).toEqual([
      { ok: true, value: 9_000_000n },
      { ok: true, value: 7_002_022n },
    ]);
  });

  it("hands on libvirt's own words when it refuses", async () => {
    expect(await connection.call(domainLookupByUuid, { uuid: dom(1).uuid })).toEqual({
      ok: false,
      failure: { kind: 'refused', error: { code: 42, domain: 10, message: 'Domain not found' } },
    });
  });

  it('says so when an answer is not what its type demands', async () => {
    server.on(domainGetState, () => new XdrWriter().int(1));
    expect(await connection.call(domainGetState, { dom: dom(1), flags: 0 })).toMatchObject({
      ok: false,
      failure: { kind: 'malformed', procedure: 'domain_get_state' },
    });
  });

  it('gives up a call at its deadline and still serves the next', async () => {
    server.on(connectGetVersion, () => null);
    const silent = connection.call(connectGetVersion, undefined, { deadlineMs: 77 });
    clock.fire(77);
    expect(await silent).toMatchObject({ ok: false, failure: { kind: 'deadline', ms: 77 } });
    expect(await connection.call(connectGetLibVersion, undefined)).toMatchObject({ ok: true });
  });

  it('fails what is under way when libvirtd goes, and says why', async () => {
    server.on(connectGetVersion, () => null);
    const pending = connection.call(connectGetVersion, undefined);
    await expect.poll(() => server.asked.length).toBe(1);
    await server.close();
    expect(await pending).toMatchObject({ ok: false, failure: { kind: 'lost' } });
    expect(await lost).toBe('libvirtd closed the connection');
    expect(await connection.call(connectGetLibVersion, undefined)).toMatchObject({
      failure: { kind: 'lost' },
    });
  });

  it('ends itself at bytes that are no libvirt message', async () => {
    server.send(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect(await lost).toContain('longer than');
  });

  it('answers a ping, and asks a silent libvirtd for a sign of life before it gives it up', async () => {
    server.event(Program.keepalive, Keepalive.ping, new XdrWriter());
    await expect.poll(() => server.asked).toEqual([Keepalive.pong]);
    clock.fire(KEEPALIVE_MS);
    clock.fire(KEEPALIVE_MS);
    await expect.poll(() => server.asked).toEqual([Keepalive.pong, Keepalive.ping]);
    clock.fire(KEEPALIVE_MS);
    expect(await lost).toBe('libvirtd is silent for 30 s');
  });

  it('stays while a silent libvirtd answers pings', async () => {
    clock.fire(KEEPALIVE_MS);
    clock.fire(KEEPALIVE_MS);
    await expect.poll(() => server.asked).toEqual([Keepalive.ping]);
    server.event(Program.keepalive, Keepalive.pong, new XdrWriter());
    server.event(Program.remote, 1, new XdrWriter());
    await expect.poll(() => events.length).toBe(1);
    clock.fire(KEEPALIVE_MS);
    expect(await connection.call(connectGetLibVersion, undefined)).toMatchObject({ ok: true });
  });
});

describe('calls that wait for guests', () => {
  const monitor = (n: number) =>
    connection.call(
      qemuDomainMonitorCommand,
      { dom: dom(n), command: '{}' },
      { lane: dom(n).uuid, deadlineMs: n },
    );

  it('go one at a time for a guest, and leave the others and plain calls alone', async () => {
    const order: string[] = [];
    server.on(qemuDomainMonitorCommand, (args) => {
      const name = args.string();
      order.push(name);
      return name === 'vm1' ? null : new XdrWriter().string('{}');
    });
    const stuck = monitor(1);
    const behind = monitor(1);
    expect(await monitor(2)).toMatchObject({ ok: true });
    expect(await connection.call(connectGetLibVersion, undefined)).toMatchObject({ ok: true });
    clock.fire(1);
    expect(await stuck).toMatchObject({ failure: { kind: 'deadline' } });
    expect(await behind).toMatchObject({ failure: { kind: 'deadline' } });
    expect(order).toEqual(['vm1', 'vm2']);
  });

  it('take no more than three of the five requests libvirtd works on at once', async () => {
    server.on(qemuDomainMonitorCommand, () => null);
    const stuck = [1, 2, 3, 4].map(monitor);
    expect(await connection.call(connectGetLibVersion, undefined)).toMatchObject({ ok: true });
    expect(server.asked.filter((number) => number === qemuDomainMonitorCommand.number)).toHaveLength(3);
    connection.close();
    for (const call of stuck) expect(await call).toMatchObject({ ok: false, failure: { kind: 'lost' } });
  });
});
