import { X509Certificate } from 'node:crypto';
import { fail, ok, type Result } from '../protocol/index.ts';

/** SHA-256 of a certificate: the same CA in another layout of its PEM is the same. What is no certificate is itself. */
export function fingerprintOf(pem: string): string {
  try {
    return new X509Certificate(pem).fingerprint256;
  } catch {
    return pem.trim();
  }
}

/** Authorities of this fleet, in their time? A host believes nobody else. */
export function checkAuthorities(cas: readonly string[], fleetId: string, nowMs: number): Result<void> {
  for (const pem of cas) {
    const why = whyNot(pem, fleetId, nowMs);
    if (why === null) continue;
    return fail({
      kind: 'authority-refused',
      message: `The authority that a console wants this host to believe ${why}.`,
      next: 'Look whether console and host show the same time, then connect the console again.',
    });
  }
  return ok(undefined);
}

function whyNot(pem: string, fleetId: string, nowMs: number): string | null {
  let ca: X509Certificate;
  try {
    ca = new X509Certificate(pem);
  } catch {
    return 'is no readable PEM certificate';
  }
  if (!ca.ca) return 'is a certificate that may not issue others';
  if (!ca.verify(ca.publicKey)) return 'is not signed by itself';
  const fleets = ca.subject.split('\n').filter((line) => line.startsWith('O='));
  if (fleets.length !== 1 || fleets[0] !== `O=${fleetId}`) return `is not made for fleet ${fleetId}`;
  return nowMs > Date.parse(ca.validTo) ? `has expired on ${ca.validTo}` : null;
}
