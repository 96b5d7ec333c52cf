import { randomUUID } from 'node:crypto';
import { type CopyLimit, limitProblem, ProblemError } from '../../../agent/protocol/index.ts';
import type { AuditService } from '../activity/audit.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { unwrap } from '../orders/orders.ts';

/** How fast hosts send copies: one limit for all copies of a host together. */
export class CopyLimits {
  readonly #fleet: Fleet;
  readonly #audit: AuditService;
  readonly #operator: () => string;

  constructor(deps: { fleet: Fleet; audit: AuditService; operator: () => string }) {
    this.#fleet = deps.fleet;
    this.#audit = deps.audit;
    this.#operator = deps.operator;
  }

  /** All of them are asked; throws the first one's ProblemError that refuses or does not answer. */
  async set({ hostIds, limit }: { hostIds: string[]; limit: CopyLimit }): Promise<void> {
    const problem = limitProblem(limit);
    if (problem) throw new ProblemError(problem);
    const hosts = hostIds.map((hostId) => unwrap(this.#fleet.find(hostId)));
    const names = hosts.map(({ record }) => record.name).join(', ');
    this.#audit.write({
      event: 'limits-ordered',
      text: `Another limit for the copies of ${names}: ordered.`,
    });
    const answers = await Promise.all(
      hosts.map((host) =>
        host.link.call('host.limits', { requestId: randomUUID(), actor: this.#operator(), limit }),
      ),
    );
    for (const answer of answers) unwrap(answer);
  }
}
