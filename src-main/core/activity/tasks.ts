import { randomUUID } from 'node:crypto';
import { ProblemError } from '../../../agent/protocol/index.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { unwrap } from '../orders/orders.ts';
import type { AuditService } from './audit.ts';

/** Cancels a running task at the agent that carries it out. */
export async function cancelTask(
  deps: { fleet: Fleet; audit: AuditService; operator: () => string },
  taskId: string,
): Promise<void> {
  const host = deps.fleet.hosts().find((entry) => entry.tasks.has(taskId));
  const task = host?.tasks.get(taskId);
  if (host === undefined || task === undefined) {
    throw new ProblemError({
      kind: 'no-such-task',
      message: 'No host knows this task any more.',
      next: 'Look at Activity for what is running.',
    });
  }
  deps.audit.write({
    event: 'task-cancel-ordered',
    pairId: task.pairId,
    text: `Cancel of "${task.kind} ${task.subject}" ordered from ${host.record.name}.`,
  });
  const order = { requestId: randomUUID(), actor: deps.operator(), taskId };
  unwrap(await host.link.call('task.cancel', order));
}
