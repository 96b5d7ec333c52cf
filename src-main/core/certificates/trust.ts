import { X509Certificate } from 'node:crypto';

/** What a host proves itself with, and which authorities it believes; PEM, nothing secret. */
export interface Trust {
  certificate: string;
  trustedCas: string[];
}

/** SHA-256; null for what is no certificate. */
export function fingerprint(pem: string): string | null {
  try {
    return new X509Certificate(pem).fingerprint256;
  } catch {
    return null;
  }
}

/** Those of `wanted` that are not among `held`, each once. */
export function missing(held: readonly string[], wanted: readonly string[]): string[] {
  const seen = new Set(held.map(fingerprint));
  return wanted.filter((pem) => {
    const mark = fingerprint(pem);
    if (mark === null || seen.has(mark)) return false;
    seen.add(mark);
    return true;
  });
}

/** Those that may still issue. */
export function unexpired(cas: readonly string[], nowMs: number): string[] {
  return cas.filter(
    (pem) => fingerprint(pem) !== null && Date.parse(new X509Certificate(pem).validTo) > nowMs,
  );
}

/**
 * The authorities that all these members believe. One host alone must not bring an authority into the fleet: whoever
 * has broken into it could then speak in the name of every other.
 */
export function agreed(members: readonly Trust[]): string[] {
  const [first, ...others] = members;
  if (first === undefined || others.length === 0) return [];
  const held = others.map(({ trustedCas }) => new Set(trustedCas.map(fingerprint)));
  return first.trustedCas.filter((pem) => held.every((marks) => marks.has(fingerprint(pem))));
}

/** The authorities by whose word these members are who they are: without them a new member could not know them. */
export function issuers(members: readonly Trust[]): string[] {
  return members.flatMap(({ certificate, trustedCas }) =>
    trustedCas.filter((pem) => fingerprint(pem) !== null && issued(pem, certificate)),
  );
}

function issued(ca: string, certificate: string): boolean {
  if (fingerprint(certificate) === null) return false;
  const held = new X509Certificate(certificate);
  const authority = new X509Certificate(ca);
  return held.checkIssued(authority) && held.verify(authority.publicKey);
}

/** Whose authority it is, as the console that began it wrote into it; '' when it did not say. */
export function consoleOf(pem: string): string {
  const line = new X509Certificate(pem).subject.split('\n').find((each) => each.startsWith('OU='));
  return line?.slice('OU='.length) ?? '';
}
