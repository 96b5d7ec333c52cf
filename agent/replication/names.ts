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

/** Begins the names of all nodes of images. */
export const IMAGE_NODE = /^ui-[0-9a-f]{12}-/;

/** NBD export of one replica disk. */
export const exportName = (pairId: string, target: string): string => `${pairId}.${target}`;

/** Id of a block export (letters first) and of a mirror job. */
export const exportId = (pairId: string, target: string): string => `x-${pairId}.${target}`;
export const jobId = (pairId: string, target: string): string => `understudy-${pairId}-${target}`;

/** What a point of a replica is taken for; one of each may stand at a time. */
export type PointUse = 'drill' | 'seal';

/**
 * Of a point: its overlay, the overlay's file, the filter that copies before a write; and what keeps an overlay that
 * cannot be written from failing the replica's writes: a bottomless sink, and the choice between it and the file.
 */
export type PointNode = 'image' | 'file' | 'filter' | 'sink' | 'either';

/** At most 31 bytes. */
export function pointNode(role: PointNode, use: PointUse, pairId: string, target: string): string {
  return `${pointNodes(role, use, pairId)}${target.slice(0, 14)}`;
}

/** All of one point's nodes in one role start like this. */
export function pointNodes(role: PointNode, use: PointUse, pairId: string): string {
  const short = { image: 'p', file: 'q', filter: 'c', sink: 'n', either: 'e' }[role];
  return `u${short}${use.slice(0, 1)}-${pairDigest(pairId)}-`;
}

/** Block job that fills a point's overlay. */
export const pointJob = (use: PointUse, pairId: string, target: string): string =>
  `understudy-${use}-${pairId}.${target}`;

/** NBD export of one disk of a point (id and name). Not to be taken for one of a replica: another first letter. */
export const pointExportName = (use: PointUse, pairId: string, target: string): string =>
  `${pointExportPrefix(use, pairId)}${target}`;
export const pointExportPrefix = (use: PointUse, pairId: string): string => `p-${use}-${pairId}.`;

/** Of a restore point that somebody reads: its nodes and exports, which closing the replica leaves alone. */
export const shownNodes = (pairId: string): string => `ush-${pairDigest(pairId)}-`;
export const shownNode = (pairId: string, target: string): string =>
  `${shownNodes(pairId)}${target.slice(0, 14)}`;
/** Id and name. */
export const shownExports = (pairId: string): string => `r-${pairId}.`;
export const shownExport = (pairId: string, target: string): string => `${shownExports(pairId)}${target}`;
