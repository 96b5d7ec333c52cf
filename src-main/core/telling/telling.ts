import { randomUUID } from 'node:crypto';
import {
  type Channel,
  compareRevision,
  ProblemError,
  type Result,
  type SecretsChange,
  TELLING_DEFAULTS,
  type TellingRevision,
  type TellingSettings,
  type TellingView,
  tellingProblem,
} from '../../../agent/protocol/index.ts';
import type { TellingOverview } from '../../contract/index.ts';
import type { AuditService } from '../activity/audit.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { HostEntry } from '../fleet/host-entry.ts';
import { unwrap } from '../orders/orders.ts';

const MESSAGES_SHOWN = 30;

interface Asked {
  host: HostEntry;
  /** Null: it does not answer, or knows nothing of telling. */
  view: TellingView | null;
}

/**
 * Whom the fleet tells what happens. The agents keep it and do it: this console holds none of the secrets, it only passes
 * them on when they are typed.
 */
export class TellingService {
  readonly #fleet: Fleet;
  readonly #audit: AuditService;
  readonly #operator: () => string;

  constructor(deps: { fleet: Fleet; audit: AuditService; operator: () => string }) {
    this.#fleet = deps.fleet;
    this.#audit = deps.audit;
    this.#operator = deps.operator;
  }

  async overview(): Promise<TellingOverview> {
    return joined(await this.#askAll());
  }

  /**
   * Given to the agent that has the newest; it gives it to the others. Throws ProblemError: what the settings cannot be,
   * `telling-changed` when somebody else was quicker, or why no agent took them.
   */
  async set(order: {
    base: TellingRevision | null;
    settings: TellingSettings;
    secrets: SecretsChange;
  }): Promise<TellingOverview> {
    const asked = await this.#askAll();
    const best = bestOf(asked);
    if (best === null) throw new ProblemError(NOBODY);
    const problem = tellingProblem(order.settings, { password: hasPassword(best.view, order.secrets) });
    if (problem) throw new ProblemError(problem);
    this.#audit.write({ event: 'telling-ordered', text: 'Another way of telling people was ordered.' });
    const taken = unwrap(await best.host.link.call('telling.set', { ...this.#order(), ...order }));
    return joined(asked.map((each) => (each.host === best.host ? { ...each, view: taken } : each)));
  }

  /** Sends a test from that host, by settings that need not be kept. */
  async test(order: {
    hostId: string;
    channel: Channel;
    settings: TellingSettings;
    secrets: SecretsChange;
  }): Promise<{ answer: string; tookMs: number }> {
    const { hostId, ...what } = order;
    const host = unwrap(this.#fleet.find(hostId));
    const sent = unwrap(await host.link.call('telling.test', { ...this.#order(), ...what }));
    if (sent.problem) throw new ProblemError(sent.problem);
    return { answer: sent.answer, tookMs: sent.tookMs };
  }

  #order(): { requestId: string; actor: string } {
    return { requestId: randomUUID(), actor: this.#operator() };
  }

  #askAll(): Promise<Asked[]> {
    return Promise.all(
      this.#fleet.hosts().map(async (host) => {
        if (host.reach !== 'answers') return { host, view: null };
        const answer: Result<TellingView> = await host.link.call('telling.get', {});
        return { host, view: answer.ok ? answer.value : null };
      }),
    );
  }
}

const hasPassword = (view: TellingView, { password }: SecretsChange): boolean =>
  password === undefined ? view.has.password : password !== null && password !== '';

/** The agent with the newest settings. */
function bestOf(asked: Asked[]): { host: HostEntry; view: TellingView } | null {
  let best: { host: HostEntry; view: TellingView } | null = null;
  for (const { host, view } of asked)
    if (view && (best === null || compareRevision(view.revision, best.view.revision) > 0))
      best = { host, view };
  return best;
}

function joined(asked: Asked[]): TellingOverview {
  const best = bestOf(asked)?.view ?? null;
  const messages = asked.flatMap(({ host, view }) =>
    (view?.messages ?? []).map((message) => ({
      ...message,
      hostId: host.record.id,
      hostName: host.record.name,
    })),
  );
  return {
    revision: best?.revision ?? null,
    settings: best?.settings ?? TELLING_DEFAULTS,
    has: best?.has ?? { password: false, headerValue: false, signingKey: false },
    hosts: asked.map(({ host, view }) => ({
      hostId: host.record.id,
      name: host.record.name,
      current: view && compareRevision(view.revision, best?.revision ?? null) === 0,
      trouble: host.facts?.telling?.trouble ?? null,
      waiting: view?.waiting ?? [],
    })),
    messages: messages.sort((a, b) => b.at - a.at).slice(0, MESSAGES_SHOWN),
    simulated: asked.some(({ view }) => view?.simulated === true),
  };
}

const NOBODY = {
  kind: 'nobody-tells',
  message: 'No host answers whose agent could tell anybody.',
  next: 'Add a host, or wait until one answers.',
};
