import { generateKeyPairSync } from 'node:crypto';
import { expect, it, test } from 'vitest';
import { makeFleetCa } from '../../../agent/testing/fleet-ca.ts';
import { generateOpensshKey } from '../ssh/openssh-key.ts';
import { REMOVED, redact, redactText } from './redact.ts';

const key = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString();

test.each([
  ['a PEM key', `before\n${pem}after`],
  ['a PEM key inside JSON', JSON.stringify({ file: pem })],
  ['an OpenSSH key', generateOpensshKey().private],
  ['a key that was cut off', pem.slice(0, 120)],
  ['an address with a password', 'smtps://ada:hunter2-MII@mail.example:465 refused'],
  ['a header', 'Authorization: Bearer hunter2-MIIabc'],
  ['an assignment', 'login failed with password=hunter2-MII, retrying'],
  ['a quoted one', "<graphics type='vnc' passwd='hunter2-MII'/>"],
  ['JSON in a line', 'sent {"user":"ada","password":"hunter2-MII"}'],
  ['an option', 'run: mount --password hunter2-MII /mnt'],
  ['a query string', 'GET /hook?token=hunter2-MII&x=1'],
])('%s is taken out', (_what, text) => {
  const left = redactText(text);
  expect(left).toContain(REMOVED);
  expect(left).not.toMatch(/hunter2|MII|b3BlbnNzaC1rZXk/);
});

it('takes out what is known to be secret wherever it stands, however it is written', () => {
  const secret = 'p"ss wörd';
  const lines = [`sudo said ${secret}`, JSON.stringify({ note: secret }), `?q=${encodeURIComponent(secret)}`];
  expect(redactText(lines.join('\n'), [secret, 'ab'])).not.toMatch(/p.{1,2}ss.*w|%C3%B6/);
  // Too short to be told from other words.
  expect(redactText('a table', ['ab'])).toBe('a table');
});

it('empties values under telling names, at any depth, and leaves the rest as it was', () => {
  const found = redact({
    hosts: [{ name: 'atlas', login: { method: 'password', password: 'hunter2' }, port: 22 }],
    passphrase: 'hunter2',
    apiKey: 'hunter2',
    spec: { definitions: { 'h-1': '<domain/>' } },
    tokens: 3,
    password: '',
  });
  expect(found).toEqual({
    hosts: [{ name: 'atlas', login: { method: 'password', password: REMOVED }, port: 22 }],
    passphrase: REMOVED,
    apiKey: REMOVED,
    spec: { definitions: REMOVED },
    tokens: 3,
    password: '',
  });
});

it('leaves public things: certificates, fingerprints, ids, sentences about passwords', async () => {
  const { certificate } = await makeFleetCa('fleet-1');
  const texts = [
    certificate,
    'SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU',
    '6d1ac9b2-5f0c-4b0e-8a44-6a1c1c1b2d3e',
    'atlas does not accept this password for root. Type it again.',
    'The log-in of atlas is no longer remembered. Enter the password or passphrase.',
  ];
  for (const text of texts) expect(redactText(text)).toBe(text);
});
