import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import ssh2, { type ParsedKey } from 'ssh2';
import { fail, ok, type Result } from '../../../agent/protocol/index.ts';
import { opensshPrivateKey } from './openssh-key.ts';
import { keyFormat, keyUnreadable, passphraseNeeded, wrongPassphrase } from './problems.ts';

/** No private key comes near this; a larger file is something else. */
const MAX_KEY_BYTES = 64 * 1024;

/** Reads a private key file as ssh2 can use it. Says which command converts what it cannot read. */
export async function loadPrivateKey(
  path: string,
  passphrase: string | undefined,
): Promise<Result<ParsedKey>> {
  let text: string;
  try {
    const bytes = await readFile(path);
    if (bytes.length > MAX_KEY_BYTES) return fail(keyFormat(path, 'is too large for a key', CHOOSE));
    text = bytes.toString('utf8');
  } catch (error) {
    return fail(keyUnreadable(path, reasonOf(error)));
  }
  return parsePrivateKey(text, path, passphrase);
}

const CHOOSE = 'Choose the private key file, for instance ~/.ssh/id_ed25519.';

/** `path` is for the sentences. */
export function parsePrivateKey(
  text: string,
  path: string,
  passphrase: string | undefined,
): Result<ParsedKey> {
  const secret = passphrase === '' ? undefined : passphrase;
  if (/^PuTTY-User-Key-File-3/m.test(text)) {
    const command = `puttygen ${quoted(path)} -O private-openssh-new -o ${quoted(`${path.replace(/\.ppk$/, '')}.key`)}`;
    return fail(keyFormat(path, 'is a PuTTY key of version 3', `Convert it with: ${command}`));
  }
  if (/^-----BEGIN (ENCRYPTED )?PRIVATE KEY-----/m.test(text)) return parsePkcs8(text, path, secret);
  return parseWithSsh2(text, path, secret);
}

function parseWithSsh2(text: string, path: string, passphrase: string | undefined): Result<ParsedKey> {
  const parsed = ssh2.utils.parseKey(text, passphrase);
  if (parsed instanceof Error) return fail(problemOfParse(parsed, text, path, passphrase));
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  if (key === undefined || !key.isPrivateKey()) {
    return fail(
      keyFormat(path, 'is the public half of a key', 'Choose the file of the same name without ".pub".'),
    );
  }
  return ok(key);
}

/** ssh2 tells its failures by sentence only; these are the ones that matter to a person. */
function problemOfParse(error: Error, text: string, path: string, passphrase: string | undefined) {
  if (/no passphrase given/i.test(error.message)) return passphraseNeeded(path);
  if (
    passphrase !== undefined &&
    /integrity check|bad passphrase|bad decrypt|malformed/i.test(error.message)
  ) {
    return wrongPassphrase(path);
  }
  if (/unsupported .*key type: sk-/i.test(error.message)) {
    return keyFormat(path, 'belongs to a security key', 'Add it with ssh-add and log in by SSH agent.');
  }
  if (text.includes('PRIVATE KEY-----') || text.startsWith('PuTTY-User-Key-File')) {
    const command = `ssh-keygen -p -f ${quoted(path)}`;
    return keyFormat(
      path,
      `is a private key this console cannot read (${error.message})`,
      `Rewrite it in OpenSSH's format with: ${command}`,
    );
  }
  return keyFormat(path, 'is no private key', CHOOSE);
}

/** PKCS#8 (RFC 5958), which ssh2 does not read: node:crypto does, and writes it in a form ssh2 knows. */
function parsePkcs8(text: string, path: string, passphrase: string | undefined): Result<ParsedKey> {
  const encrypted = text.includes('ENCRYPTED');
  if (encrypted && passphrase === undefined) return fail(passphraseNeeded(path));
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: text, ...(encrypted ? { passphrase } : {}) });
  } catch (error) {
    if (encrypted) return fail(wrongPassphrase(path));
    return fail(keyFormat(path, `is a damaged PKCS#8 key (${reasonOf(error)})`, CHOOSE));
  }
  const converted = toSsh2Format(key);
  if (converted === null) {
    return fail(
      keyFormat(path, `is a PKCS#8 key of a type SSH does not use (${key.asymmetricKeyType})`, CHOOSE),
    );
  }
  return parseWithSsh2(converted, path, undefined);
}

function toSsh2Format(key: KeyObject): string | null {
  if (key.asymmetricKeyType === 'rsa') return key.export({ type: 'pkcs1', format: 'pem' }).toString();
  if (key.asymmetricKeyType === 'ec') return key.export({ type: 'sec1', format: 'pem' }).toString();
  if (key.asymmetricKeyType === 'ed25519') return opensshPrivateKey(key);
  return null;
}

function quoted(path: string): string {
  return /^[\w./~-]+$/.test(path) ? path : `"${path}"`;
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'your user may not read it';
  if (code === 'EISDIR') return 'it is a folder';
  return error instanceof Error ? error.message : String(error);
}
