import { createHmac } from 'node:crypto';
import { fingerprintOf } from './fingerprint.ts';

/** One usable line of a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
export interface KnownHostEntry {
  algorithm: string;
  fingerprint: string;
  revoked: boolean;
}

interface Line extends KnownHostEntry {
  matches: (name: string) => boolean;
}

export interface KnownHosts {
  /** All entries for an address; a port other than 22 is looked up as `[address]:port`. */
  lookup(address: string, port: number): KnownHostEntry[];
}

/**
 * Reads known_hosts. Damaged lines are skipped as ssh does. Lines of certificate authorities are skipped too:
 * ssh2 knows no host certificates.
 */
export function parseKnownHosts(text: string): KnownHosts {
  const lines = text.split(/\r?\n/).flatMap((line) => parseLine(line) ?? []);
  return {
    lookup(address, port) {
      const name = port === 22 ? address.toLowerCase() : `[${address.toLowerCase()}]:${port}`;
      return lines
        .filter((line) => line.matches(name))
        .map(({ algorithm, fingerprint, revoked }) => ({ algorithm, fingerprint, revoked }));
    },
  };
}

function parseLine(text: string): Line | null {
  const words = text.trim().split(/\s+/);
  const marker = words[0]?.startsWith('@') ? words.shift() : undefined;
  if (marker !== undefined && marker !== '@revoked') return null;
  const [hosts, algorithm, key] = words;
  if (hosts === undefined || hosts === '' || hosts.startsWith('#')) return null;
  if (algorithm === undefined || key === undefined) return null;
  const blob = Buffer.from(key, 'base64');
  if (!startsWithName(blob, algorithm)) return null;
  const matches = hosts.startsWith('|') ? hashedMatcher(hosts) : listMatcher(hosts);
  if (matches === null) return null;
  return { algorithm, fingerprint: fingerprintOf(blob), revoked: marker === '@revoked', matches };
}

function startsWithName(blob: Buffer, algorithm: string): boolean {
  if (blob.length < 4 + algorithm.length) return false;
  return (
    blob.readUInt32BE(0) === algorithm.length &&
    blob.toString('latin1', 4, 4 + algorithm.length) === algorithm
  );
}

/** `|1|salt|HMAC-SHA1(salt, name)`, as written with HashKnownHosts. */
function hashedMatcher(field: string): ((name: string) => boolean) | null {
  const [, version, salt, hash] = field.split('|');
  if (version !== '1' || salt === undefined || hash === undefined) return null;
  const key = Buffer.from(salt, 'base64');
  return (name) => createHmac('sha1', key).update(name).digest('base64') === hash;
}

/** Comma-separated patterns with * and ?; a pattern with ! that matches excludes the line. */
function listMatcher(field: string): (name: string) => boolean {
  const patterns = field
    .toLowerCase()
    .split(',')
    .filter((pattern) => pattern !== '');
  const wanted = patterns.filter((pattern) => !pattern.startsWith('!')).map(wildcard);
  const unwanted = patterns
    .filter((pattern) => pattern.startsWith('!'))
    .map((pattern) => wildcard(pattern.slice(1)));
  return (name) => wanted.some((test) => test.test(name)) && !unwanted.some((test) => test.test(name));
}

function wildcard(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`);
}
