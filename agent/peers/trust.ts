import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

/** What node:tls says of a certificate that is good but for the day (openssl-verify(1)). */
const DATES = ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'];

/**
 * The far end's certificate, when this fleet's authority vouches for it; null otherwise. Its dates are not looked at: who is still a
 * member is said by the list of members, and a wall clock that jumps, or a laptop that never came back to renew, must not
 * take two votes from a running machine at once (docs/safety.md). Whoever calls this must look at the list of members.
 */
export function trustedCertificate(socket: TLSSocket, cas: readonly string[]): X509Certificate | null {
  // Asked for once: of a client's socket a second answer may be empty.
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return null;
  if (socket.authorized) return certificate;
  if (!DATES.includes(String(socket.authorizationError))) return null;
  const vouched = cas.some((pem) => {
    const authority = new X509Certificate(pem);
    return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
  });
  return vouched ? certificate : null;
}

/** Days until a certificate ends from which on its host is no longer armed: it has to be renewed first. */
const DISARM_DAYS = 7;

/** Why a host with this certificate is not armed; null while there is time. */
export function certificateEnds(pem: string, now: number): string | null {
  const { validTo } = new X509Certificate(pem);
  const days = (Date.parse(validTo) - now) / 86_400_000;
  if (days > DISARM_DAYS) return null;
  const when = days < 0 ? 'has expired' : `ends in ${Math.max(1, Math.ceil(days))} days`;
  return `Its certificate ${when} (${validTo}); it is renewed as soon as a console connects.`;
}
