import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type PairStatus,
  ProblemError,
  type ReplicationMode,
  type Task,
} from '../../agent/protocol/index.ts';
import { agentState, askAgent } from './agent-client.ts';
import { auditOf } from './audit-file.ts';
import {
  folderOf,
  lookAlike,
  mountBoth,
  moveDisks,
  newestCopy,
  putProgram,
  replicate,
} from './coordinated/storage.ts';
import { Bench, MACHINE, TWIN } from './failover/bench.ts';
import { done, startFrom } from './modes/points.ts';
import { places } from './places.ts';
import { ProtectedFleet } from './protected-fleet.ts';
import { Recorder } from './recorder.ts';
import { waitFor } from './run.ts';

/** Copies that somebody else keeps, on real hosts: shared disks, and replications of others. */
const MINUTE = 60_000;
const SHARED: ReplicationMode = { kind: 'shared' };
const ARMED = { policy: 'automatic', witness: true } as const;
let fleet: ProtectedFleet;
let bench: Bench;

beforeAll(async () => {
  fleet = await ProtectedFleet.up(places('coordinated'), {
    machines: [],
    policy: 'automatic',
    profile: 'fast',
    witness: true,
  });
  await mountBoth(fleet.lab, ['atlas', 'boreas']);
  await moveDisks(fleet.lab, MACHINE, 'atlas', '/srv/shared');
  bench = await Bench.open(fleet);
}, 10 * MINUTE);
afterAll(async () => {
  await bench?.observer.stop();
  await fleet?.down();
});

interface Wanted {
  policy: 'manual' | 'automatic';
  witness: boolean;
}

/** Protects a machine where it is; the order's end. */
async function protect(machine: string, mode: ReplicationMode, { policy, witness }: Wanted): Promise<Task> {
  const home = await waitFor(`${machine} to run`, MINUTE, async () => {
    for (const host of fleet.hypervisors) if (await fleet.guestOn(host, machine)) return host;
    return null;
  });
  const standby = fleet.hypervisors.find((host) => host !== home) ?? '';
  const given = await askAgent(fleet.lab, home, 'protect.start', {
    requestId: randomUUID(),
    actor: 'lab',
    pairId: fleet.pairId(machine),
    vmUuid: fleet.lab.guest(machine).uuid,
    standby: fleet.idOf(standby),
    witness: witness ? fleet.idOf(fleet.witness) : null,
    policy,
    profile: 'fast',
    replication: mode,
  });
  return done(fleet, home, given?.task.id);
}

async function unprotect(machine: string): Promise<void> {
  const { owner } = await fleet.roles(machine);
  await done(fleet, owner, (await fleet.order('protect.end', machine, owner)) ?? undefined);
}

const refusal = async (order: Promise<unknown>): Promise<string> =>
  order.then(
    () => 'done',
    (error: unknown) => (error instanceof ProblemError ? error.problem.kind : String(error)),
  );

const ownerSays = async (machine: string): Promise<PairStatus | null> => {
  const { owner, members } = await fleet.sight(machine);
  return (owner && members[owner]) || null;
};

const until = (
  what: string,
  holds: (status: PairStatus) => boolean,
  machine = MACHINE,
): Promise<PairStatus> =>
  waitFor(what, MINUTE, async () => {
    const status = await ownerSays(machine);
    return status && holds(status) ? status : null;
  });

/** A client writes; its host is lost in the way given; the other host takes over. What is missing afterwards. */
async function lose(fault: (owner: string) => Promise<void>): Promise<{ missing: number; since: number }> {
  const { owner, standby } = await fleet.roles(MACHINE);
  const recorder = await Recorder.start(fleet.lab, MACHINE, 5);
  await recorder.waitForMore(200, MINUTE);
  const since = Date.now();
  await fault(owner);
  await bench.startOn(standby, since);
  await recorder.waitForMore(50, 2 * MINUTE);
  await recorder.stop();
  return { missing: (await recorder.verify()).missing, since };
}

