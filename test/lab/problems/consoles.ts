import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LabConsole } from '../core-client.ts';
import { waitFor } from '../run.ts';
import { add, type Bench, isOnline, MINUTE, processState, sh, unclear } from './bench.ts';

const TRACES = `ls -d /opt/understudy* /var/lib/understudy* /run/understudy* 2>/dev/null
ls -d /etc/systemd/system/understudy* /etc/systemd/system/*.wants/understudy* 2>/dev/null
systemctl list-units --all --no-legend 'understudy*'
getent group understudy
ss -Hltn | grep -E ':742[01] '
ls -l /proc/[0-9]*/exe 2>/dev/null | grep understudy
true`;

/** Agents of other versions, a console that lost its memory, hosts that leave. Ends with an empty fleet. */
export function consolesAndVersions(bench: Bench): void {
  const installed = (host: string) => sh(bench, host, 'cat /opt/understudy/VERSION');
  /** Another agent where the console's own was, restarted. */
  const tamper = async (host: string, script: string): Promise<void> => {
    await sh(bench, host, `cd /opt/understudy; ${script} && systemctl restart understudy-agent`);
  };
  const replica = (machine: string) => {
    const { record } = Object.values(bench.desk.pair(machine)?.members ?? {})[0]?.status ?? {};
    return { version: record?.version, since: record?.replica.since };
  };

  describe('an agent', () => {
    test.each(['atlas', 'boreas'])(
      'older than the console is replaced in place on %s; mirrors go on',
      async (host) => {
        const version = await installed(host);
        const before = [replica('erp'), replica('tiny')];
        const older = version.replace(/^\d+\.\d+\.\d+/, '0.0.1');
        await tamper(
          host,
          `sed -i 's/${version.replace('+', '[+]')}/${older}/g' agent.cjs && echo ${older} > VERSION`,
        );
        await waitFor('the old one replaced', MINUTE, async () => (await installed(host)) !== older);
        // The console's own, which may have been built anew since the host was added.
        const now = await installed(host);
        expect(now.split('+')[0]).toBe(version.split('+')[0]);
        const { id } = bench.desk.host(host);
        await bench.desk.until(
          `${host} online`,
          () => isOnline(bench, id) && bench.desk.host(host).agentVersion === now,
        );
        await bench.desk.inSync('erp');
        await bench.desk.inSync('tiny');
        expect([replica('erp'), replica('tiny')]).toEqual(before);
      },
      MINUTE,
    );

    test(
      'newer than the console is refused, and the console says to update itself',
      async () => {
        await sh(bench, 'cora', 'cp /opt/understudy/agent.cjs /root/agent.cjs');
        const name = await sh(
          bench,
          'cora',
          "sed -n 's/.*return{protocol:\\([a-zA-Z0-9_$]*\\),version.*/\\1/p' /root/agent.cjs",
        );
        await tamper(
          'cora',
          `sed -i 's/\\([ ,;]\\)${name}=[0-9]*\\([,;]\\)/\\1${name}=99\\2/' agent.cjs && ! cmp -s agent.cjs /root/agent.cjs`,
        );
        await bench.desk.until('refused', () => {
          const { connection } = bench.desk.host('cora');
          return connection.state === 'offline' && connection.problem.kind === 'console-too-old';
        });
        const { connection } = bench.desk.host('cora');
        if (connection.state !== 'offline') throw new Error('online');
        expect(connection.problem.message).toContain('cora');
        expect(connection.problem.next).toBe('Update this console.');
        expect(unclear([connection.problem])).toEqual([]);
        await tamper('cora', 'cp /root/agent.cjs agent.cjs');
        const { id } = bench.desk.host('cora');
        // The agent may still be starting: the link then goes on trying by itself.
        await bench.desk.call('hosts.reconnect', { hostId: id, login: null }).catch(() => undefined);
        await bench.desk.until('cora online', () => isOnline(bench, id));
      },
      MINUTE,
    );
  });

  describe("a console's database", () => {
    test(
      'that is damaged is kept aside, and the fleet is found again from one host',
      async () => {
        const { dataDir } = bench.desk;
        const before = [replica('erp'), replica('tiny')];
        await bench.desk.close();
        await writeFile(join(dataDir, 'console.db'), Buffer.alloc(40_000, 'not a database '));
        bench.desk = await LabConsole.open(bench.lab, dataDir);
        const { notices } = await bench.desk.call('app.info', {});
        expect(notices.map((notice) => notice.kind)).toEqual(['database-damaged']);
        expect(unclear(notices)).toEqual([]);
        expect((await readdir(dataDir)).some((name) => name.startsWith('console.db.damaged-'))).toBe(true);
        expect(bench.desk.fleet.hosts).toEqual({});
        const draft = await add(bench, 'atlas', 'hypervisor');
        expect(draft.existingAgent).toBe('same-fleet');
        await waitFor('the others named', MINUTE, async () => {
          const now = (await bench.desk.call('app.info', {})).notices;
          const named = now
            .filter(({ kind }) => kind === 'fleet-member-unknown')
            .map(({ details }) => details?.name);
          return named.sort().join() === 'boreas,cora';
        });
        expect(bench.desk.pair('tiny')?.name).toBe('tiny');
        await add(bench, 'boreas', 'hypervisor', { user: 'admin' });
        await add(bench, 'cora', 'witness');
        await bench.desk.inSync('erp');
        await bench.desk.inSync('tiny');
        expect([replica('erp'), replica('tiny')]).toEqual(before);
        await bench.desk.until('the hosts see each other', () =>
          ['erp', 'tiny'].every((machine) =>
            Object.values(bench.desk.pair(machine)?.members ?? {}).every(
              ({ status }) => status.peer.reachable,
            ),
          ),
        );
      },
      2 * MINUTE,
    );
  });

  describe('a host', () => {
    test('on which pairs live is not removed', async () => {
      const { id } = bench.desk.host('boreas');
      const refused = await bench.desk.refusal('hosts.remove', {
        hostId: id,
        evenIfUnreachable: true,
        keepHistory: false,
      });
      expect(refused).toMatchObject({ kind: 'host-has-pairs' });
      expect(refused.message).toMatch(/boreas .*erp/);
      expect(unclear([refused])).toEqual([]);
      expect(isOnline(bench, id)).toBe(true);
      await bench.desk.inSync('erp');
    });

    test(
      'that does not answer is removed only when its agent may stay there, and can come back',
      async () => {
        const { id } = bench.desk.host('cora');
        await bench.lab.powerOff('cora');
        await bench.desk.until('cora is missed', () => !isOnline(bench, id));
        const order = { hostId: id, keepHistory: false };
        const refused = await bench.desk.refusal('hosts.remove', { ...order, evenIfUnreachable: false });
        expect(refused).toMatchObject({ kind: 'host-offline' });
        expect(refused.message).toContain('cora');
        expect(unclear([refused])).toEqual([]);
        await bench.desk.call('hosts.remove', { ...order, evenIfUnreachable: true });
        await bench.desk.until('cora is gone', () => bench.desk.fleet.hosts[id] === undefined);
        await bench.lab.powerOn('cora');
        expect((await add(bench, 'cora', 'witness')).existingAgent).toBe('same-fleet');
        expect(bench.desk.host('cora').id).toBe(id);
      },
      MINUTE,
    );

    test(
      'leaves no trace of the agent when it is removed, and its machines run on',
      async () => {
        for (const machine of ['erp', 'tiny']) await bench.desk.order('protect.end', machine);
        for (const host of ['boreas', 'cora', 'atlas']) {
          const { id } = bench.desk.host(host);
          await bench.desk.call('hosts.remove', { hostId: id, evenIfUnreachable: false, keepHistory: false });
          expect(await sh(bench, host, TRACES)).toBe('');
        }
        await bench.desk.until('all are gone', () => Object.keys(bench.desk.fleet.hosts).length === 0);
        expect(bench.desk.fleet).toEqual({ hosts: {}, vms: {}, pairs: {}, tasks: {} });
        expect(await processState(bench, 'atlas', 'erp')).toMatch(/^[RS]$/);
        expect(await processState(bench, 'boreas', 'tiny')).toMatch(/^[RS]$/);
        expect(await sh(bench, 'boreas', 'ls /var/lib/libvirt/images')).not.toContain('erp');
      },
      MINUTE,
    );
  });
}
