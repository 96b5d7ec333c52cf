import * as v from 'valibot';
import { PairSpec, type Problem } from '../../protocol/index.ts';
import type { TaskDefinition } from '../../tasks/runner.ts';
import { must, type PairContext } from '../context.ts';
import { firstRecord } from '../record.ts';
import { freshNotes, isLive } from '../store.ts';
import { hypervisorAnswers } from '../waits.ts';
import { abandonCopy, CopyData, copySteps } from './copy.ts';

const ProtectData = v.object({ ...CopyData.entries, spec: PairSpec });
type ProtectData = v.InferOutput<typeof ProtectData>;

/** Tells the standby to forget the pair; left for later (`ended`) when it cannot be told now. */
export async function forgetPair(context: PairContext, pairId: string): Promise<void> {
  const pair = context.store.get(pairId);
  if (!pair) return;
  await context.setNotes(pairId, (notes) => ({ ...notes, ended: true }));
  const told = await context.deps.peers.to(context.other(pair.spec)).call('standby.forget', { pairId });
  if (told.ok) await context.store.remove(pairId);
  else context.deps.log('info', `${pairId}: the standby is told later: ${told.problem.message}`);
}

/** True from the moment on when *in sync* was recorded here, or another member's newer record was adopted. */
function everAgreed(context: PairContext, pairId: string): boolean {
  const pair = context.store.get(pairId);
  if (!pair || pair.notes.ended) return false;
  const { state } = pair.record.replica;
  return !context.isOwner(pair) || state === 'in-sync' || state === 'stale';
}

/** Autostart as it was; a guest that its host would therefore have started at a boot meanwhile is started now. */
async function leaveAsBefore(context: PairContext, { pairId, subject, spec }: ProtectData): Promise<void> {
  const { hypervisor, bootId, selfName } = context.deps;
  const { uuid } = spec.workload;
  const failed = (what: string, problem: Problem): void =>
    context.audit(
      'not-put-back',
      null,
      `${subject} on ${selfName()}: ${what}. ${problem.message} ${problem.next}`,
    );
  await hypervisorAnswers(context);
  const put = await hypervisor.setAutostart(uuid, spec.autostartBefore);
  if (!put.ok) failed('autostart could not be put back', put.problem);
  const pair = context.store.get(pairId);
  const missed = spec.autostartBefore && pair !== null && pair.notes.bootId !== bootId;
  if (!missed || isLive(context.vmState(uuid))) return;
  const started = await hypervisor.run(uuid);
  if (!started.ok) failed('it could not be started', started.problem);
}

/** The first protection of a machine: *VM -> standby*, nothing of it stays when it fails. */
export function protectOrder(context: PairContext): TaskDefinition<ProtectData> {
  return {
    kind: 'protect',
    data: ProtectData,
    steps: [
      {
        id: 'pair',
        label: (data) => `Write down that ${data.standbyName} stands by for ${data.subject}`,
        cancellable: true,
        async run(data) {
          const record = firstRecord(data.pairId, context.self, context.now());
          await context.store.change(
            data.pairId,
            (known) =>
              known ?? {
                spec: data.spec,
                record,
                notes: { ...freshNotes(context.deps.bootId), wantRunning: true, image: 'complete' },
              },
          );
          must(await context.deps.hypervisor.setAutostart(data.spec.workload.uuid, false));
        },
      },
      ...copySteps<ProtectData>(context, { needsDefinition: true }),
    ],
    async undo(data, problem: Problem) {
      // Once both agreed the standby may have taken over: taking the protection back would let two copies start.
      // The mirror, or what is left of it, is then the pair's own affair.
      if (everAgreed(context, data.pairId)) {
        context.audit(
          'protect-kept',
          context.pair(data.pairId),
          `${data.subject} stays protected: ${problem.message}`,
        );
        return;
      }
      await context.deps.source.end(data.pairId);
      await leaveAsBefore(context, data);
      await forgetPair(context, data.pairId);
      context.audit('protect-undone', null, `${data.subject} is not protected: ${problem.message}`);
    },
  };
}

/** Ends protection: the machine goes on where it runs, as it was before. */
export function unprotectOrder(context: PairContext): TaskDefinition<CopyData> {
  return {
    kind: 'unprotect',
    data: CopyData,
    steps: [
      {
        id: 'end-mirror',
        label: (data) => `Stop copying ${data.subject}`,
        cancellable: false,
        run: async (data) => void must(await context.deps.source.end(data.pairId)),
      },
      {
        id: 'autostart',
        label: (data) => `Put back how ${data.subject} starts with its host`,
        cancellable: false,
        async run(data, io) {
          const pair = context.store.get(data.pairId);
          if (!pair) return;
          const put = await context.deps.hypervisor.setAutostart(
            pair.spec.workload.uuid,
            pair.spec.autostartBefore,
          );
          // A machine undefined meanwhile has no autostart to put back; that must not keep its protection alive.
          if (!put.ok) io.note(put.problem.message);
        },
      },
      {
        id: 'forget',
        label: (data) => `Delete the copy on ${data.standbyName}`,
        cancellable: false,
        async run(data, io) {
          await forgetPair(context, data.pairId);
          if (context.store.get(data.pairId))
            io.note(`${data.standbyName} does not answer; it is told when it returns.`);
        },
      },
    ],
  };
}

/** Copies anew to the other member: after a break, after a change of sides, or over a quarantined copy. */
export function resyncOrder(context: PairContext): TaskDefinition<CopyData> {
  return {
    kind: 'resync',
    data: CopyData,
    steps: [
      {
        id: 'ask',
        label: (data) => `Ask ${data.standbyName} what it holds`,
        cancellable: true,
        async run(data) {
          const pair = must(await context.exchange(data.pairId));
          if (!context.isOwner(pair)) {
            must({
              ok: false,
              problem: {
                kind: 'record-older',
                message: `${data.subject} belongs to ${context.nameOf(pair.record.owner)} meanwhile.`,
                next: 'Look at the map again.',
              },
            });
          }
        },
      },
      ...copySteps<CopyData>(context),
    ],
    undo: (data) => abandonCopy(context, data.pairId),
  };
}
