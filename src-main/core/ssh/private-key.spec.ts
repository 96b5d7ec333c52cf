import { type ECKeyPairOptions, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { describe, expect, it } from 'vitest';
import { generateOpensshKey } from './openssh-key.ts';
import { loadPrivateKey, parsePrivateKey } from './private-key.ts';
import { problemIn, valueIn } from './testing/client.ts';

const parse = (text: string, passphrase?: string) => parsePrivateKey(text, '/home/eve/.ssh/id', passphrase);
const EC: ECKeyPairOptions<'pem', 'pem'>['namedCurve'] = 'prime256v1';

describe('OpenSSH keys', () => {
  const locked = ssh2.utils.generateKeyPairSync('ecdsa', {
    bits: 256,
    passphrase: 'open',
    cipher: 'aes256-ctr',
    rounds: 4,
  });

  it('are read, with and without passphrase', () => {
    expect(valueIn(parse(generateOpensshKey().private)).type).toBe('ssh-ed25519');
    expect(valueIn(parse(locked.private, 'open')).type).toBe('ecdsa-sha2-nistp256');
  });

  it('ask for the passphrase, and tell a wrong one', () => {
    expect(problemIn(parse(locked.private))).toMatchObject({
      kind: 'passphrase-needed',
      field: 'passphrase',
    });
    expect(problemIn(parse(locked.private, ''))).toMatchObject({ kind: 'passphrase-needed' });
    expect(problemIn(parse(locked.private, 'shut'))).toMatchObject({
      kind: 'wrong-passphrase',
      field: 'passphrase',
    });
  });

  it('are told from their public half', () => {
    const problem = problemIn(parse(locked.public));
    expect(problem).toMatchObject({ kind: 'key-format', field: 'keyPath' });
    expect(problem.message).toContain('public half');
  });
});

describe('PKCS#8 keys', () => {
  const pem = { type: 'pkcs8', format: 'pem' } as const;
  const keys = {
    'ssh-rsa': generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
    'ecdsa-sha2-nistp256': generateKeyPairSync('ec', { namedCurve: EC }).privateKey,
    'ssh-ed25519': generateKeyPairSync('ed25519').privateKey,
  };

  it.each(Object.entries(keys))('are converted (%s)', (type, key) => {
    expect(valueIn(parse(key.export(pem).toString())).type).toBe(type);
  });

  it('may be encrypted', () => {
    const text = keys['ssh-ed25519'].export({ ...pem, cipher: 'aes-256-cbc', passphrase: 'open' }).toString();
    expect(valueIn(parse(text, 'open')).type).toBe('ssh-ed25519');
    expect(problemIn(parse(text)).kind).toBe('passphrase-needed');
    expect(problemIn(parse(text, 'shut')).kind).toBe('wrong-passphrase');
  });

  it('keep the same key: what one signs the other verifies', () => {
    const key = valueIn(parse(keys['ssh-ed25519'].export(pem).toString()));
    const signature = key.sign(Buffer.from('text'));
    expect(signature).toBeInstanceOf(Buffer);
    expect(key.verify(Buffer.from('text'), signature as Buffer)).toBe(true);
  });

  it('of a kind SSH does not know are named', () => {
    const text = generateKeyPairSync('x25519').privateKey.export(pem).toString();
    expect(problemIn(parse(text)).message).toContain('x25519');
  });

  it('that are damaged are named', () => {
    const text = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n';
    expect(problemIn(parse(text)).kind).toBe('key-format');
  });
});

describe('other files', () => {
  it('a PuTTY key of version 3 comes with the command that converts it', () => {
    const problem = problemIn(
      parsePrivateKey('PuTTY-User-Key-File-3: ssh-ed25519\n', '/keys/my key.ppk', undefined),
    );
    expect(problem.kind).toBe('key-format');
    expect(problem.next).toContain(
      'puttygen "/keys/my key.ppk" -O private-openssh-new -o "/keys/my key.key"',
    );
  });

  it('no key at all', () => {
    expect(problemIn(parse('just some text')).message).toContain('is no private key');
  });

  it('a file that is not there, a folder, a file far too large', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'understudy-keys-'));
    const large = join(folder, 'large');
    writeFileSync(large, Buffer.alloc(70_000));
    expect(problemIn(await loadPrivateKey(join(folder, 'none'), undefined)).kind).toBe('key-unreadable');
    expect(problemIn(await loadPrivateKey(folder, undefined)).message).toContain('it is a folder');
    expect(problemIn(await loadPrivateKey(large, undefined)).kind).toBe('key-format');
  });
});
