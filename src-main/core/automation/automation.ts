import { type Problem, problemOf, type Result } from '../../../agent/protocol/index.ts';
import type { AutomationChange, PairOutcome, PairView, Scope } from '../../contract/index.ts';
import type { AuditService } from '../activity/audit.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { HostEntry } from '../fleet/host-entry.ts';
import { judgesItself } from '../protect/protect.ts';
import type { OwnWitness } from '../witness/own-witness.ts';
import { changeInWords } from './words.ts';

export interface AutomationDeps {
  fleet: Fleet;
  audit: AuditService;
  /** This workstation, when it is the one chosen. */
  witness: OwnWitness;
  operator: () => string;
  now: () => number;
}

/** Answers after which the other member may be asked for the same: the order changes nothing twice. */
const UNREACHED = new Set(['deadline', 'link-closed', 'host-offline', 'cancelled']);

/** What pairs may do by themselves: policy, pause, maintenance, lease length, witness. Carried out pair by pair. */
export class AutomationService {
  readonly #deps: AutomationDeps;

  constructor(deps: AutomationDeps) {
    this.#deps = deps;
  }

  async set(order: {
    requestId: string;
    scope: Scope;
    change: AutomationChange;
  }): Promise<{ outcomes: PairOutcome[] }> {
    const pairs = this.#pairsIn(order.scope);
    const what = changeInWords(order.change, this.#deps.now());
    return this.#each(pairs, 'automation-set', what, (pair, index) =>
      this.#toAnyMember(pair, (host) =>
        host.link.call('pair.settings', {
          requestId: `${order.requestId}-${index}`.slice(-64),
          actor: this.#deps.operator(),
          pairId: pair.id,
          change: order.change,
        }),
      ),
    );
  }

  async setWitness(order: {
    requestId: string;
    pairIds: string[];
    witness: string | null;
  }): Promise<{ outcomes: PairOutcome[] }> {
    const { witness } = order;
    const name = witness === null ? 'none' : this.#deps.fleet.nameOf(witness);
    const pairs = this.#pairsIn({ kind: 'pairs', pairIds: order.pairIds });
    return this.#each(pairs, 'witness-set', `witness: ${name}`, async (pair, index) => {
      if (witness === pair.primary || witness === pair.standby) return judgesItself(name);
      const owner = this.#deps.fleet.get(pair.primary);
      if (owner?.reach !== 'answers') return notReached(pair, this.#deps.fleet.nameOf(pair.primary));
      const unreachable = await this.#attachOwn(pair, witness);
      if (unreachable) return unreachable;
      const answer = await owner.link.call('pair.witness', {
        requestId: `${order.requestId}-${index}`.slice(-64),
        actor: this.#deps.operator(),
        pairId: pair.id,
        witness,
      });
      return answer.ok ? null : answer.problem;
    });
  }

  /** Both members must know the way to this workstation before one of them asks for its vote. */
  async #attachOwn(pair: PairView, witness: string | null): Promise<Problem | null> {
    const own = this.#deps.witness;
    if (witness !== own.identity.hostId) return null;
    try {
      await own.attachTo(pair);
      return null;
    } catch (error) {
      return problemOf(error);
    }
  }

  /** The fleet's pairs as they are now, by name. */
  #pairsIn(scope: Scope): PairView[] {
    const all = this.#deps.fleet.pairs().sort((a, b) => a.name.localeCompare(b.name, 'en'));
    if (scope.kind === 'fleet') return all;
    if (scope.kind === 'pairs') return all.filter((pair) => scope.pairIds.includes(pair.id));
    return all.filter((pair) => pair.primary === scope.hostId || pair.standby === scope.hostId);
  }

  /** Written down before it is sent, and again with what came of it. */
  async #each(
    pairs: PairView[],
    event: string,
    what: string,
    give: (pair: PairView, index: number) => Promise<Problem | null>,
  ): Promise<{ outcomes: PairOutcome[] }> {
    const { audit } = this.#deps;
    const outcomes = pairs.map(async (pair, index): Promise<PairOutcome> => {
      audit.write({ event: `${event}-ordered`, pairId: pair.id, text: `${pair.name}: ${what} ordered.` });
      const problem = await give(pair, index);
      if (problem) {
        const text = `${pair.name}: ${what} was refused. ${problem.message}`;
        audit.write({ event: 'order-refused', pairId: pair.id, text });
      }
      return { pairId: pair.id, name: pair.name, problem };
    });
    return { outcomes: await Promise.all(outcomes) };
  }

  /** The owner first; the other one when the owner cannot be reached. */
  async #toAnyMember(
    pair: PairView,
    ask: (host: HostEntry) => Promise<Result<unknown>>,
  ): Promise<Problem | null> {
    const { fleet } = this.#deps;
    let last: Problem | null = null;
    for (const hostId of [pair.primary, pair.standby]) {
      const host = fleet.get(hostId);
      if (host?.reach !== 'answers') continue;
      const answer = await ask(host);
      if (answer.ok) return null;
      last = answer.problem;
      if (!UNREACHED.has(answer.problem.kind)) return last;
    }
    return last ?? notReached(pair, `${fleet.nameOf(pair.primary)} and ${fleet.nameOf(pair.standby)}`);
  }
}

function notReached(pair: PairView, who: string): Problem {
  const verb = who.includes(' and ') ? 'do' : 'does';
  return {
    kind: 'host-offline',
    message: `${who} ${verb} not answer this console, so nothing was changed for ${pair.name}.`,
    next: 'Try again when the host answers.',
  };
}
