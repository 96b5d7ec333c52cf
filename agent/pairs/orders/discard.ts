import * as v from 'valibot';
import { ProblemError } from '../../protocol/index.ts';
import type { TaskDefinition } from '../../tasks/runner.ts';
import { must, type PairContext } from '../context.ts';
import { sleep } from '../waits.ts';

/** How soon points that are in use are looked at again, ms. */
const LOOK_AGAIN_MS = 200;

const DiscardData = v.object({
  pairId: v.string(),
  subject: v.string(),
  here: v.string(),
  /** What the person saw: nothing set aside since is deleted. */
  paths: v.array(v.string()),
});
export type DiscardData = v.InferOutput<typeof DiscardData>;

/** The present copy stands on its own before what lies under it goes. */
async function standAlone(
  context: PairContext,
  data: DiscardData,
  io: { signal: AbortSignal; told: (doneBytes: number, totalBytes: number) => void },
): Promise<void> {
  const pair = context.pair(data.pairId);
  const under = pair.notes.aside.filter(
    (aside) => aside.under !== undefined && data.paths.includes(aside.path),
  );
  if (under.length === 0) return;
  // The running machine's QEMU has the chain open, and its mirror lets nobody at it.
  if (context.isOwner(pair)) {
    throw new ProblemError({
      kind: 'aside-in-use',
      message: `${data.subject} runs on ${data.here}, on top of the old disk.`,
      next: 'Switch it over to the other host first; then the old disk can be discarded here.',
    });
  }
  if (pair.notes.image !== 'complete') {
    throw new ProblemError({
      kind: 'aside-needed',
      message: `The old disk is the only whole copy of ${data.subject} on ${data.here}.`,
      next: 'Wait until the pair is in sync, then discard it.',
    });
  }
  const disks = context.disks(pair.spec, context.self);
  const wanted = disks.filter(({ target }) => under.some((aside) => aside.under === target));
  const { target, clock } = context.deps;
  // Of a copy that is kept by points nothing lies at the disks' own places.
  const there = await Promise.all(wanted.map(({ path }) => target.allocatedBytes(path)));
  const own = wanted.filter((_disk, index) => there[index] !== null);
  must(await target.standAlone(data.pairId, own, io.told));
  for (;;) {
    const alone = await target.restore.standAlone(data.pairId, disks);
    if (alone.ok) break;
    if (alone.problem.kind !== 'points-busy') throw new ProblemError(alone.problem);
    // Between two points there is a moment for it.
    await sleep(clock, LOOK_AGAIN_MS, io.signal);
  }
  await context.setNotes(data.pairId, (notes) => ({
    ...notes,
    aside: notes.aside.map((aside) =>
      data.paths.includes(aside.path) ? { ...aside, under: undefined } : aside,
    ),
  }));
}

async function deleteThem(context: PairContext, data: DiscardData): Promise<void> {
  const pair = context.pair(data.pairId);
  const known = pair.notes.aside.filter(({ path }) => data.paths.includes(path));
  if (known.some(({ under }) => under !== undefined))
    throw new Error('an image still lies on what is to be deleted');
  must(await context.deps.target.discard(known.map(({ path }) => path)));
  await context.setNotes(data.pairId, (notes) => ({
    ...notes,
    aside: notes.aside.filter(({ path }) => !data.paths.includes(path)),
  }));
  context.audit('aside-discarded', pair, `Old disks of ${data.subject} on ${data.here} were deleted.`, {
    paths: data.paths.join(' '),
  });
}

/** Deletes what was set aside on this host, by order of a person. */
export function discardOrder(context: PairContext): TaskDefinition<DiscardData> {
  return {
    kind: 'discard',
    data: DiscardData,
    steps: [
      {
        id: 'stand-alone',
        label: (data) => `Make the copy of ${data.subject} independent of the old disk`,
        cancellable: true,
        run: (data, io) =>
          standAlone(context, data, {
            signal: io.signal,
            told: (doneBytes, totalBytes) =>
              io.progress({ doneBytes, totalBytes, rateBps: 0, remainingS: null }),
          }),
      },
      {
        id: 'delete',
        label: (data) => `Delete the old disk on ${data.here}`,
        cancellable: false,
        run: (data) => deleteThem(context, data),
      },
    ],
  };
}
