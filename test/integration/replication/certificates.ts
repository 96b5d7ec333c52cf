import { join } from 'node:path';
import { IdentityStore } from '../../../agent/identity/identity.ts';
import { FleetAuthority } from '../../../src-main/core/certificates/authority.ts';
import { clock, quiet } from './ports.ts';

/** A fleet's CA as the console makes it, key in memory. */
export async function testAuthority(fleetId: string): Promise<FleetAuthority> {
  const secrets = new Map<string, string>();
  const known: string[] = [];
  return FleetAuthority.open({
    fleetId,
    secrets: {
      get: async (name: string) => secrets.get(name) ?? null,
      set: async (name: string, value: string) => void secrets.set(name, value),
      delete: async (name: string) => void secrets.delete(name),
    } as Parameters<typeof FleetAuthority.open>[0]['secrets'],
    cas: { list: () => known, add: (pem) => void known.push(pem) },
    now: () => clock.now(),
  });
}

/** Enrols one host as a deployment does; its TLS files lie in `stateDir`/tls afterwards. */
export async function enrol(
  authority: FleetAuthority,
  fleetId: string,
  hostId: string,
  stateDir: string,
): Promise<{ key: string; cert: string; ca: string }> {
  const store = new IdentityStore({ stateDir, clock, log: quiet });
  const csr = await store.certificateRequest(hostId, fleetId);
  const issued = await authority.certificateFor({ csr, hostId, addresses: ['127.0.0.1'] });
  if (!issued.ok) throw new Error(issued.problem.message);
  const enrolled = await store.enrol({
    hostId,
    fleetId,
    name: hostId,
    role: 'hypervisor',
    certificate: issued.value,
    trustedCas: authority.trustedCas(),
  });
  if (!enrolled.ok) throw new Error(enrolled.problem.message);
  const tls = join(stateDir, 'tls');
  return { key: join(tls, 'host.key'), cert: join(tls, 'host.crt'), ca: join(tls, 'ca.crt') };
}
