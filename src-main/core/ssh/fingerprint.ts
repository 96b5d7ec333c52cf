import { createHash } from 'node:crypto';
import type { HostKey } from './types.ts';

/** `blob` is a public key as on the wire (RFC 4253, 6.6): length-prefixed type, then its numbers. */
export function hostKeyOf(blob: Buffer): HostKey {
  const length = blob.readUInt32BE(0);
  return { algorithm: blob.toString('latin1', 4, 4 + length), fingerprint: fingerprintOf(blob) };
}

/** As `ssh-keygen -l` prints it. */
export function fingerprintOf(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** The command that prints the same fingerprint on the server's own console. */
export function compareCommand(algorithm: string): string {
  const file = algorithm.startsWith('ecdsa-')
    ? 'ssh_host_ecdsa_key'
    : algorithm === 'ssh-rsa'
      ? 'ssh_host_rsa_key'
      : 'ssh_host_ed25519_key';
  return `ssh-keygen -lf /etc/ssh/${file}.pub`;
}