describe('disks that both hosts reach', () => {
  test(
    'are refused where the other host has files of its own that look the same',
    async () => {
      const home = fleet.lab.guest(TWIN).home;
      const other = fleet.hypervisors.find((host) => host !== home) ?? '';
      await lookAlike(fleet.lab, TWIN, home, other);
      expect(await refusal(protect(TWIN, SHARED, ARMED))).toBe('check-same-files');
      expect((await agentState(fleet.lab, home))?.pairs).toEqual([]);
    },
    2 * MINUTE,
  );

  test(
    'are armed, and taken over with every write when their host loses its power',
    async () => {
      await protect(MACHINE, SHARED, ARMED);
      const { record, members, owner } = await fleet.settle(MACHINE, MINUTE);
      expect(record?.replica).toMatchObject({ mode: 'shared', state: 'in-sync' });
      expect(members[owner ?? '']?.mirror?.attended?.line).toContain('reaches the same files');
      const { missing } = await lose((host) => fleet.lab.powerOff(host));
      expect(missing).toBe(0);
      await fleet.lab.powerOn(owner ?? '');
      // Nothing of the old host needs a person's word: there is one set of disks.
      await fleet.settle(MACHINE, 3 * MINUTE);
      expect(bench.violations).toBe(0);
    },
    6 * MINUTE,
  );

  test(
    'are taken over from a host that is cut off: its process is ended, so that it does not keep them',
    async () => {
      const { owner } = await fleet.roles(MACHINE);
      const { missing, since } = await lose((host) => fleet.lab.isolate(host));
      expect(missing).toBe(0);
      expect(await fleet.guestOn(owner, MACHINE)).toBeNull();
      await fleet.lab.heal();
      await fleet.settle(MACHINE, 3 * MINUTE);
      const ends = auditOf(fleet.lab, owner).filter(({ at, event }) => at >= since && event === 'permission');
      expect(ends.some(({ text }) => text.includes('must not keep the shared disks'))).toBe(true);
      expect(bench.violations).toBe(0);
    },
    6 * MINUTE,
  );

  test(
    'disarm as soon as the other host reaches them no more',
    async () => {
      const { standby } = await fleet.roles(MACHINE);
      const hide = (script: string) => fleet.lab.exec(standby, ['sh', '-c', script]);
      await hide('mount -t tmpfs none /srv/shared');
      const { record, mirror } = await until('disarmed', (status) => !status.record.armed);
      expect(record.replica.state).toBe('stale');
      expect(mirror).toMatchObject({ state: 'broken', problem: { kind: 'shared-missing' } });
      await hide('umount /srv/shared');
      await fleet.settle(MACHINE, MINUTE);
    },
    3 * MINUTE,
  );

  test(
    'change sides with a shutdown, and stay when protection ends',
    async () => {
      const { owner, standby } = await fleet.roles(MACHINE);
      await done(
        fleet,
        owner,
        (await fleet.order('pair.switchover', MACHINE, owner, { way: 'cold' })) ?? undefined,
      );
      expect((await fleet.settle(MACHINE, 2 * MINUTE)).owner).toBe(standby);
      await unprotect(MACHINE);
      expect(await fleet.lab.firstAnswer(MACHINE, MINUTE)).not.toBeNull();
      const left = await fleet.lab.exec(standby, ['ls', '/srv/shared']);
      expect(left.stdout.split('\n').filter(Boolean)).toEqual([
        `${MACHINE}-vda.qcow2`,
        `${MACHINE}-vdb.qcow2`,
      ]);
    },
    5 * MINUTE,
  );
});

