import { createInterface } from 'node:readline';
import * as v from 'valibot';
import { ProblemError } from '../../protocol/index.ts';
import { compareDisks } from './compare.ts';
import { copyDisks } from './copy.ts';
import { hashDisks } from './hash.ts';
import { type Done, Job, RateLine, type Told } from './jobs.ts';
import { throttle } from './throttle.ts';

/** How often progress is told, ms. */
const TELL_MS = 250;

const tell = (line: Told): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);

/**
 * The process that hashes and copies disks, so that the agent stays small and answers: jobs, one a line, from standard
 * input, progress and results on standard output. It ends with whoever started it.
 */
export async function runCopier(): Promise<void> {
  const lines = createInterface({ input: process.stdin });
  lines.on('close', () => process.exit(0));
  let turn = Promise.resolve();
  lines.on('line', (line) => {
    const rate = v.safeParse(RateLine, parsed(line));
    if (rate.success) return throttle.set(rate.output.rate);
    turn = turn.then(async () => {
      try {
        tell({ done: await carriedOut(v.parse(Job, JSON.parse(line))) });
      } catch (error) {
        tell({ problem: problemFrom(error) });
      }
    });
  });
}

async function carriedOut(job: Job): Promise<Done> {
  const started = performance.now();
  let toldAt = 0;
  const progress = (doneBytes: number, totalBytes: number): void => {
    if (performance.now() - toldAt < TELL_MS) return;
    toldAt = performance.now();
    tell({ progress: { doneBytes, totalBytes } });
  };
  const result = await resultOf(job, progress);
  return { ...result, ms: performance.now() - started };
}

async function resultOf(
  job: Job,
  progress: (doneBytes: number, totalBytes: number) => void,
): Promise<Omit<Done, 'ms'>> {
  if (job.c === 'hash') return { workBytes: await hashDisks(job, progress), sentBytes: 0 };
  if (job.c === 'compare') return { ...(await compareDisks(job)), sentBytes: 0 };
  return copyDisks(job, progress, () => tell({ read: true }));
}

function problemFrom(error: unknown) {
  if (error instanceof ProblemError) return error.problem;
  const cause = error instanceof Error ? error.message : String(error);
  return {
    kind: 'copier-failed',
    message: `Comparing or copying the disks broke off (${cause}).`,
    next: 'It is tried again by itself; if it stays so, look at the disks and the network of both hosts.',
    details: { cause },
  };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
