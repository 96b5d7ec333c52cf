import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Problem } from '../../../agent/protocol/index.ts';
import type { Login } from '../../../src-main/contract/index.ts';
import { must } from '../run.ts';
import { add, type Bench, isOnline, logIn, MINUTE, sh, unclear } from './bench.ts';

const PPK = 'PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: x\nPublic-Lines: 2\n';

/** Adding hosts: what is entered wrongly, what a host lacks. Ends with all three hosts added. */
export function addingHosts(bench: Bench): void {
  const key = (name: string, passphrase?: string): { login: Login } => ({
    login: { method: 'key', path: join(bench.folder, name), ...(passphrase ? { passphrase } : {}) },
  });
  const refusal = (who: Parameters<typeof logIn>[2], host = 'atlas') =>
    logIn(bench, host, who).then(
      () => {
        throw new Error('not refused');
      },
      (error: { problem: Problem }) => error.problem,
    );

  beforeAll(async () => {
    await must([
      'ssh-keygen',
      '-q',
      '-t',
      'ed25519',
      '-N',
      'open sesame',
      '-C',
      '',
      '-f',
      join(bench.folder, 'id'),
    ]);
    await writeFile(join(bench.folder, 'putty.ppk'), PPK, { mode: 0o600 });
    await writeFile(join(bench.folder, 'notes.txt'), 'nothing secret', { mode: 0o600 });
  });

  describe('an address', () => {
    test('at which nobody answers, and a port that is closed, are told apart', async () => {
      const nobody = await bench.desk.refusal('hosts.probe', { address: '10.77.0.99', port: 22 });
      expect(nobody).toMatchObject({ kind: 'unreachable', field: 'address' });
      expect(nobody.message).toContain('10.77.0.99');
      const { address } = bench.lab.host('atlas');
      const closed = await bench.desk.refusal('hosts.probe', { address, port: 2222 });
      expect(closed).toMatchObject({ kind: 'port-refused', field: 'port' });
      expect(unclear([nobody, closed])).toEqual([]);
    });
  });

  describe('a log-in', () => {
    test('that is wrong names its field and the host', async () => {
      const password = await refusal({ login: { method: 'password', password: 'wrong' } });
      expect(password).toMatchObject({ kind: 'wrong-password', field: 'password' });
      expect(password.message).toContain('10.77.0.11');
      const passphrase = await refusal(key('id', 'wrong'));
      expect(passphrase).toMatchObject({ kind: 'wrong-passphrase', field: 'passphrase' });
      expect(await refusal(key('id'))).toMatchObject({ kind: 'passphrase-needed', field: 'passphrase' });
      const putty = await refusal(key('putty.ppk'));
      expect(putty).toMatchObject({ kind: 'key-format', field: 'keyPath' });
      expect(putty.next).toContain('puttygen');
      expect(await refusal(key('notes.txt'))).toMatchObject({ kind: 'key-format', field: 'keyPath' });
      expect(await refusal(key('none'))).toMatchObject({ kind: 'key-unreadable', field: 'keyPath' });
      const stranger = await refusal(key('id', 'open sesame'));
      expect(stranger).toMatchObject({ kind: 'auth-refused' });
      expect(unclear([password, passphrase, putty, stranger])).toEqual([]);
    });

    test('without the rights of root shows it as a failed check, and nothing can be installed', async () => {
      await sh(bench, 'atlas', `useradd -m plain && echo 'plain:${bench.lab.password}' | chpasswd`);
      const draft = await logIn(bench, 'atlas', { user: 'plain' });
      const rights = draft.checks.find((check) => check.id === 'rights');
      expect(rights).toMatchObject({ state: 'failed', host: 'atlas' });
      expect(rights?.next).toContain('plain');
      expect(draft.canAdd).toEqual({ hypervisor: false, witness: false });
      const { draftId } = draft;
      const order = { draftId, name: 'atlas', site: '', role: 'witness' as const };
      const refused = await bench.desk.refusal('hosts.add', order);
      expect(refused).toMatchObject({ kind: 'role-impossible' });
      expect(await sh(bench, 'atlas', 'ls /opt; getent group understudy || true')).toBe('');
      await bench.desk.call('hosts.abandon', { draftId });
      await sh(bench, 'atlas', 'loginctl terminate-user plain 2>/dev/null; userdel -rf plain 2>/dev/null');
    });

    test('as a user whose sudo password is wrong asks for that one', async () => {
      const refused = await refusal({ user: 'admin', sudoPassword: 'wrong' }, 'boreas');
      expect(refused).toMatchObject({ kind: 'wrong-sudo-password', field: 'sudoPassword' });
    });
  });

  describe('a host', () => {
    test('of another system is refused by name of that system', async () => {
      await sh(
        bench,
        'cora',
        "printf '#!/bin/sh\\necho FreeBSD\\n' > /usr/local/bin/uname; chmod 755 /usr/local/bin/uname",
      );
      const draft = await logIn(bench, 'cora');
      await sh(bench, 'cora', 'rm /usr/local/bin/uname');
      const system = draft.checks.find((check) => check.id === 'system');
      expect(system).toMatchObject({ state: 'failed', message: 'This is FreeBSD.' });
      expect(draft.canAdd).toEqual({ hypervisor: false, witness: false });
    });

    test('without libvirt can be a witness only', async () => {
      const draft = await logIn(bench, 'cora');
      const libvirt = draft.checks.find((check) => check.id === 'libvirt');
      expect(libvirt).toMatchObject({ state: 'failed', host: 'cora' });
      expect(libvirt?.next).toContain('apt install');
      expect(draft.canAdd).toEqual({ hypervisor: false, witness: true });
      const order = { draftId: draft.draftId, name: 'cora', site: '', role: 'hypervisor' as const };
      expect(await bench.desk.refusal('hosts.add', order)).toMatchObject({
        kind: 'role-impossible',
        field: 'role',
      });
    });

    test('whose libvirt is stopped offers to start it; its machines run on', async () => {
      await sh(
        bench,
        'atlas',
        'systemctl stop libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirtd',
      );
      const draft = await logIn(bench, 'atlas');
      const before = draft.checks.find((check) => check.id === 'libvirt');
      expect(before).toMatchObject({ state: 'failed', fix: 'start-libvirt' });
      expect(draft.canAdd.hypervisor).toBe(false);
      const fixed = await bench.desk.call('hosts.fix', { draftId: draft.draftId, fix: before?.fix ?? '' });
      expect(fixed.canAdd.hypervisor).toBe(true);
      expect(fixed.facts.vmCount).toBe(1);
      expect(await bench.lab.firstAnswer('erp', MINUTE)).not.toBeNull();
    });

    test(
      'is added as root by password, as a user with sudo, and by key with a passphrase',
      async () => {
        await add(bench, 'atlas', 'hypervisor');
        await add(bench, 'boreas', 'hypervisor', { user: 'admin' });
        const line = await must(['cat', join(bench.folder, 'id.pub')]);
        await sh(bench, 'cora', 'cat >> /root/.ssh/authorized_keys', line);
        await add(bench, 'cora', 'witness', key('id', 'open sesame'));
        expect(bench.desk.host('boreas')).toMatchObject({ user: 'admin', role: 'hypervisor' });
        expect(bench.desk.host('boreas').facts?.hypervisor.kind).toBe('libvirt');
      },
      MINUTE,
    );

    test('twice is refused, also by another of its addresses', async () => {
      const { address } = bench.lab.host('atlas');
      const again = await bench.desk.refusal('hosts.probe', { address, port: 22 });
      expect(again).toMatchObject({ kind: 'host-already-added', field: 'address' });
      expect(again.message).toContain('atlas');
      await sh(bench, 'atlas', 'ip addr add 10.77.0.211/24 dev br0');
      const other = await refusal({ address: '10.77.0.211' });
      expect(other).toMatchObject({ kind: 'host-already-added', field: 'address' });
      expect(other.message).toContain('same machine as atlas');
      await sh(bench, 'atlas', 'ip addr del 10.77.0.211/24 dev br0');
    });

    test('whose key changed is refused until the new one is trusted deliberately', async () => {
      const { id } = bench.desk.host('cora');
      const keys = '/etc/ssh/ssh_host_';
      await sh(bench, 'cora', `rm ${keys}*; ssh-keygen -A; pkill -x sshd; systemctl restart ssh`);
      await bench.desk.until('the new key is noticed', () => {
        const { connection } = bench.desk.host('cora');
        return connection.state === 'offline' && connection.problem.kind === 'host-key-changed';
      });
      const { connection } = bench.desk.host('cora');
      if (connection.state !== 'offline') throw new Error('online');
      expect(connection.problem.next).toContain('ssh-keygen');
      expect(connection.retryAt).toBeNull();
      const wrong = await bench.desk.refusal('hosts.trustKey', { hostId: id, fingerprint: 'SHA256:wrong' });
      expect(wrong).toMatchObject({ kind: 'host-key-not-confirmed', field: 'fingerprint' });
      const fingerprint = connection.problem.details?.now ?? '';
      await bench.desk.call('hosts.trustKey', { hostId: id, fingerprint });
      await bench.desk.until('cora online', () => isOnline(bench, id));
    });
  });
}
