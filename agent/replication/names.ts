import { createHash } from 'node:crypto';

/** QEMU's node names hold 31 bytes and a pair's id may have 64, so nodes carry a digest of it. */
export function pairDigest(pairId: string): string {
  return createHash('sha256').update(pairId).digest('hex').slice(0, 12);
}

/** A name of one pair's disk for QEMU's block layer: at most 31 bytes, unique per pair, disk and role. */
export function blockName(
  role: 'image' | 'file' | 'replica' | 'mirror',
  pairId: string,
  target: string,
): string {
  const short = { image: 'ui', file: 'uf', replica: 'ur', mirror: 'um' }[role];
  return `${short}-${pairDigest(pairId)}-${target.slice(0, 14)}`;
}

/** All nodes of one pair in one role start like this. */
export function blockPrefix(role: 'image' | 'file', pairId: string): string {
  return `${role === 'image' ? 'ui' : 'uf'}-${pairDigest(pairId)}-`;
}

/** NBD export of one replica disk. */
export const exportName = (pairId: string, target: string): string => `${pairId}.${target}`;

/** Id of a block export (letters first) and of a mirror job. */
export const exportId = (pairId: string, target: string): string => `x-${pairId}.${target}`;
export const jobId = (pairId: string, target: string): string => `understudy-${pairId}-${target}`;
