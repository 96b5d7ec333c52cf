import { generateKeyPairSync, type KeyObject } from 'node:crypto';

/** An Ed25519 key pair in OpenSSH's formats. (ssh2's own generator makes one malformed key in a hundred.) */
export function generateOpensshKey(): { private: string; public: string } {
  const { privateKey } = generateKeyPairSync('ed25519');
  return { private: opensshPrivateKey(privateKey), public: opensshPublicKey(privateKey) };
}

/** A private Ed25519 key, unencrypted (OpenSSH, PROTOCOL.key). */
export function opensshPrivateKey(key: KeyObject): string {
  const { publicKey, privateKey } = numbersOf(key);
  const check = Buffer.alloc(8, 1);
  const both = field(Buffer.concat([privateKey, publicKey]));
  const inner = Buffer.concat([check, wireOf(publicKey), both, field('')]);
  const padding = Buffer.from(Array.from({ length: (8 - (inner.length % 8)) % 8 }, (_, index) => index + 1));
  const body = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    field('none'),
    field('none'),
    field(''),
    Buffer.from([0, 0, 0, 1]),
    field(wireOf(publicKey)),
    field(Buffer.concat([inner, padding])),
  ]);
  const lines = body.toString('base64').match(/.{1,70}/g) ?? [];
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join('\n')}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

/** As it stands in authorized_keys and known_hosts. */
export function opensshPublicKey(key: KeyObject): string {
  return `ssh-ed25519 ${wireOf(numbersOf(key).publicKey).toString('base64')}`;
}

function numbersOf(key: KeyObject): { publicKey: Buffer; privateKey: Buffer } {
  const { x, d } = key.export({ format: 'jwk' });
  return { publicKey: Buffer.from(x ?? '', 'base64url'), privateKey: Buffer.from(d ?? '', 'base64url') };
}

/** RFC 8709, section 4. */
const wireOf = (publicKey: Buffer): Buffer => Buffer.concat([field('ssh-ed25519'), field(publicKey)]);

/** RFC 4251, section 5: a string with its length before it. */
function field(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
