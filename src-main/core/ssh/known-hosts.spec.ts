import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fingerprintOf } from './fingerprint.ts';
import { parseKnownHosts } from './known-hosts.ts';
import { generateOpensshKey } from './openssh-key.ts';

const KEY = generateOpensshKey().public.trim();
const FINGERPRINT = fingerprintOf(Buffer.from(KEY.split(' ')[1] ?? '', 'base64'));

const found = (text: string, address: string, port = 22) =>
  parseKnownHosts(text)
    .lookup(address, port)
    .map((entry) => entry.fingerprint);

describe('known_hosts', () => {
  it('finds names and addresses, whatever their case', () => {
    expect(found(`atlas,10.0.0.1 ${KEY}\n`, 'Atlas')).toEqual([FINGERPRINT]);
    expect(found(`atlas,10.0.0.1 ${KEY}\n`, '10.0.0.1')).toEqual([FINGERPRINT]);
    expect(found(`atlas,10.0.0.1 ${KEY}\n`, 'boreas')).toEqual([]);
  });

  it('keeps ports apart', () => {
    const text = `[atlas]:2222 ${KEY}\n`;
    expect(found(text, 'atlas', 2222)).toEqual([FINGERPRINT]);
    expect(found(text, 'atlas')).toEqual([]);
    expect(found(`atlas ${KEY}\n`, 'atlas', 2222)).toEqual([]);
  });

  it('reads hashed names', () => {
    const salt = Buffer.from('0123456789abcdefghij');
    const hash = createHmac('sha1', salt).update('[atlas]:2222').digest('base64');
    const text = `|1|${salt.toString('base64')}|${hash} ${KEY}\n`;
    expect(found(text, 'atlas', 2222)).toEqual([FINGERPRINT]);
    expect(found(text, 'boreas', 2222)).toEqual([]);
  });

  it('understands wildcards and exceptions', () => {
    const text = `*.lan,!bad.lan,10.0.?.1 ${KEY}\n`;
    expect(found(text, 'atlas.lan')).toEqual([FINGERPRINT]);
    expect(found(text, 'bad.lan')).toEqual([]);
    expect(found(text, '10.0.7.1')).toEqual([FINGERPRINT]);
    expect(found(text, '10.0.77.1')).toEqual([]);
    expect(found(text, 'atlasxlan')).toEqual([]);
  });

  it('marks revoked keys and passes certificate authorities by', () => {
    const entries = parseKnownHosts(`@revoked atlas ${KEY}\n@cert-authority atlas ${KEY}\n`).lookup(
      'atlas',
      22,
    );
    expect(entries).toEqual([{ algorithm: 'ssh-ed25519', fingerprint: FINGERPRINT, revoked: true }]);
  });

  it('skips comments and damaged lines, and reads on', () => {
    const text = `# mine\n\natlas\natlas ssh-ed25519\natlas ssh-ed25519 AAAA\natlas ssh-rsa ${KEY.split(' ')[1]}\r\natlas ${KEY} me@here\r\n`;
    expect(found(text, 'atlas')).toEqual([FINGERPRINT]);
  });
});
