import { X509Certificate } from 'node:crypto';
import {
  type AgentState,
  type ConsoleApi,
  type Hello,
  type HostRole,
  ok,
  type Peer,
  type Problem,
  type Result,
} from '../../../agent/protocol/index.ts';
import type { Caller } from '../../../agent/rpc/index.ts';
import type { FleetAuthorities, ValueStore } from '../certificates/authorities.ts';
import type { FleetAuthority } from '../certificates/authority.ts';
import { agreed, issuers, missing, type Trust, unexpired } from '../certificates/trust.ts';
import { OtherConsoles } from './other-consoles.ts';

export interface Enrolment {
  hostId: string;
  fleetId: string;
  name: string;
  /** Where it stands; left out: as the host itself has it. */
  site?: string;
  role: HostRole;
  /** The other members. */
  peers: Peer[];
  /** By which the other members reach it. */
  addresses: string[];
}

export interface EnrolmentsOptions {
  authorities: FleetAuthorities;
  values: ValueStore;
  now: () => number;
  /** Told when a renewal fails; it is tried again at the next greeting. And of other consoles' authorities. */
  report: (problem: Problem) => void;
  /** Who orders, for the agents' audit logs. */
  operator?: () => string;
}

/** Of a certificate's 398 days: renewed while there is time for a host that is away. */
const RENEW_BEFORE_MS = 98 * 86_400_000;

interface Greeted {
  agent: Caller<ConsoleApi>;
  hello: Hello;
  state: AgentState;
  /** What it believes, as it last said; null before that. */
  trust: Trust | null;
}

/**
 * Gives hosts their place in the fleet (key made on the host, certificate signed here, CAs to trust, members) and keeps
 * it valid. A CA that begins here is first made known to the hosts, beside those they believe already, and only then
 * signs anything: several consoles, or a new laptop in the place of a lost one, thus have one fleet and no host is shut
 * out. What a host proves itself with is replaced only when it grows old.
 */
export class Enrolments {
  readonly #options: EnrolmentsOptions;
  readonly #greeted = new Map<string, Greeted>();
  readonly #others: OtherConsoles;

  constructor(options: EnrolmentsOptions) {
    this.#options = options;
    this.#others = new OtherConsoles(options);
  }

  async enrol(agent: Caller<ConsoleApi>, enrolment: Enrolment): Promise<Result<void>> {
    const { fleetId, hostId } = enrolment;
    const authority = await this.#options.authorities.open(fleetId);
    const others = await this.#introduce(fleetId, hostId, authority);
    const own = this.#greeted.get(hostId)?.trust?.trustedCas ?? [];
    const fleets = [
      ...this.#others.joined(fleetId),
      ...(others.length > 1 ? agreed(others) : issuers(others)),
    ];
    const trustedCas = this.#each([...authority.trustedCas(), ...fleets, ...own]);
    return enrolWith({ authority, agent, enrolment, trustedCas });
  }

  /** At every greeting: the moment at which a host that was away can be brought up to date. */
  onGreeted(agent: Caller<ConsoleApi>, hello: Hello, state: AgentState): void {
    if (hello.hostId === null || hello.fleetId === null) return;
    const trust = this.#greeted.get(hello.hostId)?.trust ?? null;
    const greeted = { agent, hello, state, trust };
    this.#greeted.set(hello.hostId, greeted);
    void this.#bringUpToDate(hello.hostId, hello.fleetId, greeted);
  }

  async #bringUpToDate(hostId: string, fleetId: string, greeted: Greeted): Promise<void> {
    const authority = await this.#options.authorities.atHand(fleetId);
    const trust = await this.#ask(greeted, authority === null ? [] : authority.trustedCas());
    // A link that has ended meanwhile is no news: the next greeting comes here again.
    if (trust === null) return;
    this.#others.look(fleetId, greeted.hello.name, trust);
    const others = this.#members(fleetId, hostId).flatMap((each) => each.trust ?? []);
    const fleets = this.#each([...this.#others.joined(fleetId), ...agreed(others)]);
    const lacking = missing(trust.trustedCas, fleets);
    if (lacking.length > 0) await this.#ask(greeted, lacking);
    if (authority !== null && this.#isOld(trust)) await this.#renew(hostId, fleetId, greeted);
  }

  async #renew(hostId: string, fleetId: string, { agent, hello, state }: Greeted): Promise<void> {
    const peers = await agent.call('agent.peers', {});
    if (!peers.ok) return;
    const { name, role } = hello;
    const { addresses } = state.facts;
    const enrolment = { hostId, fleetId, name, role, addresses, peers: peers.value.peers };
    const renewed = await this.enrol(agent, enrolment);
    if (!renewed.ok && renewed.problem.kind !== 'link-closed') this.#options.report(renewed.problem);
  }

  /** Makes this console's CAs known to the other members that answer; what they believe then. */
  async #introduce(fleetId: string, hostId: string, authority: FleetAuthority): Promise<Trust[]> {
    const asked = this.#members(fleetId, hostId).map((each) => this.#ask(each, authority.trustedCas()));
    return (await Promise.all(asked)).flatMap((trust) => trust ?? []);
  }

  #members(fleetId: string, except: string): Greeted[] {
    return [...this.#greeted]
      .filter(([hostId, { hello }]) => hostId !== except && hello.fleetId === fleetId)
      .map(([, greeted]) => greeted);
  }

  /** What this host believes once it was told of `add`; null when it does not answer. */
  async #ask(greeted: Greeted, add: string[]): Promise<Trust | null> {
    const actor = this.#options.operator?.() ?? 'console';
    const answer = await greeted.agent.call('agent.trust', { add, actor });
    if (!answer.ok) {
      if (answer.problem.kind === 'authority-refused') this.#options.report(answer.problem);
      return null;
    }
    greeted.trust = answer.value;
    return answer.value;
  }

  /** Once each, without those that have expired. */
  #each(cas: string[]): string[] {
    return missing([], unexpired(cas, this.#options.now()));
  }

  #isOld({ certificate }: Trust): boolean {
    try {
      const left = Date.parse(new X509Certificate(certificate).validTo) - this.#options.now();
      return left < RENEW_BEFORE_MS;
    } catch {
      return true;
    }
  }
}

interface Enrolling {
  authority: FleetAuthority;
  agent: Caller<ConsoleApi>;
  enrolment: Enrolment;
  trustedCas: string[];
}

async function enrolWith({ authority, agent, enrolment, trustedCas }: Enrolling): Promise<Result<void>> {
  const { hostId, fleetId, name, site, role, peers, addresses } = enrolment;
  const request = await agent.call('agent.certificateRequest', { hostId, fleetId });
  if (!request.ok) return request;
  const certificate = await authority.certificateFor({ csr: request.value.csr, hostId, addresses });
  if (!certificate.ok) return certificate;
  const identity = { hostId, fleetId, name, site, role, certificate: certificate.value, trustedCas };
  const enrolled = await agent.call('agent.enrol', { ...identity, peers });
  return enrolled.ok ? ok(undefined) : enrolled;
}
