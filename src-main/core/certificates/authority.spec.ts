import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { connect, createServer } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { checkEnrolment } from '../../../agent/identity/certificate.ts';
import { certificateRequest } from '../../../agent/identity/certificate-request.ts';
import { MemorySecretStore } from '../secrets/secret-store.ts';
import { FleetAuthorities } from './authorities.ts';
import { FleetAuthority } from './authority.ts';
import { consoleOf } from './trust.ts';

const NOW = Date.now();
const DAY_MS = 86_400_000;

function memory() {
  const values = new Map<string, unknown>();
  return {
    get: (key: string) => values.get(key),
    put: (key: string, value: unknown) => void values.set(key, value),
  };
}

function bench(now = NOW) {
  const cas: string[] = [];
  const secrets = new MemorySecretStore('spec');
  const options = {
    fleetId: 'fleet-1',
    secrets,
    cas: { list: () => cas, add: (pem: string) => void cas.push(pem) },
  };
  return { options, secrets, open: (at = now) => FleetAuthority.open({ ...options, now: () => at }) };
}

async function issue(authority: FleetAuthority, hostId: string, key: KeyObject): Promise<string> {
  const csr = certificateRequest(key, hostId, 'fleet-1');
  const issued = await authority.certificateFor({ csr, hostId, addresses: ['127.0.0.1', 'not-an-address'] });
  if (!issued.ok) throw new Error(issued.problem.message);
  return issued.value;
}

const hostKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;

describe('a host certificate', () => {
  it('is what the agent accepts', async () => {
    const authority = await bench().open();
    const key = hostKey();
    const certificate = await issue(authority, 'atlas-1', key);
    const enrolment = {
      hostId: 'atlas-1',
      fleetId: 'fleet-1',
      certificate,
      trustedCas: authority.trustedCas(),
    };
    expect(checkEnrolment(enrolment, key, NOW)).toEqual({ ok: true, value: undefined });
  });

  it('carries its names and addresses, and lives from yesterday for 398 days', async () => {
    const certificate = new X509Certificate(await issue(await bench().open(), 'atlas-1', hostKey()));
    expect(certificate.subject).toBe('O=fleet-1\nCN=atlas-1');
    expect(certificate.subjectAltName).toBe('DNS:atlas-1, IP Address:127.0.0.1');
    expect(certificate.ca).toBe(false);
    const days = (date: string) => Math.round((Date.parse(date) - NOW) / DAY_MS);
    expect(days(certificate.validFrom)).toBe(-1);
    expect(days(certificate.validTo)).toBe(398);
  });

  it('is not issued for another name than the request proves, nor for a damaged request', async () => {
    const authority = await bench().open();
    const csr = certificateRequest(hostKey(), 'atlas-1', 'fleet-1');
    const damaged = csr.replace(/\n(.)(.)/, '\n$2$1');
    for (const order of [
      { csr, hostId: 'boreas-1' },
      { csr: damaged, hostId: 'atlas-1' },
      { csr: 'nothing', hostId: 'atlas-1' },
    ]) {
      const issued = await authority.certificateFor({ ...order, addresses: [] });
      expect(issued).toMatchObject({ ok: false, problem: { kind: 'bad-certificate-request' } });
    }
  });

  it('lets two members talk, each sure of the other, over two generations of the CA', async () => {
    const { open, secrets } = bench();
    const first = await open();
    const [key1, key2] = [hostKey(), hostKey()];
    const pem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString();
    const old = { key: pem(key1), cert: await issue(first, 'atlas-1', key1) };
    await secrets.delete('fleet-ca-key:fleet-1');
    const second = await open();
    expect(second.isNew).toBe(true);
    const fresh = { key: pem(key2), cert: await issue(second, 'boreas-1', key2) };
    // The old member has been told of both; so has the new one.
    const ca = second.trustedCas();
    expect(ca).toHaveLength(2);
    const server = createServer({ ...old, ca, requestCert: true, rejectUnauthorized: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const seen = new Promise<boolean>((resolve) =>
      server.once('secureConnection', (socket) => resolve(socket.authorized)),
    );
    const client = connect({ ...fresh, ca, port, host: '127.0.0.1', servername: 'atlas-1' });
    await new Promise<void>((resolve, reject) => client.once('secureConnect', resolve).once('error', reject));
    expect(client.authorized).toBe(true);
    expect(await seen).toBe(true);
    client.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('the authority', () => {
  it('is the same again while the secret store has its key', async () => {
    const { open } = bench();
    const first = await open();
    const again = await open();
    expect([first.isNew, again.isNew]).toEqual([true, false]);
    expect(again.generation).toBe(first.generation);
    const key = hostKey();
    const certificate = new X509Certificate(await issue(again, 'atlas-1', key));
    expect(certificate.verify(new X509Certificate(first.certificate).publicKey)).toBe(true);
  });

  it('keeps its key in the secret store and nowhere else', async () => {
    const { open, options, secrets } = bench();
    await open();
    expect(options.cas.list().join()).not.toContain('PRIVATE');
    expect(await secrets.get('fleet-ca-key:fleet-1')).toContain('PRIVATE KEY');
  });

  it('begins anew before certificates would outlive it, and stops trusting what has expired', async () => {
    const { open } = bench();
    await open();
    const late = await open(NOW + 3600 * DAY_MS);
    expect(late.isNew).toBe(true);
    expect(late.trustedCas()).toHaveLength(2);
    expect((await open(NOW + 3660 * DAY_MS)).trustedCas()).toHaveLength(1);
  });
});

describe('authorities', () => {
  it('opens one a fleet, says whose it is, and begins none unasked', async () => {
    const authorities = new FleetAuthorities({
      secrets: new MemorySecretStore('spec'),
      values: memory(),
      now: () => NOW,
      whose: () => 'ada on thinkpad',
    });
    expect(await authorities.atHand('fleet-1')).toBeNull();
    const [one, same] = await Promise.all([authorities.open('fleet-1'), authorities.open('fleet-1')]);
    expect(one).toBe(same);
    expect(await authorities.atHand('fleet-1')).toBe(one);
    expect(authorities.own('fleet-1')).toEqual([one.certificate]);
    expect(consoleOf(one.certificate)).toBe('ada on thinkpad');
  });
});
