import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import type { Clock } from '../ports.ts';
import type { Peer } from '../protocol/index.ts';
import { LastingLink } from './lasting-link.ts';

/** A clock that notes each pause and ends it only when told. */
function manualClock() {
  const pauses: number[] = [];
  let go: (() => void) | null = null;
  const clock: Clock = {
    now: () => 1_000_000,
    bootMs: () => 0,
    setTimeout(run, ms) {
      pauses.push(ms);
      go = run;
      return { cancel: () => undefined };
    },
  };
  return { clock, pauses, go: () => go?.() };
}

async function closedPort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

test('pauses grow from 0.2 s to 1 s; one who was heard elsewhere is tried at once', async () => {
  const { clock, pauses, go } = manualClock();
  const peer: Peer = {
    hostId: 'boreas',
    name: 'boreas',
    address: '127.0.0.1',
    port: await closedPort(),
    replicationPort: 1,
    role: 'hypervisor',
  };
  const credentials = { hostId: 'atlas', fleetId: 'f', key: '', cert: '', ca: [] };
  const sights: boolean[] = [];
  const link = new LastingLink({
    peer,
    bootId: 'b',
    clock,
    log: () => undefined,
    credentials: () => credentials,
    onSight: (sight) => sights.push(sight.reachable),
    onLease: () => undefined,
    onAlive: () => undefined,
  });
  link.start();
  for (let attempts = 1; attempts <= 7; attempts += 1) {
    await until(() => pauses.length === attempts);
    go();
  }
  await until(() => pauses.length === 8);
  expect(pauses).toEqual([200, 400, 800, 1000, 1000, 1000, 1000, 1000]);
  link.nudge();
  await until(() => pauses.length === 9);
  expect(pauses.at(-1)).toBe(200);
  const answer = await link.call('record.read', { pairId: 'p' });
  expect(answer).toMatchObject({
    problem: { kind: 'peer-unreachable', message: expect.stringContaining('ECONNREFUSED') },
  });
  // Never seen, so its absence is no news.
  expect(sights).toEqual([]);
  await link.stop();
});
