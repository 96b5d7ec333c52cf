import 'reflect-metadata';
import { X509Certificate as NodeCertificate, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import { fail, ok, type Result } from '../../../agent/protocol/index.ts';
import type { SecretStore } from '../secrets/secret-store.ts';

/** Public CA certificates of the fleet that this console knows, PEM. No secret among them. */
export interface CaStore {
  list(): string[];
  add(pem: string): void;
}

export interface CertificateOrder {
  /** PKCS#10 request, PEM, as the agent made it. */
  csr: string;
  hostId: string;
  /** IP addresses by which other members reach it; anything else is left out. */
  addresses: string[];
}

export interface AuthorityOptions {
  fleetId: string;
  secrets: SecretStore;
  cas: CaStore;
  /** Wall clock, ms. */
  now: () => number;
  /** Written into a CA that begins here: whose console it is. */
  whose?: string;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** QEMU up to 10.1 refuses a certificate without key encipherment, whatever its key (crypto/tlscredsx509.c). */
const HOST_USAGE = x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment;
const DAY_MS = 86_400_000;
const CA_DAYS = 3650;
/** Longest organisational unit (RFC 5280, ub-organizational-unit-name). */
const MAX_WHOSE = 64;
/** Longest life of a server certificate that common verifiers accept. */
const HOST_DAYS = 398;
/** For hosts whose clock is behind. */
const BACKDATED_MS = DAY_MS;

/**
 * The fleet's own certificate authority. Its key lies in the secret store and nowhere else. Where the store has
 * none (another laptop, or a store in memory after a restart) a new generation begins: the hosts are made to trust it
 * beside those before it, and keep the certificates they have (deploy/enrolments.ts).
 */
export class FleetAuthority {
  readonly #fleetId: string;
  readonly #now: () => number;
  readonly #cas: CaStore;
  readonly #certificate: x509.X509Certificate;
  readonly #key: webcrypto.CryptoKey;
  /** True when this call began a new generation: hosts enrolled before do not know it yet. */
  readonly isNew: boolean;

  static async open(options: AuthorityOptions): Promise<FleetAuthority> {
    const kept = await load(options);
    if (kept !== null) return new FleetAuthority(options, kept.certificate, kept.key, false);
    const { certificate, key } = await createCa(options);
    return new FleetAuthority(options, certificate, key, true);
  }

  /** True when `open` would find the key of the present generation. */
  static async hasKey(options: AuthorityOptions): Promise<boolean> {
    return (await load(options)) !== null;
  }

  private constructor(
    options: AuthorityOptions,
    certificate: x509.X509Certificate,
    key: webcrypto.CryptoKey,
    isNew: boolean,
  ) {
    this.#fleetId = options.fleetId;
    this.#now = options.now;
    this.#cas = options.cas;
    this.#certificate = certificate;
    this.#key = key;
    this.isNew = isNew;
  }

  /** PEM of the CA that signs now. */
  get certificate(): string {
    return pemOf(this.#certificate);
  }

  /** SHA-256 of the CA's certificate: names the generation. */
  get generation(): string {
    return new NodeCertificate(this.certificate).fingerprint256;
  }

  /** PEM: the CA that signs now first, then older generations that have not expired. */
  trustedCas(): string[] {
    const now = this.#now();
    const others = this.#cas.list().filter((pem) => pem.trim() !== this.certificate.trim());
    return [this.certificate, ...others.filter((pem) => Date.parse(new NodeCertificate(pem).validTo) > now)];
  }

  /** Issues the certificate a host uses towards other members, as server and as client; PEM. */
  async certificateFor(order: CertificateOrder): Promise<Result<string>> {
    const request = await this.#readRequest(order);
    if (request === null) {
      return fail({
        kind: 'bad-certificate-request',
        message: `The agent of ${order.hostId} sent a certificate request that is damaged or made for another host.`,
        next: 'Install the agent on that host anew.',
      });
    }
    const names = order.addresses.filter((address) => isIP(address) !== 0);
    const now = this.#now();
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: this.#nameOf(order.hostId),
      issuer: this.#certificate.subject,
      notBefore: new Date(now - BACKDATED_MS),
      notAfter: new Date(now + HOST_DAYS * DAY_MS),
      signingAlgorithm: ALGORITHM,
      publicKey: request.publicKey,
      signingKey: this.#key,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(HOST_USAGE, true),
        new x509.ExtendedKeyUsageExtension([
          x509.ExtendedKeyUsage.serverAuth,
          x509.ExtendedKeyUsage.clientAuth,
        ]),
        new x509.SubjectAlternativeNameExtension([
          { type: 'dns', value: order.hostId },
          ...names.map((value) => ({ type: 'ip' as const, value })),
        ]),
        await x509.SubjectKeyIdentifierExtension.create(request.publicKey),
        await x509.AuthorityKeyIdentifierExtension.create(this.#certificate.publicKey),
      ],
    });
    return ok(pemOf(certificate));
  }

  /** Null unless its signature proves the key and its name is the one ordered. */
  async #readRequest(order: CertificateOrder): Promise<x509.Pkcs10CertificateRequest | null> {
    try {
      const request = new x509.Pkcs10CertificateRequest(order.csr);
      const named = request.subjectName.getField('CN');
      return named.length === 1 && named[0] === order.hostId && (await request.verify()) ? request : null;
    } catch {
      return null;
    }
  }

  #nameOf(hostId: string): x509.JsonName {
    return [{ O: [this.#fleetId] }, { CN: [hostId] }];
  }
}

const keyName = (fleetId: string): string => `fleet-ca-key:${fleetId}`;

interface Ca {
  certificate: x509.X509Certificate;
  key: webcrypto.CryptoKey;
}

/** The secret is key and certificate together: they cannot come apart. */
async function load({ fleetId, secrets, now }: AuthorityOptions): Promise<Ca | null> {
  const text = await secrets.get(keyName(fleetId));
  if (text === null) return null;
  const [keyPem, certificatePem] = text.split('\n\n');
  if (keyPem === undefined || certificatePem === undefined) return null;
  const certificate = new x509.X509Certificate(certificatePem);
  if (certificate.notAfter.getTime() - now() < HOST_DAYS * DAY_MS) return null;
  const der = x509.PemConverter.decodeFirst(keyPem);
  const key = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
  return { certificate, key };
}

async function createCa({ fleetId, secrets, cas, now, whose }: AuthorityOptions): Promise<Ca> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    // The serial in the name tells generations apart: verifiers look an issuer up by its name.
    name: [
      { O: [fleetId] },
      ...(whose ? [{ OU: [whose.slice(0, MAX_WHOSE)] }] : []),
      { CN: [`Understudy fleet CA ${serialNumber().slice(0, 8)}`] },
    ],
    notBefore: new Date(now() - BACKDATED_MS),
    notAfter: new Date(now() + CA_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const der = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  const secret = `${x509.PemConverter.encode(der, 'PRIVATE KEY').trim()}\n\n${pemOf(certificate)}`;
  await secrets.set(keyName(fleetId), secret);
  cas.add(pemOf(certificate));
  return { certificate, key: keys.privateKey };
}

/** 16 random bytes, positive (RFC 5280, 4.1.2.2), hex. */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

function pemOf(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem').trim()}\n`;
}

/** The default provider of @peculiar/x509 is the page's crypto; here it is Node's. */
x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);
