import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as v from 'valibot';
import { syncPath } from '../../journal/durable-file.ts';
import { fail, ok, type Problem, type Result } from '../../protocol/index.ts';
import { blockName, pairDigest } from '../names.ts';
import type { ReplicaDisk } from '../replication.ts';
import type { StorageDaemon } from './daemon.ts';
import { backingOf, exists, run } from './images.ts';

const Jobs = v.array(
  v.object({
    id: v.string(),
    'current-progress': v.number(),
    'total-progress': v.number(),
  }),
);
type Jobs = v.InferOutput<typeof Jobs>;

/** QEMU's word on the end of a block job. */
const Ended = v.object({ device: v.string(), error: v.optional(v.string()) });

const LOOK_MS = 200;
const ENDING_LOOKS = 200;
const ENDING_PAUSE_MS = 25;
/** Putting a disk's worth of blocks back may take long. */
const LIMIT_MS = 24 * 3_600_000;

const flattenJob = (pairId: string, target: string): string => `flat-${pairDigest(pairId)}-${target}`;

/** Writes an overlay's blocks back into the image under it. Repeating it changes nothing, also after it was broken off. */
export async function commit(overlay: string, host: string, signal?: AbortSignal): Promise<Result<void>> {
  try {
    await run('qemu-img', ['commit', '-q', '-d', '-f', 'qcow2', overlay], LIMIT_MS, signal);
    return ok(undefined);
  } catch (error) {
    return fail(notPutBack(overlay, host, error));
  }
}

/** The image under this one takes its place. Repeating it after it was done changes nothing. */
export async function takePlaceOf(disk: ReplicaDisk, aside: string, host: string): Promise<Result<void>> {
  try {
    if (!(await exists(aside))) return ok(undefined);
    await rename(aside, disk.path);
    await syncPath(dirname(disk.path));
    return ok(undefined);
  } catch (error) {
    return fail(notPutBack(disk.path, host, error));
  }
}

/**
 * Copies into the images what they still take from those under them: by the daemon when it has them open, else by
 * qemu-img. A job that is already at it is waited for.
 */
export async function standAlone(
  daemon: StorageDaemon,
  pairId: string,
  disks: ReplicaDisk[],
  open: boolean,
  progress: (doneBytes: number, totalBytes: number) => void,
): Promise<Result<void>> {
  for (const disk of disks) {
    if (disk.format !== 'qcow2' || (await backingOf(disk.path)) === null) continue;
    const done = open ? await stream(daemon, pairId, disk, progress) : await standOnNothing(disk.path);
    if (!done.ok) return done;
  }
  return ok(undefined);
}

/** Copies into an image that nobody has open what it takes from those under it. */
export async function standOnNothing(path: string, signal?: AbortSignal): Promise<Result<void>> {
  try {
    await run('qemu-img', ['rebase', '-q', '-f', 'qcow2', '-b', '', path], LIMIT_MS, signal);
    return ok(undefined);
  } catch (error) {
    return fail(notAlone({ path }, error instanceof Error ? error.message : String(error)));
  }
}

async function stream(
  daemon: StorageDaemon,
  pairId: string,
  disk: ReplicaDisk,
  progress: (doneBytes: number, totalBytes: number) => void,
): Promise<Result<void>> {
  const id = flattenJob(pairId, disk.target);
  let cause = 'it was broken off';
  const leave = daemon.onEvent(({ event, data }) => {
    const ended = event === 'BLOCK_JOB_COMPLETED' ? v.safeParse(Ended, data) : null;
    if (ended?.success && ended.output.device === id) cause = ended.output.error ?? cause;
  });
  try {
    const over = await streamed(daemon, id, blockName('image', pairId, disk.target), progress);
    if (!over.ok) return over;
    return (await backingOf(disk.path)) === null ? ok(undefined) : fail(notAlone(disk, cause));
  } finally {
    leave();
  }
}

/**
 * Resolves when the job is gone, whatever came of it. It must not stay after its end (`auto-dismiss`): its filter has no child
 * then, and QEMU 7.2 dies of the next look at its nodes (bdrv_refresh_filename).
 */
async function streamed(
  daemon: StorageDaemon,
  id: string,
  device: string,
  progress: (doneBytes: number, totalBytes: number) => void,
): Promise<Result<void>> {
  const known = await jobs(daemon);
  if (!known.ok) return known;
  if (!known.value.some((job) => job.id === id)) {
    const started = await daemon.execute('block-stream', { 'job-id': id, device });
    if (!started.ok) return started;
  }
  for (;;) {
    const now = await jobs(daemon);
    if (!now.ok) return now;
    const job = now.value.find((one) => one.id === id);
    if (!job) return ok(undefined);
    progress(job['current-progress'], job['total-progress']);
    await new Promise((done) => setTimeout(done, LOOK_MS));
  }
}

/** Ends what copies into the pair's images, so that they can be closed: what it has copied stays and does no harm. */
export async function stopStanding(daemon: StorageDaemon, pairId: string): Promise<Result<void>> {
  for (let look = 0; look < ENDING_LOOKS; look += 1) {
    const known = await jobs(daemon);
    if (!known.ok) return known;
    const own = known.value.filter(({ id }) => id.startsWith(flattenJob(pairId, '')));
    if (own.length === 0) return ok(undefined);
    for (const { id } of own) await daemon.execute('job-cancel', { id });
    await new Promise((done) => setTimeout(done, ENDING_PAUSE_MS));
  }
  return fail({
    kind: 'job-not-ended',
    message: 'The storage daemon does not end a copy within its images.',
    next: 'See whether its disk hangs.',
  });
}

async function jobs(daemon: StorageDaemon): Promise<Result<Jobs>> {
  const answer = await daemon.execute('query-jobs');
  return answer.ok ? ok(v.parse(Jobs, answer.value)) : answer;
}

const notPutBack = (path: string, host: string, error: unknown): Problem => ({
  kind: 'not-put-back',
  message: `The copy ${path} on ${host} could not be put back to what it was (${error instanceof Error ? error.message : String(error)}).`,
  next: 'See that its file system has space and is writable, then try again.',
});

const notAlone = (disk: Pick<ReplicaDisk, 'path'>, cause: string): Problem => ({
  kind: 'still-on-top',
  message: `${disk.path} could not be made independent of the old disk under it (${cause}).`,
  next: 'Free space on its file system, then discard the old disk again; nothing was lost.',
});
