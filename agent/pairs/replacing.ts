import { type Check, type HostId, type Problem, ProblemError, type Task } from '../protocol/index.ts';
import { refuseForeign } from './automation.ts';
import { type ProtectPlan, planProtection } from './checks.ts';
import type { PairContext } from './context.ts';
import { coordinatedModeOf } from './coordinated/mode.ts';
import { alreadyGiven, copyData, giveOrder } from './ordering.ts';
import type { PairsService } from './service.ts';
import type { StoredPair } from './store.ts';

type Handlers = PairsService['consoleHandlers'];

export const witnessOf = ({ record }: Pick<StoredPair, 'record'>): HostId | null =>
  record.voters.find((voter) => !record.members.includes(voter)) ?? null;

/** What speaks against that host whatever it may answer. */
function unfit(context: PairContext, pair: StoredPair, standby: HostId): Problem | null {
  const name = context.nameOf(standby);
  const machine = pair.spec.workload.name;
  if (coordinatedModeOf(pair))
    return {
      kind: 'keeper-fixed',
      message: `The copy of ${machine} is not kept by us: where it lies, its storage or its replication decides.`,
      next: `End its protection, and protect it anew by ${name}.`,
      field: 'standby',
    };
  if (pair.record.members.includes(standby))
    return {
      kind: 'standby-is-member',
      message: `${name} keeps ${machine} already.`,
      next: 'Choose another host, or copy anew if the copy there is the trouble.',
      field: 'standby',
    };
  if (standby === witnessOf(pair))
    return {
      kind: 'standby-is-witness',
      message: `${name} is the witness of ${machine}: it decides between its two hosts.`,
      next: `Choose another witness first, or another host for the copy.`,
      field: 'standby',
    };
  if (context.deps.peers.get(standby) === null)
    return {
      kind: 'standby-unknown',
      message: `${context.deps.selfName()} knows no such host.`,
      next: 'Add the host to the fleet first, with its agent.',
      field: 'standby',
    };
  if (pair.record.begun) return null;
  return {
    kind: 'not-begun',
    message: `${machine} is just changing sides.`,
    next: 'Wait until it runs, then order it again.',
  };
}

/** Its vote makes the majority that lets the old standby go, and it votes again afterwards. */
function witnessAnswers(context: PairContext, pair: StoredPair): Check[] {
  const witness = witnessOf(pair);
  if (witness === null) return [];
  const name = context.nameOf(witness);
  const answers = context.deps.peers.sight(witness)?.reachable === true;
  return [
    {
      id: 'witness-answers',
      state: answers ? 'ok' : 'failed',
      host: context.deps.selfName(),
      title: 'Its witness',
      message: answers
        ? `${name} answers: its vote is needed for the change.`
        : `${name} does not answer: its vote is needed for the change.`,
      next: answers ? '' : `Bring ${name} back, or choose another witness first.`,
    },
  ];
}

async function plan(context: PairContext, pairId: string, standby: HostId): Promise<ProtectPlan> {
  const pair = context.pair(pairId);
  refuseForeign(context, pair);
  const problem = unfit(context, pair, standby);
  if (problem) throw new ProblemError(problem);
  const planned = await planProtection(context, pair.spec.workload.uuid, standby, true);
  return { ...planned, checks: [...planned.checks, ...witnessAnswers(context, pair)] };
}

export async function checkStandby(
  context: PairContext,
  { pairId, standby }: Parameters<Handlers['pair.checkStandby']>[0],
): Promise<{ checks: Check[]; bytesToCopy: number }> {
  const { checks, bytesToCopy } = await plan(context, pairId, standby);
  return { checks, bytesToCopy };
}

/** Nothing has changed when it is refused. Throws ProblemError. */
export async function replaceStandby(
  context: PairContext,
  { requestId, actor, pairId, standby }: Parameters<Handlers['pair.replaceStandby']>[0],
): Promise<{ task: Task }> {
  const repeated = alreadyGiven(context, requestId);
  if (repeated) return { task: repeated };
  const { checks, definition, paths } = await plan(context, pairId, standby);
  const failed = checks.find((check) => check.state === 'failed');
  if (failed)
    throw new ProblemError({
      kind: `check-${failed.id}`,
      message: `${failed.host}: ${failed.message}`,
      next: failed.next,
    });
  const pair = context.pair(pairId);
  const old = context.other(pair.spec);
  const names = { old: context.nameOf(old), standby: context.nameOf(standby) };
  const subject = pair.spec.workload.name;
  const task = await giveOrder(context, 'replace-standby', {
    id: requestId,
    pairId,
    subject,
    by: actor,
    data: {
      ...copyData(context, pair, false),
      standbyName: names.standby,
      standby,
      old,
      oldName: names.old,
      witness: witnessOf(pair),
      paused: pair.record.paused,
      paths,
      definition: context.deps.hypervisor.withDisks(definition.text, paths),
    },
  });
  context.audit(
    'replace-standby-ordered',
    pair,
    `${actor} makes ${names.standby} the standby of ${subject} in place of ${names.old}.`,
    undefined,
    actor,
  );
  return { task };
}
