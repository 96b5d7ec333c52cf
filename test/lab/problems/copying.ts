import { describe, expect, test } from 'vitest';
import type { Task } from '../../../agent/protocol/index.ts';
import { waitFor } from '../run.ts';
import {
  type Bench,
  define,
  ended,
  MINUTE,
  objections,
  processState,
  rawDisk,
  sh,
  taskOf,
  unclear,
} from './bench.ts';

const FOLDER = '/srv/bulk';
const DISK = `${FOLDER}/bulk.img`;
const UUID = '7e570000-0000-4000-8002-0000000000b0';
const SLOWLY = 2 * 2 ** 20;

/** What goes wrong while the disks are copied for the first time: it ends as if it had never begun. */
export function firstCopyProblems(bench: Bench): void {
  const monitor = async (command: object): Promise<{ device: string }[]> => {
    const script = `virsh qemu-monitor-command bulk '${JSON.stringify(command)}'`;
    return JSON.parse(await sh(bench, 'atlas', script)).return;
  };
  const setSpeed = async (speed: number): Promise<boolean> => {
    const jobs = await monitor({ execute: 'query-block-jobs' });
    for (const { device } of jobs) {
      await monitor({ execute: 'block-job-set-speed', arguments: { device, speed } });
    }
    return jobs.length > 0;
  };
  /** A first copy that has begun and goes on slowly until told otherwise. */
  const slowCopy = async (): Promise<string> => {
    const taskId = await bench.desk.startProtection('bulk', 'atlas', 'boreas');
    await waitFor('a copy', MINUTE, async () => {
      expect(taskOf(bench, taskId)?.state ?? 'running').toBe('running');
      return setSpeed(SLOWLY);
    });
    await bench.desk.until('progress', () => (taskOf(bench, taskId)?.progress?.doneBytes ?? 0) > 0);
    expect(taskOf(bench, taskId)?.state).toBe('running');
    return taskId;
  };
  const noMirror = async (): Promise<void> => {
    expect(await monitor({ execute: 'query-block-jobs' })).toEqual([]);
    const nodes = await monitor({ execute: 'query-named-block-nodes', arguments: { flat: true } });
    expect(JSON.stringify(nodes)).not.toMatch(/"u[rm]-/);
  };
  const autostart = () => sh(bench, 'atlas', "virsh dominfo bulk | sed -n 's/^Autostart: *//p'");
  /** On neither host anything of the protection that failed; the machine runs as before. */
  const asIfNeverBegun = async (task: Task): Promise<void> => {
    await bench.desk.until('no pair', () => bench.desk.pair('bulk') === undefined);
    expect(await autostart()).toBe('enable');
    expect(await sh(bench, 'boreas', `ls ${FOLDER}`)).toBe('');
    for (const host of ['atlas', 'boreas']) {
      expect(await sh(bench, host, 'ls /var/lib/understudy/pairs')).toBe('');
    }
    expect(await processState(bench, 'atlas', 'bulk')).toMatch(/^[RS]$/);
    await noMirror();
    expect(unclear(task.problem ? [task.problem] : [])).toEqual([]);
  };

  describe('during a first copy', () => {
    test(
      'it is cancelled: all is put back',
      async () => {
        await sh(bench, 'atlas', `mkdir ${FOLDER}; yes understudy | head -c 700M > ${DISK}`);
        await sh(bench, 'boreas', `mkdir ${FOLDER}`);
        await define(bench, 'atlas', { name: 'bulk', uuid: UUID, disks: rawDisk('vda', DISK) });
        await sh(bench, 'atlas', 'virsh --quiet start bulk; virsh --quiet autostart bulk');
        const taskId = await slowCopy();
        expect(await autostart()).toBe('disable');
        await bench.desk.call('task.cancel', { taskId });
        const task = await ended(bench, taskId);
        expect(task.state).toBe('cancelled');
        await asIfNeverBegun(task);
      },
      MINUTE,
    );

    test(
      "the standby's disk fills up: it says so, and all is put back",
      async () => {
        await sh(bench, 'boreas', `mount -t tmpfs -o size=1100m tmpfs ${FOLDER}`);
        const taskId = await slowCopy();
        await sh(bench, 'boreas', `head -c 2G /dev/zero > ${FOLDER}/filler 2>/dev/null || true`);
        await setSpeed(0);
        const task = await ended(bench, taskId);
        await sh(bench, 'boreas', `rm ${FOLDER}/filler`);
        expect(task).toMatchObject({ state: 'failed', problem: { kind: 'standby-disk-full' } });
        expect(task.problem?.message).toContain('boreas');
        expect(task.problem?.message).toContain(DISK);
        await asIfNeverBegun(task);
        await sh(bench, 'boreas', `umount ${FOLDER}`);
      },
      MINUTE,
    );

    test(
      'the standby loses power: it is named, and told later that nothing is wanted of it',
      async () => {
        const taskId = await slowCopy();
        await bench.lab.powerOff('boreas');
        const task = await ended(bench, taskId);
        expect(task.state).toBe('failed');
        expect(task.problem?.message).toContain('boreas');
        await bench.desk.until('no pair', () => bench.desk.pair('bulk') === undefined);
        expect(await autostart()).toBe('enable');
        await noMirror();
        await bench.lab.powerOn('boreas');
        const empty = `ls ${FOLDER} /var/lib/understudy/pairs | grep json || true`;
        await waitFor('told', MINUTE, async () => (await sh(bench, 'boreas', empty)) === '');
        await bench.desk.until('boreas', () => bench.desk.host('boreas').connection.state === 'online');
        await asIfNeverBegun(task);
      },
      2 * MINUTE,
    );

    test(
      'the machine is undefined by hand: it is not protected, and the reason is told',
      async () => {
        const taskId = await slowCopy();
        await sh(
          bench,
          'atlas',
          'virsh dumpxml --inactive bulk > /root/bulk.xml; virsh --quiet undefine bulk',
        );
        const task = await ended(bench, taskId);
        expect(task).toMatchObject({ state: 'failed', problem: { kind: 'vm-undefined' } });
        expect(task.problem?.message).toContain('atlas');
        const transient = await objections(bench, UUID, 'atlas', 'boreas');
        expect(transient.map((check) => check.by)).toContain('atlas definition failed');
        await sh(bench, 'atlas', 'virsh --quiet define /root/bulk.xml; virsh --quiet autostart bulk');
        await asIfNeverBegun(task);
      },
      MINUTE,
    );

    test(
      "the machine's own host loses power: the machine starts with its host as before",
      async () => {
        const taskId = await slowCopy();
        await bench.lab.powerOff('atlas');
        await bench.desk.until('it is missed', () => bench.desk.pair('bulk')?.health === 'primary-lost');
        const verdict = await bench.desk.call('pair.verdict', { pairId: bench.desk.pair('bulk')?.id ?? '' });
        expect(verdict.replica.usable).toBe(false);
        expect(verdict.refusal).not.toBeNull();
        await bench.lab.powerOn('atlas');
        const task = await ended(bench, taskId);
        expect(task).toMatchObject({ state: 'failed', problem: { kind: 'guest-stopped' } });
        await waitFor(
          'bulk runs',
          MINUTE,
          async () => (await processState(bench, 'atlas', 'bulk')) !== 'none',
        );
        await asIfNeverBegun(task);
        await sh(bench, 'atlas', 'virsh --quiet destroy bulk; virsh --quiet undefine bulk');
      },
      2 * MINUTE,
    );
  });
}
