import type { Epoch } from '../protocol/index.ts';

/**
 * What the guard may let run, see agent/guard/FORMAT.md. Deadlines are boot-time clock, ms; so is `resumed`, the order to
 * continue what the guard stopped before that instant: without it a live permission wakes nothing.
 */
export type Permission =
  | { kind: 'standing'; epoch: Epoch; resumed?: number }
  | { kind: 'deadline'; epoch: Epoch; ms: number; resumed?: number }
  | { kind: 'ended'; epoch: Epoch };

const LINE =
  /^understudy-permission 1 ([0-9]{1,15}) (-|[A-Za-z0-9._][A-Za-z0-9._-]{0,63}) (?:(ended)|(?:(standing)|deadline ([0-9]{1,15}))(?: resumed ([0-9]{1,15}))?)\n$/;

/** The file's one line. Deadlines are rounded down: never longer than the lease. */
export function formatPermission(permission: Permission): string {
  const { n, by } = permission.epoch;
  const deadline = permission.kind === 'deadline' ? ` ${Math.max(0, Math.floor(permission.ms))}` : '';
  const order =
    permission.kind !== 'ended' && permission.resumed !== undefined
      ? ` resumed ${Math.max(0, Math.floor(permission.resumed))}`
      : '';
  return `understudy-permission 1 ${n} ${by === '' ? '-' : by} ${permission.kind}${deadline}${order}\n`;
}

/** Null for anything the guard would treat as unreadable. */
export function parsePermission(line: string): Permission | null {
  const match = LINE.exec(line);
  if (match === null) return null;
  const [, n = '', by = '', ended, standing, ms, resumed] = match;
  const epoch = { n: Number(n), by: by === '-' ? '' : by };
  if (ended !== undefined) return { kind: 'ended', epoch };
  const order = resumed === undefined ? {} : { resumed: Number(resumed) };
  if (standing !== undefined) return { kind: 'standing', epoch, ...order };
  return { kind: 'deadline', epoch, ms: Number(ms), ...order };
}
