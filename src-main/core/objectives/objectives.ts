import { randomUUID } from 'node:crypto';
import {
  DRILL_DEFAULTS,
  type Objectives,
  objectivesProblem,
  ProblemError,
  type RiskHistory,
} from '../../../agent/protocol/index.ts';
import type { JoinedRisk, PairView } from '../../contract/index.ts';
import type { AuditService } from '../activity/audit.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { unwrap } from '../orders/orders.ts';
import { measureOf } from '../pairs/objectives.ts';
import { riskFile } from './risk-export.ts';

/** What a failure may cost, and what it would have cost. */
export class ObjectivesService {
  readonly #fleet: Fleet;
  readonly #audit: AuditService;
  readonly #operator: () => string;
  readonly #now: () => number;

  constructor(deps: { fleet: Fleet; audit: AuditService; operator: () => string; now: () => number }) {
    this.#fleet = deps.fleet;
    this.#audit = deps.audit;
    this.#operator = deps.operator;
    this.#now = deps.now;
  }

  /** Throws ProblemError: what the targets cannot be, or why the owner's agent was not told. */
  async set({ pairId, objectives }: { pairId: string; objectives: Objectives }): Promise<void> {
    const problem = objectivesProblem(objectives);
    if (problem) throw new ProblemError(problem);
    const pair = unwrap(this.#fleet.pair(pairId));
    const host = unwrap(this.#fleet.find(pair.primary));
    const text = `${pair.name}: other targets of what a failure may cost ordered.`;
    this.#audit.write({ event: 'objectives-ordered', pairId, text });
    const order = { requestId: randomUUID(), actor: this.#operator(), pairId, objectives };
    unwrap(await host.link.call('pair.objectives', order));
  }

  async history(pairId: string): Promise<JoinedRisk> {
    const pair = unwrap(this.#fleet.pair(pairId));
    const members = [pair.primary, pair.standby];
    const told = await Promise.all(members.map((hostId) => this.#ask(hostId, pairId)));
    return joined(
      pair,
      members.map((hostId, index) => ({ hostId, history: told[index] ?? null })),
    );
  }

  async exported(pairId: string, format: 'csv' | 'json'): Promise<{ name: string; text: string }> {
    const pair = unwrap(this.#fleet.pair(pairId));
    const risk = await this.history(pairId);
    const nameOf = (hostId: string): string => this.#fleet.nameOf(hostId);
    return riskFile({ pair, risk, nameOf, now: this.#now() }, format);
  }

  async #ask(hostId: string, pairId: string): Promise<RiskHistory | null> {
    const host = this.#fleet.get(hostId);
    if (host?.reach !== 'answers') return null;
    const answer = await host.link.call('pair.riskHistory', { pairId });
    return answer.ok ? answer.value : null;
  }
}

/** Each host kept what it saw while it owned the machine; of one slot of time that both have, both are told. */
export function joined(
  pair: Pick<PairView, 'drill'>,
  members: readonly { hostId: string; history: RiskHistory | null }[],
): JoinedRisk {
  const check = (pair.drill?.settings ?? DRILL_DEFAULTS).check.kind;
  const of = (pick: 'minutes' | 'hours') =>
    members
      .flatMap(({ hostId, history }) =>
        (history?.[pick] ?? []).map((sample) => ({ ...sample, host: hostId })),
      )
      .sort((a, b) => a.at - b.at);
  const measures = [
    ...members.flatMap(({ history }) => history?.measures ?? []),
    ...(pair.drill?.results ?? []).flatMap((result) => measureOf(result, check) ?? []),
  ].sort((a, b) => b.at - a.at);
  return {
    ...{ minutes: of('minutes'), hours: of('hours'), measures },
    silent: members.filter(({ history }) => history === null).map(({ hostId }) => hostId),
  };
}
