import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { must } from '../run.ts';
import { type Bench, MINUTE, mainPid, sh } from './bench.ts';

const STRANGER = join(import.meta.dirname, 'stranger.ts');

/** Whoever reaches the agents' doors without belonging there: nothing is learnt, nobody else is disturbed. */
export function strangersAtTheDoors(bench: Bench): void {
  /** What would show that an agent stumbled: its process, the console's link, its sight of the others, the mirrors. */
  const standing = async () => ({
    agents: await Promise.all(['atlas', 'boreas', 'cora'].map((host) => mainPid(bench, host))),
    storage: await sh(bench, 'boreas', 'systemctl show -p MainPID --value understudy-storage'),
    links: Object.values(bench.desk.fleet.hosts).map(({ name, connection }) => [
      name,
      connection.state,
      connection.since,
    ]),
    pairs: Object.values(bench.desk.fleet.pairs).map(({ name, health, members }) => [
      name,
      health,
      Object.values(members).map(({ status }) => [status.record.version, status.peer.since]),
    ]),
  });
  const undisturbed = async (fault: () => Promise<void>): Promise<void> => {
    const before = await standing();
    await fault();
    expect(await standing()).toEqual(before);
  };
  const stranger = async (what: string, host: string, ...more: string[]): Promise<string[]> => {
    const argv = [process.execPath, STRANGER, what, bench.lab.host(host).address, ...more];
    return JSON.parse(await must(bench.lab.inNamespace(argv), { timeoutMs: MINUTE }));
  };

  beforeAll(async () => {
    const subject = `/O=${await fleetOf()}/CN=${bench.desk.host('boreas').id}`;
    const names = ['-keyout', join(bench.folder, 'key.pem'), '-out', join(bench.folder, 'cert.pem')];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
    await must(['openssl', 'req', '-x509', '-nodes', '-days', '9', ...curve, '-subj', subject, ...names]);
  });

  async function fleetOf(): Promise<string> {
    const certificate = await readFile(
      bench.lab.pathOn('boreas', '/var/lib/understudy/tls/host.crt'),
      'utf8',
    );
    const said = await must(['openssl', 'x509', '-noout', '-subject', '-nameopt', 'multiline'], {
      input: certificate,
    });
    return /organizationName\s*= (\S+)/.exec(said)?.[1] ?? '';
  }

  describe('a stranger', () => {
    test("with malformed and oversized messages on the agent's socket is hung up on", async () => {
      const script = await readFile(join(import.meta.dirname, 'socket-stranger.cjs'), 'utf8');
      await undisturbed(async () => {
        const said = JSON.parse(
          await sh(bench, 'atlas', '/opt/understudy/node - /run/understudy/agent.sock', script),
        );
        const codes = said.map(({ answer }: { answer: string }) => JSON.parse(answer).error.code);
        // JSON-RPC 2.0, 5.1: unreadable, the greeting missing, parameters, method.
        expect(codes).toEqual([-32700, -32700, -32700, -32700, -32700, -32000, -32602, -32601]);
      });
    });

    // All that is said before any proof, in hex: TLS alerts (RFC 8446, 6), NBD's greeting. Nothing where the connection was
    // reset, for what was not read of the noise, before the stranger had looked.
    test.each([
      [7420, /^(1503..0002....)?$/],
      [7421, /^(4e42444d4147494349484156454f50540003.*)?$/],
    ])('with noise on port %i is heard by nobody', async (port, heard) => {
      await undisturbed(async () => {
        const said = await stranger('noise', 'boreas', String(port));
        expect(said.filter((text) => !heard.test(text))).toEqual([]);
      });
    });

    test('with a certificate of another authority in the name of a member learns nothing', async () => {
      await undisturbed(async () => {
        expect(await stranger('peer', 'atlas', bench.folder)).toEqual(['', '']);
        const [plain, encrypted] = await stranger('replication', 'boreas', bench.folder);
        expect(plain).toContain('not permitted before TLS');
        expect(plain).not.toContain(bench.desk.pair('erp')?.id);
        expect(encrypted).toBe('');
      });
    });
  });
}
