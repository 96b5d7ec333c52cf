import { type KeyObject, X509Certificate } from 'node:crypto';
import { fail, ok, type Problem, type Result } from '../protocol/index.ts';

/** Extended key usages (RFC 5280, 4.2.1.12) that every link needs: both ends are both. */
const SERVER_AND_CLIENT = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'];

/** Who a certificate was made for; null when it does not say so plainly. */
export function holderOf(certificate: X509Certificate): { hostId: string; fleetId: string } | null {
  // OpenSSL prints one attribute a line; a value with a line break in it is escaped.
  const lines = certificate.subject.split('\n');
  const values = (name: string) => lines.filter((line) => line.startsWith(`${name}=`)).map(afterEquals);
  const [hostId, ...otherNames] = values('CN');
  const [fleetId, ...otherFleets] = values('O');
  if (hostId === undefined || fleetId === undefined || otherNames.length + otherFleets.length > 0)
    return null;
  return { hostId, fleetId };
}

const afterEquals = (line: string): string => line.slice(line.indexOf('=') + 1);

export interface Enrolment {
  hostId: string;
  fleetId: string;
  certificate: string;
  trustedCas: string[];
}

/** Would other members accept this certificate as this host's, now? */
export function checkEnrolment(enrolment: Enrolment, key: KeyObject, nowMs: number): Result<void> {
  const certificate = readCertificate(enrolment.certificate);
  const cas = enrolment.trustedCas.map(readCertificate);
  if (certificate === null) return refuse('is no readable PEM certificate');
  if (cas.length === 0 || cas.includes(null)) return refuse('came without readable CAs to trust');
  if (!certificate.checkPrivateKey(key)) return refuse("does not belong to this host's key");
  const holder = holderOf(certificate);
  if (holder?.hostId !== enrolment.hostId) return refuse(`is not made for host ${enrolment.hostId}`);
  if (holder.fleetId !== enrolment.fleetId) return refuse(`is not made for fleet ${enrolment.fleetId}`);
  if (certificate.checkHost(enrolment.hostId) === undefined) {
    return refuse(`does not carry the name ${enrolment.hostId} (subjectAltName)`);
  }
  const usages = certificate.keyUsage ?? [];
  if (!SERVER_AND_CLIENT.every((usage) => usages.includes(usage))) {
    return refuse('is not allowed for both server and client use');
  }
  if (!cas.some((ca) => ca !== null && certificate.checkIssued(ca) && certificate.verify(ca.publicKey))) {
    return refuse('is not signed by one of the CAs it came with');
  }
  return checkTime(certificate, nowMs);
}

function readCertificate(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

function checkTime(certificate: X509Certificate, nowMs: number): Result<void> {
  const now = new Date(nowMs).toISOString();
  if (nowMs < Date.parse(certificate.validFrom)) {
    return refuse(`is valid from ${certificate.validFrom} only, and this host's clock says ${now}`, CLOCK);
  }
  if (nowMs > Date.parse(certificate.validTo)) {
    return refuse(`has expired on ${certificate.validTo}, and this host's clock says ${now}`, CLOCK);
  }
  return ok(undefined);
}

const CLOCK = "Set the host's clock (timedatectl), then add the host again.";

function refuse(why: string, next = 'Add the host again, so that a new certificate is made.'): Result<never> {
  const problem: Problem = {
    kind: 'certificate-refused',
    message: `The certificate for this host ${why}.`,
    next,
    field: 'certificate',
  };
  return fail(problem);
}
