import 'reflect-metadata';
import { lstat, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pkcs10CertificateRequest } from '@peculiar/x509';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../system-clock.ts';
import { makeFleetCa } from '../testing/fleet-ca.ts';
import { type Identity, IdentityStore } from './identity.ts';

let stateDir: string;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'understudy-identity-'));
});
afterEach(() => rm(stateDir, { recursive: true, force: true }));

const open = (clock = systemClock) => new IdentityStore({ stateDir, clock, log: () => undefined });

async function identityFor(store: IdentityStore, given: Partial<Identity> = {}): Promise<Identity> {
  const ca = await makeFleetCa('fleet-1');
  const csr = await store.certificateRequest('atlas', 'fleet-1');
  const certificate = await ca.issue(csr, { hostId: 'atlas' });
  const name = { hostId: 'atlas', fleetId: 'fleet-1', name: 'Atlas', role: 'hypervisor' } as const;
  return { ...name, site: '', certificate, trustedCas: [ca.certificate], machine: '', ...given };
}

test('the request is a PKCS#10 that another implementation verifies, the key is private and kept', async () => {
  const store = open();
  const csr = new Pkcs10CertificateRequest(await store.certificateRequest('atlas', 'fleet-1'));
  expect(csr.subject).toBe('O=fleet-1, CN=atlas');
  expect(await csr.verify()).toBe(true);
  expect((await stat(join(stateDir, 'tls/host.key'))).mode & 0o777).toBe(0o600);
  const again = new Pkcs10CertificateRequest(await store.certificateRequest('atlas', 'fleet-1'));
  expect(Buffer.from(again.publicKey.rawData)).toEqual(Buffer.from(csr.publicKey.rawData));
});

test('names longer than one length byte holds are encoded as DER wants them', async () => {
  const fleetId = 'f'.repeat(300);
  const csr = new Pkcs10CertificateRequest(await open().certificateRequest('atlas', fleetId));
  expect(csr.subject).toBe(`O=${fleetId}, CN=atlas`);
  expect(await csr.verify()).toBe(true);
});

test('an enrolment survives a restart and is laid out for QEMU', async () => {
  const store = open();
  const identity = await identityFor(store);
  expect(await store.enrol(identity)).toEqual({ ok: true, value: undefined });
  const later = open();
  await later.load();
  expect(later.current).toEqual(identity);
  expect(later.credentials).toEqual(store.credentials);
  const link = join(stateDir, 'tls/qemu/server-cert.pem');
  expect((await lstat(link)).isSymbolicLink()).toBe(true);
  expect(await readFile(link, 'utf8')).toBe(identity.certificate);
  expect(await readFile(join(stateDir, 'tls/qemu/client-key.pem'), 'utf8')).toContain('PRIVATE KEY');
});

test.each<[string, (good: Identity) => Promise<Partial<Identity>>]>([
  ['another host', async () => ({ hostId: 'boreas' })],
  ['another fleet', async () => ({ fleetId: 'fleet-2' })],
  ['nobody readable', async () => ({ certificate: 'not a certificate' })],
  ['no CA', async () => ({ trustedCas: [] })],
  ['a CA that did not sign it', async () => ({ trustedCas: [(await makeFleetCa('fleet-1')).certificate] })],
  [
    'a key of somebody else',
    async () => {
      const other = await mkdtemp(join(tmpdir(), 'understudy-other-'));
      const store = new IdentityStore({ stateDir: other, clock: systemClock, log: () => undefined });
      const ca = await makeFleetCa('fleet-1');
      const csr = await store.certificateRequest('atlas', 'fleet-1');
      await rm(other, { recursive: true });
      return { certificate: await ca.issue(csr, { hostId: 'atlas' }), trustedCas: [ca.certificate] };
    },
  ],
])('a certificate of %s is refused, and the identity in force stays', async (_name, spoil) => {
  const store = open();
  const good = await identityFor(store);
  await store.enrol(good);
  const refused = await store.enrol({ ...good, ...(await spoil(good)) });
  expect(refused).toMatchObject({ ok: false, problem: { kind: 'certificate-refused' } });
  expect(store.current).toEqual(good);
});

test('another authority of the fleet is believed beside the first; certificate and key stay', async () => {
  const store = open();
  const identity = await identityFor(store);
  await store.enrol(identity);
  const before = store.credentials;
  const other = await makeFleetCa('fleet-1');
  expect(await store.trust([other.certificate])).toEqual({ ok: true, value: [other.certificate] });
  expect(await store.trust([other.certificate.trim()])).toEqual({ ok: true, value: [] });
  expect(store.credentials).toEqual({ ...before, ca: [...identity.trustedCas, other.certificate] });
  expect(await readFile(join(stateDir, 'tls/ca.crt'), 'utf8')).toContain(other.certificate.trim());
  const later = open();
  await later.load();
  expect(later.credentials).toEqual(store.credentials);
});

test.each<[string, (own: Identity) => Promise<string>]>([
  ['of another fleet', async () => (await makeFleetCa('fleet-2')).certificate],
  ['that is no certificate', async () => 'rubbish'],
  ['that is a host’s own certificate', async (own) => own.certificate],
])('an authority %s is not believed', async (_name, offered) => {
  const store = open();
  const identity = await identityFor(store);
  await store.enrol(identity);
  const refused = await store.trust([await offered(identity)]);
  expect(refused).toMatchObject({ ok: false, problem: { kind: 'authority-refused' } });
  expect(store.current).toEqual(identity);
});

test('a host of no fleet believes nobody', async () => {
  const { certificate } = await makeFleetCa('fleet-1');
  expect(await open().trust([certificate])).toMatchObject({ problem: { kind: 'not-enrolled' } });
});

test("a certificate outside its time is refused with a word about the host's clock", async () => {
  const late = open({ ...systemClock, now: () => Date.now() + 50 * 365 * 86_400_000 });
  const refused = await late.enrol(await identityFor(late));
  expect(refused).toMatchObject({ ok: false, problem: { next: expect.stringContaining('timedatectl') } });
});

test('on a copy of the disk in another machine there is no identity: two hosts must not vote as one', async () => {
  const on = (machine: string, lines: string[] = []) =>
    new IdentityStore({ stateDir, clock: systemClock, log: (_level, text) => lines.push(text), machine });
  const store = on('board-1');
  await store.enrol(await identityFor(store));
  const same = on('board-1');
  await same.load();
  expect(same.current).toMatchObject({ hostId: 'atlas', machine: 'board-1' });
  const lines: string[] = [];
  const copy = on('board-2', lines);
  await copy.load();
  expect(copy.current).toBeNull();
  expect(lines.join()).toContain('copy of that of Atlas');
  // Where nothing can be read nothing is claimed.
  const unsure = on('');
  await unsure.load();
  expect(unsure.current).not.toBeNull();
});

test('without a key there is nothing to enrol, and a damaged identity counts as none', async () => {
  const store = open();
  const identity = await identityFor(store);
  await store.enrol(identity);
  await writeFile(join(stateDir, 'identity.json'), 'rubbish');
  const damaged = open();
  await damaged.load();
  expect(damaged.current).toBeNull();
  await rm(join(stateDir, 'tls/host.key'));
  expect(await open().enrol(identity)).toMatchObject({ problem: { kind: 'no-host-key' } });
});
