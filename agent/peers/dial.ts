import type { X509Certificate } from 'node:crypto';
import { checkServerIdentity, connect, type TLSSocket } from 'node:tls';
import { holderOf } from '../identity/certificate.ts';
import type { Credentials } from '../identity/identity.ts';
import { fail, ok, type Peer, type Result } from '../protocol/index.ts';
import { trustedCertificate } from './trust.ts';

/** From the first SYN to the end of the handshake, ms. */
const CONNECT_MS = 2000;

/** Opens a mutual-TLS connection and makes sure that it is this very member of this fleet who answers. */
export function dial(
  peer: Peer,
  credentials: Credentials,
  signal: AbortSignal,
  /** Protocol spoken over it (ALPN); without one the agents' own calls. */
  protocol?: string,
): Promise<Result<TLSSocket>> {
  const { key, cert, ca } = credentials;
  const socket = connect({
    host: peer.address,
    port: peer.port,
    servername: peer.hostId,
    key,
    cert,
    ca,
    minVersion: 'TLSv1.3',
    // Looked at below: a certificate that is good but for the day is believed of a member.
    rejectUnauthorized: false,
    ...(protocol === undefined ? {} : { ALPNProtocols: [protocol] }),
    checkServerIdentity: (_name, certificate) => checkServerIdentity(peer.hostId, certificate),
  });
  socket.setKeepAlive(true, 1000);
  socket.setNoDelay(true);
  return new Promise((resolve) => {
    const settle = (result: Result<TLSSocket>) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      // A connection given up may still fail later; that is nobody's concern.
      socket.on('error', () => socket.destroy());
      if (!result.ok) socket.destroy();
      resolve(result);
    };
    const refuse = (why: string) => settle(unreachable(peer, why));
    const onAbort = () => refuse('given up');
    const onError = (error: Error) => refuse(error.message);
    const timer = setTimeout(() => refuse(`no answer within ${CONNECT_MS / 1000} s`), CONNECT_MS);
    signal.addEventListener('abort', onAbort);
    socket.on('error', onError);
    socket.once('close', () => refuse('connection closed'));
    socket.once('secureConnect', () => {
      const certificate = trustedCertificate(socket, ca);
      if (certificate === null) return refuse(String(socket.authorizationError ?? 'no certificate'));
      const why = whyNot(certificate, peer.hostId, credentials.fleetId);
      if (why === null) settle(ok(socket));
      else refuse(why);
    });
  });
}

function whyNot(certificate: X509Certificate, hostId: string, fleetId: string): string | null {
  const holder = holderOf(certificate);
  if (holder?.hostId !== hostId) return 'its certificate names another host';
  return holder.fleetId === fleetId ? null : 'its certificate names another fleet';
}

export function unreachable(peer: Peer, why: string): Result<never> {
  return fail({
    kind: 'peer-unreachable',
    message: `${peer.name} (${peer.address}:${peer.port}) does not answer this host: ${why}.`,
    next: `Check that ${peer.name} is up and that TCP port ${peer.port} is open between the hosts.`,
    details: { hostId: peer.hostId, why },
  });
}
