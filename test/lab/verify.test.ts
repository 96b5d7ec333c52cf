import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Task, VerifyResult } from '../../agent/protocol/index.ts';
import { agentState, askAgent } from './agent-client.ts';
import { identical } from './drill/drilling.ts';
import { serviceProcess, signal } from './host-processes.ts';
import { down } from './lab.ts';
import { places } from './places.ts';
import { ProtectedFleet } from './protected-fleet.ts';
import { Recorder } from './recorder.ts';
import { must, waitFor } from './run.ts';

/** The copy of an armed machine compared with it on real hosts, while a client writes to the machine. */
const PLACES = places('verifytest');
const MINUTE = 60_000;
const MACHINE = 'erp';
const CHUNK = 65_536;
const SECTOR = 512;
let fleet: ProtectedFleet;

beforeAll(async () => {
  fleet = await ProtectedFleet.up(PLACES, {
    machines: [MACHINE],
    policy: 'automatic',
    profile: 'balanced',
    witness: true,
  });
}, 10 * MINUTE);

afterAll(() => down(PLACES));

async function order(): Promise<string> {
  const { owner } = await fleet.roles(MACHINE);
  const requestId = randomUUID();
  const given = { requestId, actor: 'lab', pairId: fleet.pairId(MACHINE) };
  if (!(await askAgent(fleet.lab, owner, 'pair.verify', given))) throw new Error(`${owner} cannot be asked`);
  return requestId;
}

async function untilEnded(id: string): Promise<Task> {
  const { owner } = await fleet.roles(MACHINE);
  return waitFor('the comparison to end', 5 * MINUTE, async () => {
    const task = (await agentState(fleet.lab, owner))?.tasks.find((one) => one.id === id);
    return task && task.state !== 'running' ? task : null;
  });
}

async function resultOf(id: string): Promise<VerifyResult | null> {
  const { members } = await fleet.sight(MACHINE);
  const results = Object.values(members).flatMap(({ verify }) => verify?.results ?? []);
  return results.find((result) => result.id === id) ?? null;
}

/** What it said, once it has ended; `problem` null. */
async function compared(): Promise<VerifyResult> {
  const id = await order();
  expect(await untilEnded(id)).toMatchObject({ state: 'done', problem: null });
  return waitFor('the result', MINUTE, () => resultOf(id));
}

/** What of comparisons is in the owner's QEMU or in the standby's storage daemon. */
async function traces(): Promise<string[]> {
  const { owner, standby } = await fleet.roles(MACHINE);
  const ask = async (command: string): Promise<string> =>
    (await fleet.lab.exec(owner, ['virsh', 'qemu-monitor-command', MACHINE, `{"execute":"${command}"}`]))
      .stdout;
  const nodes = (await ask('query-named-block-nodes')).match(/verify-[0-9a-f]+/g) ?? [];
  const offers = (await ask('query-block-exports')).match(/understudy-vd[a-z]/g) ?? [];
  const files = await Promise.all(
    [owner, standby].map((host) =>
      fleet.lab.exec(host, ['sh', '-c', 'ls /var/lib/understudy/digests || true']),
    ),
  );
  return [...nodes, ...offers, ...files.flatMap(({ stdout }) => stdout.split('\n').filter(Boolean))];
}

interface Extent {
  start: number;
  length: number;
  data: boolean;
  offset?: number;
}

/** Other bytes than were written lie in the replica's file, at a place that is not written to any more. @returns the chunk */
async function damage(): Promise<number> {
  const { standby } = await fleet.roles(MACHINE);
  const { members } = await fleet.sight(MACHINE);
  const disk = members[standby]?.spec.disks.find(({ target }) => target === 'vda');
  const path = fleet.lab.pathOn(standby, disk?.paths[fleet.idOf(standby)] ?? '');
  const told = await must(['qemu-img', 'map', '-U', '-f', disk?.format ?? 'qcow2', '--output=json', path]);
  const spots = (JSON.parse(told) as Extent[])
    .filter(
      ({ data, start, length, offset }) =>
        data && offset !== undefined && start >= 2 ** 20 && length >= CHUNK,
    )
    .map(({ start, offset = 0 }) => ({ start, offset }));
  const file = openSync(path, 'r+');
  try {
    const read = ({ offset }: { offset: number }): Buffer => {
      const bytes = Buffer.alloc(CHUNK);
      readSync(file, bytes, 0, CHUNK, offset);
      return bytes;
    };
    const before = spots.map(read);
    await new Promise((done) => setTimeout(done, 3_000));
    const quiet = spots.find((spot, index) => before[index]?.equals(read(spot)));
    if (!quiet) throw new Error('every place of the replica is written to');
    writeSync(file, Buffer.alloc(SECTOR, 0xa5), 0, SECTOR, quiet.offset);
    return Math.floor(quiet.start / CHUNK) * CHUNK;
  } finally {
    closeSync(file);
  }
}

test(
  'an armed machine that is written to is found the same as its copy; a byte that decays is found, repaired, and lost by nobody',
  async () => {
    const recorder = await Recorder.start(fleet.lab, MACHINE, 5);
    await recorder.waitForMore(200, MINUTE);
    const before = await compared();
    expect(before).toMatchObject({ outcome: 'alike', by: 'lab', found: { differingBytes: 0, places: [] } });
    expect(before.found?.totalBytes).toBeGreaterThan(0);
    expect((await fleet.sight(MACHINE)).record?.armed).toBe(true);
    expect(await traces()).toEqual([]);

    const chunk = await damage();
    const found = await compared();
    expect(found).toMatchObject({
      outcome: 'differs',
      found: { differingBytes: CHUNK, places: [{ target: 'vda', offset: chunk, length: CHUNK }] },
    });
    const repaired = await waitFor('the repair', 3 * MINUTE, async () => {
      const result = await resultOf(found.id);
      return result?.repairedAt ? result.repairedAt : null;
    });
    expect(repaired).toBeGreaterThan(found.at);
    await fleet.settle(MACHINE, 2 * MINUTE);
    expect(await compared()).toMatchObject({ outcome: 'alike' });
    console.log(
      `compared ${before.found?.totalBytes} bytes in ${before.tookMs} ms, written meanwhile ${before.found?.writtenBytes}; repaired after ${repaired - found.at} ms`,
    );

    await recorder.waitForMore(50, MINUTE);
    await recorder.stop();
    expect(await recorder.verify()).toMatchObject({ missing: 0 });
    const { seconds } = await recorder.outage();
    console.log(`longest gap of the client: ${seconds.toFixed(2)} s`);
    expect(await identical(fleet, MACHINE)).toBe(true);
    expect(await traces()).toEqual([]);
  },
  12 * MINUTE,
);

test.each(['owner', 'standby'] as const)(
  'the agent of the %s is killed in the middle, and nothing is left of the comparison',
  async (which) => {
    const host = (await fleet.roles(MACHINE))[which];
    const id = await order();
    const agent = await serviceProcess(fleet.lab, host, 'agent');
    if (!agent) throw new Error(`no agent on ${host}`);
    signal(agent.pid, 'SIGKILL');
    const task = await untilEnded(id);
    // A small machine may have been compared before the signal came.
    expect(task.state === 'done' || task.problem !== null).toBe(true);
    await fleet.settle(MACHINE, 2 * MINUTE);
    expect(await compared()).toMatchObject({ outcome: 'alike' });
    await waitFor('no trace of it', MINUTE, async () => (await traces()).length === 0);
  },
  6 * MINUTE,
);
