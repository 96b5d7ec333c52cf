import * as v from 'valibot';
import { ExportAddress, type MirrorStatus, type Problem, ProblemError } from '../../protocol/index.ts';
import type { Step, StepIo } from '../../tasks/runner.ts';
import { must, type PairContext } from '../context.ts';
import { isLive } from '../store.ts';
import { hypervisorAnswers } from '../waits.ts';

/** What the copying steps share, in every order that has them. */
export const CopyData = v.object({
  pairId: v.string(),
  standbyName: v.string(),
  subject: v.string(),
  /** A person ordered it over a quarantined copy. */
  overQuarantine: v.boolean(),
  remote: v.nullable(ExportAddress),
});
export type CopyData = v.InferOutput<typeof CopyData>;

const TERMINAL: MirrorStatus['state'][] = ['in-sync', 'broken', 'off', 'held'];

/** Resolves with the first terminal state of the mirror, telling progress on the way. */
function watchCopy(
  context: PairContext,
  pairId: string,
  io: StepIo,
  broken: () => Problem | null,
): Promise<MirrorStatus> {
  const { source, hypervisor } = context.deps;
  return new Promise((resolve, reject) => {
    const finish = (end: () => void): void => {
      unsubscribe();
      unwatch();
      io.signal.removeEventListener('abort', onAbort);
      end();
    };
    const see = (status: MirrorStatus): void => {
      const left = status.totalBytes - status.doneBytes;
      io.progress({
        doneBytes: status.doneBytes,
        totalBytes: status.totalBytes,
        rateBps: status.rateBps,
        remainingS: status.rateBps > 0 ? Math.ceil(left / status.rateBps) : null,
      });
      if (TERMINAL.includes(status.state)) finish(() => resolve(status));
    };
    const onAbort = (): void => finish(() => reject(new Error('aborted')));
    const unsubscribe = source.subscribe((id, status) => {
      if (id === pairId) see(status);
    });
    const look = (): void => {
      const problem = broken();
      if (problem) finish(() => reject(new ProblemError(problem)));
    };
    const unwatch = hypervisor.subscribe(look);
    io.signal.addEventListener('abort', onAbort);
    if (io.signal.aborted) onAbort();
    look();
    const now = source.status(pairId);
    if (now && TERMINAL.includes(now.state)) see(now);
  });
}

const copyBroke = (data: CopyData, cause: Problem | null): Problem =>
  cause ?? {
    kind: 'copy-broke',
    message: `The copy of ${data.subject} to ${data.standbyName} broke off.`,
    next: `Check ${data.standbyName} and the network between the two, then start the copy again.`,
  };

const notRunning = (context: PairContext, data: CopyData): Problem => ({
  kind: 'guest-stopped',
  message: `${data.subject} stopped on ${context.deps.selfName()} before its copy was complete.`,
  next: `Start ${data.subject}, then start the copy again.`,
});

const undefinedMeanwhile = (context: PairContext, data: CopyData): Problem => ({
  kind: 'vm-undefined',
  message: `${data.subject} was undefined on ${context.deps.selfName()} while it was copied; it runs on until it stops.`,
  next: `Define ${data.subject} there again (virsh define), then protect it again.`,
});

/** Prepare the standby, copy everything, record *in sync*: the steps every way into protection shares. */
export function copySteps<D extends CopyData>(
  context: PairContext,
  options: { needsDefinition: boolean } = { needsDefinition: false },
): Step<D>[] {
  const { source } = context.deps;
  return [
    {
      id: 'prepare',
      label: (data) => `Make room on ${data.standbyName}`,
      cancellable: true,
      async run(data) {
        await source.end(data.pairId);
        // The voters first: from the moment the old copy is touched nobody may take it for a whole one.
        await context.replicaIs(data.pairId, 'catching-up');
        const { spec } = context.pair(data.pairId);
        const chosen = context.nodes.chosen(data.pairId);
        if (chosen === null) throw new ProblemError(copyBroke(data, null));
        data.remote = must(
          await context.deps.peers
            .to(context.other(spec))
            .call('standby.prepare', { spec, chosen, overQuarantine: data.overQuarantine }),
        );
      },
    },
    {
      id: 'copy',
      label: (data) => `Copy the disks to ${data.standbyName}`,
      cancellable: true,
      async run(data, io) {
        const pair = context.pair(data.pairId);
        const peer = context.deps.peers.get(context.other(pair.spec));
        if (!peer || !data.remote) throw new ProblemError(context.unreachable(context.other(pair.spec)));
        const known = source.status(data.pairId);
        // After an agent restart the mirror may have gone on without us.
        if (!io.resumed || !known || known.state === 'broken' || known.state === 'off') {
          await hypervisorAnswers(context);
          if (!isLive(context.vmState(pair.spec.workload.uuid)))
            throw new ProblemError(notRunning(context, data));
          must(
            await source.mirror({
              pairId: data.pairId,
              vmUuid: pair.spec.workload.uuid,
              disks: context.disks(pair.spec, context.self),
              address: peer.address,
              remote: data.remote,
            }),
          );
        }
        const { uuid } = pair.spec.workload;
        const end = await watchCopy(context, data.pairId, io, () =>
          options.needsDefinition && context.isUndefined(uuid) && isLive(context.vmState(uuid))
            ? undefinedMeanwhile(context, data)
            : null,
        );
        if (end.state !== 'in-sync') throw new ProblemError(copyBroke(data, end.problem));
        io.note(
          `${Math.round(end.totalBytes / 2 ** 20)} MiB, ${pair.spec.disks.length} ${pair.spec.disks.length === 1 ? 'disk' : 'disks'}`,
        );
      },
    },
    {
      id: 'record',
      label: () => 'Record that both copies agree',
      cancellable: false,
      async run(data) {
        context.nodes.look(data.pairId);
        // The owner records it by itself once every write is on both sides (agent/lease/owner.ts).
        await context.until(
          data.pairId,
          (record) => record.replica.state === 'in-sync',
          () => {
            const status = source.status(data.pairId);
            return status?.state === 'in-sync' ? null : copyBroke(data, status?.problem ?? null);
          },
        );
        const pair = context.pair(data.pairId);
        const chosen = context.nodes.chosen(data.pairId);
        // A standby without a vote hears of it here, not only when it next asks.
        if (chosen)
          must(
            await context.deps.peers
              .to(context.other(pair.spec))
              .call('record.keep', { chosen, brandNew: false, spec: null }),
          );
        context.audit('in-sync', pair, `${data.subject} is in sync on ${data.standbyName}.`);
      },
    },
  ];
}

/** After a copy that did not end: the mirror is taken away and the record says that the replica is no good. */
export async function abandonCopy(context: PairContext, pairId: string): Promise<void> {
  await context.deps.source.end(pairId);
  const pair = context.store.get(pairId);
  if (!pair || !context.isOwner(pair)) return;
  if (pair.record.replica.state !== 'in-sync') await context.replicaIs(pairId, 'none');
}
