import type { Task, TaskKind } from '../protocol/index.ts';
import type { Order } from '../tasks/runner.ts';
import { must, type PairContext } from './context.ts';
import { OWN_ORDER } from './healer.ts';
import type { CopyData } from './orders/copy.ts';
import type { StoredPair } from './store.ts';

/** The task of an order that came before: a repeated request is carried out once. */
export const alreadyGiven = (context: PairContext, requestId: string): Task | undefined =>
  context.tasks.list().find((task) => task.id === requestId);

/** Steps that copy carry this; `overQuarantine` only by a person's order. */
export const copyData = (context: PairContext, pair: StoredPair, overQuarantine: boolean): CopyData => ({
  pairId: pair.spec.pairId,
  subject: pair.spec.workload.name,
  standbyName: context.nameOf(context.other(pair.spec)),
  overQuarantine,
  remote: null,
});

/** A copy that is recorded as in sync is only tidying up: an order given on seeing it waits for that, instead of being refused. */
async function afterCopy(context: PairContext, pairId: string): Promise<void> {
  const task = context.tasks.running(pairId);
  const copies = task?.kind === 'protect' || task?.kind === 'resync' || task?.kind === 'replace-standby';
  if (task && copies && context.pair(pairId).record.replica.state === 'in-sync')
    await context.tasks.settled(task.id);
}

/** What the agent began of its own accord makes way for a person's order. */
async function makeWay(context: PairContext, pairId: string): Promise<void> {
  const task = context.tasks.running(pairId);
  if (!task?.id.startsWith(OWN_ORDER)) return;
  // Past the point where it could be cancelled it is about to end.
  context.tasks.cancel(task.id);
  await context.tasks.settled(task.id);
}

/** A person's order for a pair of this host. Throws ProblemError. */
export async function giveOrder(context: PairContext, kind: TaskKind, order: Order<unknown>): Promise<Task> {
  await afterCopy(context, order.pairId);
  await makeWay(context, order.pairId);
  let given = await context.tasks.order<unknown>(kind, order);
  // The agent may have begun something of its own since it made way.
  for (let tries = 0; !given.ok && tries < 3; tries++) {
    await makeWay(context, order.pairId);
    given = await context.tasks.order<unknown>(kind, order);
  }
  return must(given);
}