describe('a replication of somebody else’s', () => {
  const both = (commands: { state: string[]; promote: string[]; demote: string[] | null }) =>
    Object.fromEntries(fleet.hypervisors.map((host) => [fleet.idOf(host), commands]));

  test(
    'that is synchronous is armed while it says so, disarmed when it is broken, and promoted when taken over',
    async () => {
      for (const host of fleet.hypervisors) await putProgram(fleet.lab, host, 'array.sh');
      const state = join(folderOf(fleet.lab, '/srv/array'), 'state');
      await writeFile(state, 'in-sync\n');
      const verb = (name: string): string[] => ['/usr/local/sbin/array.sh', name];
      const commands = both({ state: verb('state'), promote: verb('promote'), demote: verb('demote') });
      await protect(MACHINE, { kind: 'external', synchronous: true, everyS: 1, commands }, ARMED);
      await fleet.settle(MACHINE, MINUTE);
      await writeFile(state, 'broken: the link was given up\n');
      const { mirror } = await until('disarmed', ({ record }) => !record.armed);
      expect(mirror?.problem).toMatchObject({ kind: 'external-broken' });
      await writeFile(state, 'in-sync\n');
      await fleet.settle(MACHINE, MINUTE);
      const { owner, standby } = await fleet.roles(MACHINE);
      const { missing } = await lose((host) => fleet.lab.powerOff(host));
      expect(missing).toBe(0);
      const did = await readFile(join(folderOf(fleet.lab, '/srv/array'), 'did'), 'utf8');
      expect(did.split('\n')).toContain(`${standby} promote`);
      await fleet.lab.powerOn(owner);
      await fleet.settle(MACHINE, 3 * MINUTE);
      expect(bench.violations).toBe(0);
      await unprotect(MACHINE);
    },
    8 * MINUTE,
  );

  test(
    'that copies files now and then is watched, and a person starts its copy once its host is lost',
    async () => {
      const { home } = fleet.lab.guest(TWIN);
      const standby = fleet.hypervisors.find((host) => host !== home) ?? '';
      for (const host of fleet.hypervisors) await putProgram(fleet.lab, host, 'replica.sh');
      await replicate(fleet.lab, TWIN, home);
      const received = await fleet.lab.exec(standby, ['/usr/local/sbin/replica.sh', 'receive', TWIN]);
      expect(received).toMatchObject({ code: 0, stderr: '' });
      const verb = (name: string): string[] => ['/usr/local/sbin/replica.sh', name, TWIN];
      const commands = both({ state: verb('state'), promote: verb('promote'), demote: null });
      const mode: ReplicationMode = { kind: 'external', synchronous: false, everyS: 2, commands };
      expect(await refusal(protect(TWIN, mode, ARMED))).toBe('mode-needs-manual');
      await protect(TWIN, mode, { policy: 'manual', witness: false });
      const watched = await until('watched', ({ mirror }) => mirror?.state === 'following', TWIN);
      expect(watched.record).toMatchObject({ armed: false, replica: { mode: 'external', state: 'stale' } });
      expect(watched.mirror?.attended?.line).toMatch(/the newest copy is \d+ s old/);
      const recorder = await Recorder.start(fleet.lab, TWIN, 20);
      await recorder.waitForMore(100, MINUTE);
      const before = (await newestCopy(fleet.lab, TWIN)) ?? 0;
      await waitFor(
        'two newer copies',
        MINUTE,
        async () => ((await newestCopy(fleet.lab, TWIN)) ?? 0) > before + 2_000,
      );
      await fleet.lab.powerOff(home);
      await recorder.stop();
      const copied = (await newestCopy(fleet.lab, TWIN)) ?? 0;
      await startFrom(fleet, TWIN, standby);
      if (!(await fleet.lab.firstAnswer(TWIN, 90_000))) throw new Error('the copy gives no answer');
      const { examples } = await recorder.verify();
      const lost = (await recorder.acknowledged()).filter(({ number }) => examples.includes(number));
      // Everything from before the copy is on it.
      for (const { at } of lost) expect(at).toBeGreaterThan(copied);
      const promoted = auditOf(fleet.lab, standby).filter(
        ({ event, pairId }) => event === 'external-promote-done' && pairId === fleet.pairId(TWIN),
      );
      expect(promoted).toHaveLength(1);
      expect(bench.violations).toBe(0);
    },
    8 * MINUTE,
  );
});
