import * as v from 'valibot';
import { CONTRACT } from '../../lease/rules.ts';
import { setMode } from '../../lease/transitions.ts';
import { ReplicationMode, recordMode } from '../../protocol/index.ts';
import type { StepIo, TaskDefinition } from '../../tasks/runner.ts';
import { must, type PairContext } from '../context.ts';
import { modeInWords, patienceOf } from '../modes.ts';
import { abandonCopy, CopyData, copySteps } from './copy.ts';
import { describe } from './mirror-to-move.ts';

const ModeData = v.object({
  ...CopyData.entries,
  replication: ReplicationMode,
  /** The mirror goes on as it is; decided when it was ordered. */
  asItIs: v.optional(v.boolean(), false),
});
export type ModeData = v.InferOutput<typeof ModeData>;

/**
 * The record first: from that moment on nobody counts on the copy as before. Then the description, which the standby is
 * offered; one that cannot be told now is told when it is seen again.
 */
async function change(context: PairContext, { pairId, replication, asItIs }: ModeData): Promise<void> {
  const { record } = context.pair(pairId);
  await context.swap(
    pairId,
    setMode(record.epoch.n, context.self, recordMode(replication), context.now(), CONTRACT),
  );
  await describe(context, pairId, { replication, mirroredToMove: false });
  const { patienceMs = null } = patienceOf(context.pair(pairId));
  if (asItIs) must(await context.deps.source.setPatience(pairId, patienceMs));
}

/** Another way of keeping the copy: what is on the standby already is built upon. */
export function modeOrder(context: PairContext): TaskDefinition<ModeData> {
  return {
    kind: 'mode',
    data: ModeData,
    steps: [
      {
        id: 'change',
        label: (data) => `Agree that the copy of ${data.subject} is ${modeInWords(data.replication)}`,
        cancellable: true,
        run: (data) => change(context, data),
      },
      ...copySteps<ModeData>(context).map((step) => ({
        ...step,
        run: async (data: ModeData, io: StepIo) => (data.asItIs ? undefined : step.run(data, io)),
      })),
    ],
    async undo(data, problem) {
      if (data.asItIs) return;
      await abandonCopy(context, data);
      context.audit(
        'mode-unfinished',
        context.store.get(data.pairId),
        `The copy of ${data.subject} is not yet ${modeInWords(data.replication)}: ${problem.message} It is tried again by itself.`,
      );
    },
  };
}
