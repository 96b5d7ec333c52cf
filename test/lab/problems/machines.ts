import { describe, expect, test } from 'vitest';
import { waitFor } from '../run.ts';
import {
  type Bench,
  define,
  isOnline,
  MINUTE,
  mainPid,
  processState,
  rawDisk,
  sh,
  untilProcess,
} from './bench.ts';

const DISK = '/srv/tiny/tiny.img';
const UUID = '7e570000-0000-4000-8002-0000000000c0';

/** What people do to a protected machine behind the agents' backs. Leaves `tiny` protected, owned by boreas. */
export function machinesTouchedByHand(bench: Bench): void {
  const health = (machine: string) => bench.desk.pair(machine)?.health;
  const state = (host: string, machine: string) => sh(bench, host, `virsh domstate ${machine}`);
  const restartAgent = async (host: string): Promise<void> => {
    const before = await mainPid(bench, host);
    await sh(bench, host, 'systemctl restart understudy-agent');
    await waitFor('a new agent', MINUTE, async () => !['0', before].includes(await mainPid(bench, host)));
    const { id } = bench.desk.host(host);
    await bench.desk.until(`${host} online`, () => isOnline(bench, id));
  };

  describe('a protected machine', () => {
    test(
      'shut down from inside stays down, and is copied anew once it is started by hand',
      async () => {
        expect(await bench.lab.firstAnswer('erp', MINUTE)).not.toBeNull();
        await bench.desk.protect('erp', 'atlas', 'boreas');
        await sh(bench, 'atlas', 'virsh --quiet shutdown erp');
        await bench.desk.until('erp is down', () => health('erp') === 'stopped');
        await restartAgent('atlas');
        await bench.desk.until('told so by the new agent', () => health('erp') === 'stopped');
        expect(await state('atlas', 'erp')).toBe('shut off');
        await sh(bench, 'atlas', 'virsh --quiet start erp');
        expect(await bench.lab.firstAnswer('erp', MINUTE)).not.toBeNull();
        await bench.desk.inSync('erp');
      },
      4 * MINUTE,
    );

    test(
      'is followed when it is renamed',
      async () => {
        for (const host of ['atlas', 'boreas']) await sh(bench, host, 'mkdir /srv/tiny');
        await sh(bench, 'atlas', `yes understudy | head -c 16M > ${DISK}`);
        await define(bench, 'atlas', { name: 'small', uuid: UUID, disks: rawDisk('vda', DISK) });
        await sh(bench, 'atlas', 'virsh --quiet start small');
        await bench.desk.protect('small', 'atlas', 'boreas');
        await sh(bench, 'atlas', 'virsh --quiet destroy small; virsh --quiet domrename small tiny');
        await bench.desk.until('the new name', () => health('tiny') === 'stopped');
        await sh(bench, 'atlas', 'virsh --quiet start tiny');
        await bench.desk.inSync('tiny');
        expect(bench.desk.pair('small')).toBeUndefined();
        const known = "grep -h -o '<name>[a-z]*' /var/lib/understudy/pairs/*.json | sort -u";
        expect(await sh(bench, 'boreas', known)).toBe('<name>erp\n<name>tiny');
      },
      MINUTE,
    );

    test(
      'undefined by hand goes on in sync, and its pair says what to do',
      async () => {
        await sh(
          bench,
          'atlas',
          'virsh dumpxml --inactive tiny > /root/tiny.xml; virsh --quiet undefine tiny',
        );
        const told = /tiny was undefined on atlas by hand: define it there again/;
        await bench.desk.until('told', () => told.test(bench.desk.pair('tiny')?.sentence ?? ''));
        expect(health('tiny')).toBe('in-sync');
        await sh(bench, 'atlas', 'virsh --quiet destroy tiny');
        await bench.desk.until('down', () => health('tiny') === 'stopped');
        expect(bench.desk.pair('tiny')?.sentence).toMatch(told);
        await sh(bench, 'atlas', 'virsh --quiet define /root/tiny.xml; virsh --quiet start tiny');
        await bench.desk.inSync('tiny');
        expect(bench.desk.pair('tiny')?.sentence).not.toMatch(told);
      },
      MINUTE,
    );

    test(
      'set aside is frozen, and is not started by hand',
      async () => {
        await bench.lab.cut('atlas', 'boreas');
        await bench.lab.cut('atlas', 'cora');
        await bench.lab.cut('atlas', 'client');
        await bench.desk.until('atlas is silent', () => health('tiny') === 'primary-lost');
        await bench.desk.failover('tiny');
        await bench.lab.heal();
        await untilProcess(bench, 'atlas', 'tiny', 'T');
        await bench.desk.until('quarantined', () => health('tiny') === 'quarantined');
        await sh(bench, 'atlas', 'virsh --quiet destroy tiny');
        const refused = await bench.lab.exec('atlas', ['virsh', '--quiet', 'start', 'tiny']);
        expect(refused.stderr).toContain('Understudy protects tiny');
        expect(await processState(bench, 'atlas', 'tiny')).toBe('none');
        expect(await processState(bench, 'boreas', 'tiny')).toMatch(/^[RS]$/);
        await bench.desk.order('pair.resync', 'tiny');
        await bench.desk.inSync('tiny');
        expect(await processState(bench, 'atlas', 'tiny')).toBe('none');
      },
      2 * MINUTE,
    );
  });
}
