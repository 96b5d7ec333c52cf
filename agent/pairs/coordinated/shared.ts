import { randomUUID } from 'node:crypto';
import { fail, ok, type PairDisk, type Problem, type Result } from '../../protocol/index.ts';
import type { SeenImage } from '../../replication/coordinated/host.ts';
import type { Attended } from '../../replication/replication.ts';
import type { PairContext } from '../context.ts';
import { coordinatedHost } from './mode.ts';

/** Disks by target, as both hosts are to reach them. */
export type SharedDisks = { target: string; path: string }[];

export interface SharedQuestion {
  disks: SharedDisks;
  /** The other host. */
  other: string;
  /** The machine runs here: its image locks must be seen there. */
  locks: boolean;
}

/**
 * Proves that the other host reaches the very same files: it reads back what was written beside them a moment ago, sees the same
 * file, may write to it, and finds it locked by the machine that runs here. A directory that only looks the same fails at the first.
 */
export async function proveShared(
  context: PairContext,
  { disks, other, locks }: SharedQuestion,
): Promise<Result<Attended>> {
  const host = coordinatedHost(context);
  const token = randomUUID();
  for (const { path } of disks) {
    const written = await host.writeToken(path, token);
    if (!written.ok) return written;
  }
  const asked = await context.deps.peers.to(other).call('shared.see', { disks, locks });
  if (!asked.ok) return asked;
  for (const { target, path } of disks) {
    const here = await host.see(path, false);
    const there = asked.value.images[target];
    const problem =
      there === undefined
        ? notSame(context, other, path)
        : differs(context, { other, path, locks, token, here, there });
    if (problem) return fail(problem);
  }
  return ok({
    state: 'in-sync',
    behindS: 0,
    behindBytes: 0,
    line: `${context.nameOf(other)} reaches the same files`,
  });
}

interface Seen {
  other: string;
  path: string;
  locks: boolean;
  token: string;
  here: SeenImage;
  there: SeenImage;
}

function differs(context: PairContext, { other, path, locks, token, here, there }: Seen): Problem | null {
  if (there.id === null) return absent(context, other, path);
  if (there.token !== token || there.id !== here.id) return notSame(context, other, path);
  if (!there.writable) return readOnly(context, other, path);
  if (!locks || there.lock === 'locked') return null;
  return there.lock === 'free' ? notLocked(context, other, path) : lockUnknown(context, other, path);
}

/** Before a process of ours opens them: another one, on whichever host, has them open. */
export async function inUse(context: PairContext, disks: SharedDisks): Promise<Problem | null> {
  const host = coordinatedHost(context);
  for (const { path } of disks) {
    const { lock } = await host.see(path, true);
    if (lock === 'locked') return diskInUse(context, path);
  }
  return null;
}

export const pathsOn = (disks: PairDisk[], hostId: string): SharedDisks =>
  disks.map(({ target, paths }) => ({ target, path: paths[hostId] ?? '' }));

/** The image locks of a running machine are asked for now and then only: each time takes a process. */
export const LOCK_EVERY_LOOKS = 15;

const absent = (context: PairContext, other: string, path: string): Problem => ({
  kind: 'shared-missing',
  message: `${context.nameOf(other)} has no file ${path}, or its storage does not answer.`,
  next: `Mount the storage on ${context.nameOf(other)} at the same place as on ${context.deps.selfName()}.`,
});

const notSame = (context: PairContext, other: string, path: string): Problem => ({
  kind: 'not-the-same-files',
  message: `${path} on ${context.nameOf(other)} is another file than on ${context.deps.selfName()}: what was written beside it here is not there.`,
  next: 'Mount the same storage at that place on both hosts. For disks of their own on each host choose a mirror.',
});

const readOnly = (context: PairContext, other: string, path: string): Problem => ({
  kind: 'shared-read-only',
  message: `${context.nameOf(other)} reaches ${path}, but may not write to it.`,
  next: `Mount the storage on ${context.nameOf(other)} for reading and writing.`,
});

const notLocked = (context: PairContext, other: string, path: string): Problem => ({
  kind: 'locks-not-seen',
  message: `${context.nameOf(other)} does not see that ${path} is open on ${context.deps.selfName()}: this storage carries no locks between the hosts.`,
  next: 'Use a file system with POSIX locks across hosts (NFS 4, OCFS2, GFS2), and no nolock or local_lock mount option.',
});

const lockUnknown = (context: PairContext, other: string, path: string): Problem => ({
  kind: 'lock-unknown',
  message: `${context.nameOf(other)} could not find out whether ${path} is open elsewhere.`,
  next: `Look whether qemu-io is installed on ${context.nameOf(other)} (Debian: qemu-utils), and whether its storage answers.`,
});

const diskInUse = (context: PairContext, path: string): Problem => ({
  kind: 'disk-in-use',
  message: `${path} is open in another running machine: ${context.deps.selfName()} must not start one from it.`,
  next: 'Find out where it runs and stop it there; with storage that waits for a dead host’s locks to run out, wait a minute and try again.',
});
