import type { FleetSnapshot } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';
import { to } from '../../lib/router.ts';
import type { Entry } from './entry.ts';

/** What runs and can be stopped: the place where that is asked. */
export function taskEntries({ tasks }: FleetSnapshot): Entry[] {
  return Object.values(tasks)
    .filter(({ task }) => task.state === 'running' && task.cancellable)
    .map(({ task }) => ({
      href: to.activity(task.pairId),
      label: m.palette.stop(m.activity.task(m.pairs.taskKind[task.kind], task.subject)),
      kind: m.palette.kinds.action,
      detail: '',
      words: m.palette.also.stop ?? '',
    }));
}
