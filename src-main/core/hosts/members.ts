import { randomUUID } from 'node:crypto';
import { ProblemError } from '../../../agent/protocol/index.ts';
import type { HostKeyOffer, Login } from '../../contract/index.ts';
import type { AuditService } from '../activity/audit.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { HostEntry } from '../fleet/host-entry.ts';
import { unwrap } from '../orders/orders.ts';
import type { HostAccess } from './access.ts';
import { type HostLogins, methodOf } from './logins.ts';
import type { PeerLists } from './peers.ts';
import * as problems from './problems.ts';

export interface MembersDeps {
  fleet: Fleet;
  access: HostAccess;
  logins: HostLogins;
  peers: PeerLists;
  audit: AuditService;
  operator: () => string;
}

/** Hosts already in the list: reconnect, trust a new key, rename, remove. */
export class HostMembers {
  readonly #deps: MembersDeps;

  constructor(deps: MembersDeps) {
    this.#deps = deps;
  }

  /** Tries now; a new log-in is kept only when it worked. */
  async reconnect(hostId: string, login: Login | null): Promise<void> {
    const { logins, fleet } = this.#deps;
    const host = unwrap(fleet.find(hostId));
    const target = await logins.target(host.record);
    unwrap(await host.link.retry(login === null ? target : { ...target, login }));
    if (login === null) return;
    await logins.keep(hostId, login, target.sudoPassword);
    fleet.update({ ...host.record, login: methodOf(login) });
  }

  async readKey(hostId: string, signal: AbortSignal): Promise<HostKeyOffer> {
    const { address, port } = unwrap(this.#deps.fleet.find(hostId)).record;
    return unwrap(await this.#deps.access.probe(address, port, signal));
  }

  /** Only the key the server shows now, and only when it is the one the person compared. */
  async trustKey(hostId: string, fingerprint: string, signal: AbortSignal): Promise<void> {
    const { access, logins, audit, fleet } = this.#deps;
    const host = unwrap(fleet.find(hostId));
    const { address, port, name } = host.record;
    const offer = await this.readKey(hostId, signal);
    if (offer.fingerprint !== fingerprint) {
      throw new ProblemError(problems.keyNotShown(name, offer.fingerprint));
    }
    access.trust(address, port, offer);
    audit.write({ event: 'host-key-trusted', text: `New host key of ${name} trusted: ${fingerprint}.` });
    unwrap(await host.link.retry(await logins.target(host.record)));
  }

  /** The host keeps its name itself: every console of the fleet calls it the same. */
  async rename(hostId: string, name: string, site: string): Promise<void> {
    const { fleet, peers, audit, operator } = this.#deps;
    const host = unwrap(fleet.find(hostId));
    const trimmed = name.trim();
    if (trimmed === '') throw new ProblemError(problems.nameMissing());
    const taken = fleet.hosts().some((other) => other !== host && other.record.name === trimmed);
    if (taken) throw new ProblemError(problems.nameTaken(trimmed));
    const order = { requestId: randomUUID(), actor: operator(), name: trimmed, site: site.trim() };
    const told = await host.link.call('agent.label', order);
    if (!told.ok) {
      const away = told.problem.kind === 'host-offline';
      throw new ProblemError(away ? problems.unreachableForName(host.record.name) : told.problem);
    }
    if (trimmed !== host.record.name) {
      audit.write({ event: 'host-renamed', text: `${host.record.name} renamed to ${trimmed}.` });
    }
    fleet.update({ ...host.record, name: trimmed, site: site.trim() });
    await peers.spread();
  }

  async remove(hostId: string, options: { evenIfUnreachable: boolean; keepHistory: boolean }): Promise<void> {
    const { fleet, logins, peers, audit } = this.#deps;
    const host = unwrap(fleet.find(hostId));
    this.#refuseWhilePairsLiveThere(host);
    const { name } = host.record;
    if (host.reach === 'answers') await this.#takeAgentOff(host, options.keepHistory);
    else if (!options.evenIfUnreachable) throw new ProblemError(problems.unreachableForRemoval(name));
    peers.markRemoved(hostId, true);
    await fleet.remove(hostId);
    await logins.forget(hostId);
    audit.write({ event: 'host-removed', text: `${name} removed from the list.` });
    await peers.spread();
  }

  #refuseWhilePairsLiveThere(host: HostEntry): void {
    const { id, name } = host.record;
    const all = this.#deps.fleet.pairs();
    const judged = all.filter((pair) => pair.automation.witness?.hostId === id).map((pair) => pair.name);
    if (judged.length > 0) throw new ProblemError(problems.isWitness(name, judged));
    const pairs = all.filter((pair) => pair.primary === id || pair.standby === id);
    if (pairs.length === 0) return;
    throw new ProblemError(
      problems.pairsLiveThere(
        name,
        pairs.map((pair) => pair.name),
      ),
    );
  }

  async #takeAgentOff(host: HostEntry, keepHistory: boolean): Promise<void> {
    const { access, logins, operator } = this.#deps;
    const order = { requestId: randomUUID(), actor: operator() };
    const { blockedBy } = unwrap(await host.link.call('agent.retire', order));
    if (blockedBy.length > 0) {
      // The console would have refused by itself what it sees: these are pairs of hosts that do not answer it.
      const seen = new Map(this.#deps.fleet.pairs().map((pair) => [pair.id, pair.name]));
      const named = blockedBy.map((pairId) => seen.get(pairId) ?? 'a machine that this console does not see');
      throw new ProblemError(problems.pairsLiveThere(host.record.name, [...new Set(named)]));
    }
    const { login, ...target } = await logins.target(host.record);
    if (login === null) throw new ProblemError(problems.secretUnknown(host.record.name));
    const session = unwrap(await access.open({ ...target, login }));
    try {
      unwrap(await session.uninstall({ keepHistory }));
    } finally {
      session.close();
    }
  }
}
