import type { AuditLog } from '../journal/audit.ts';
import {
  type ConsoleApi,
  type CopyLimit,
  type Handlers,
  limitProblem,
  ProblemError,
} from '../protocol/index.ts';
import type { Pace } from '../replication/pace.ts';

/** How fast this host sends copies, as a console orders it. */
export function limitHandlers({
  pace,
  audit,
}: {
  pace?: Pace;
  audit: AuditLog;
}): Pick<Handlers<ConsoleApi>, 'host.limits'> {
  return {
    'host.limits': async ({ actor, limit }) => {
      if (!pace)
        throw new ProblemError({
          kind: 'nothing-copied',
          message: 'This host sends no copies.',
          next: 'Set the limit on a host that runs machines.',
        });
      const problem = limitProblem(limit);
      if (problem) throw new ProblemError(problem);
      await pace.set(limit);
      const text = `${actor} limits the copies of this host: ${limitInWords(limit)}.`;
      audit.append({ actor, event: 'limits-set', text });
      return {};
    },
  };
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const rate = (mibPerS: number | null): string => (mibPerS === null ? 'no limit' : `${mibPerS} MiB/s`);

/** For the audit log. */
export function limitInWords({ mibPerS, hours }: CopyLimit): string {
  if (hours === null) return rate(mibPerS);
  const days = hours.days.map((day) => DAYS[day]).join(' ');
  return `${rate(mibPerS)}, ${days} from ${hours.from} to ${hours.to} h ${rate(hours.mibPerS)}`;
}
