import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Problem, Result } from '../../../../agent/protocol/index.ts';
import { type ConnectOrder, connectSsh, probeHostKey, type SshServices } from '../connect.ts';
import { HostKeys, MemoryHostKeyStore } from '../host-keys.ts';
import type { SshConnection } from '../types.ts';

/** SSH services whose `.ssh` folder is empty and nobody's. */
export function testServices(knownHosts = '', agentSocket: string | null = null) {
  const sshDir = mkdtempSync(join(tmpdir(), 'understudy-ssh-'));
  const store = new MemoryHostKeyStore();
  const services: SshServices = {
    environment: { sshDir, agentSocket },
    hostKeys: new HostKeys(store, async () => knownHosts),
  };
  return { sshDir, store, services };
}

export const target = (port: number, address = '127.0.0.1') => ({ name: 'atlas', address, port });

/** Logs in by password to a server on loopback, whatever its host key. */
export async function connectTo(
  port: number,
  order: Partial<ConnectOrder> = {},
): Promise<Result<SshConnection>> {
  const { services } = testServices();
  const login = { user: 'root', login: { method: 'password' as const, password: 'right' } };
  const offer = await probeHostKey(services, target(port));
  if (!offer.ok) return offer;
  return connectSsh(services, { target: target(port), login, expected: offer.value.fingerprint, ...order });
}

export function valueIn<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.problem.kind}: ${result.problem.message}`);
  return result.value;
}

export function problemIn<T>(result: Result<T>): Problem {
  if (result.ok) throw new Error('expected a problem');
  return result.problem;
}
