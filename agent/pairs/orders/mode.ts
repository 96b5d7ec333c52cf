import * as v from 'valibot';
import { CONTRACT } from '../../lease/rules.ts';
import { setMode } from '../../lease/transitions.ts';
import { ReplicationMode, recordMode } from '../../protocol/index.ts';
import type { TaskDefinition } from '../../tasks/runner.ts';
import type { PairContext } from '../context.ts';
import { modeInWords } from '../modes.ts';
import { abandonCopy, CopyData, copySteps } from './copy.ts';

const ModeData = v.object({ ...CopyData.entries, replication: ReplicationMode });
export type ModeData = v.InferOutput<typeof ModeData>;

/**
 * The record first: from that moment on nobody counts on the copy as before. Then the description, which the standby is
 * offered; one that cannot be told now is told when it is seen again.
 */
async function change(context: PairContext, { pairId, replication }: ModeData): Promise<void> {
  const { record } = context.pair(pairId);
  await context.swap(
    pairId,
    setMode(record.epoch.n, context.self, recordMode(replication), context.now(), CONTRACT),
  );
  await context.store.change(
    pairId,
    (kept) => kept && { ...kept, spec: { ...kept.spec, replication, revision: kept.spec.revision + 1 } },
  );
  const { spec } = context.pair(pairId);
  const chosen = context.nodes.chosen(pairId);
  await context.deps.peers.to(context.other(spec)).call('spec.offer', { spec, chosen });
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
      ...copySteps<ModeData>(context),
    ],
    async undo(data, problem) {
      await abandonCopy(context, data);
      context.audit(
        'mode-unfinished',
        context.store.get(data.pairId),
        `The copy of ${data.subject} is not yet ${modeInWords(data.replication)}: ${problem.message} It is tried again by itself.`,
      );
    },
  };
}
