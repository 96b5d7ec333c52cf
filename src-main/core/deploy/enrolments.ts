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

export interface Enrolment {
  hostId: string;
  fleetId: string;
  name: string;
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
  /** Told when a renewal fails; it is tried again at the next greeting. */
  report: (problem: Problem) => void;
}

/** Of a certificate's 398 days: renewed while there is time for a host that is away. */
const RENEW_AFTER_MS = 300 * 86_400_000;

interface Greeted {
  agent: Caller<ConsoleApi>;
  hello: Hello;
  state: AgentState;
}

/**
 * Gives hosts their place in the fleet (key made on the host, certificate signed here, CAs to trust, members) and
 * keeps it valid: enrols anew when the CA has begun a new generation or the certificate grows old.
 */
export class Enrolments {
  readonly #options: EnrolmentsOptions;
  readonly #greeted = new Map<string, Greeted>();

  constructor(options: EnrolmentsOptions) {
    this.#options = options;
    options.authorities.onNewGeneration((fleetId) => this.#renewAll(fleetId));
  }

  async enrol(agent: Caller<ConsoleApi>, enrolment: Enrolment): Promise<Result<void>> {
    const authority = await this.#options.authorities.open(enrolment.fleetId);
    const enrolled = await enrolWith(authority, agent, enrolment);
    if (enrolled.ok) this.#note(enrolment.hostId, authority);
    return enrolled;
  }

  /** At every greeting: the moment at which a host that was away can be brought up to date. */
  onGreeted(agent: Caller<ConsoleApi>, hello: Hello, state: AgentState): void {
    if (hello.hostId === null || hello.fleetId === null) return;
    const greeted = { agent, hello, state };
    this.#greeted.set(hello.hostId, greeted);
    void this.#renewIfDue(hello.hostId, hello.fleetId, greeted);
  }

  #renewAll(fleetId: string): void {
    for (const [hostId, greeted] of this.#greeted) {
      if (greeted.hello.fleetId === fleetId) void this.#renewIfDue(hostId, fleetId, greeted);
    }
  }

  async #renewIfDue(hostId: string, fleetId: string, { agent, hello, state }: Greeted): Promise<void> {
    const authority = await this.#options.authorities.atHand(fleetId);
    if (authority === null || this.#isCurrent(hostId, authority)) return;
    const peers = await agent.call('agent.peers', {});
    // A link that has ended meanwhile is no news: the next greeting comes here again.
    if (!peers.ok) return;
    const { name, role } = hello;
    const { addresses } = state.facts;
    const enrolment = { hostId, fleetId, name, role, addresses, peers: peers.value.peers };
    const renewed = await this.enrol(agent, enrolment);
    if (!renewed.ok && renewed.problem.kind !== 'link-closed') this.#options.report(renewed.problem);
  }

  #isCurrent(hostId: string, authority: FleetAuthority): boolean {
    const noted = this.#options.values.get(noteKey(hostId));
    if (typeof noted !== 'object' || noted === null || !('by' in noted) || !('at' in noted)) return false;
    if (noted.by !== authority.generation || typeof noted.at !== 'number') return false;
    return this.#options.now() - noted.at < RENEW_AFTER_MS;
  }

  #note(hostId: string, authority: FleetAuthority): void {
    this.#options.values.put(noteKey(hostId), { by: authority.generation, at: this.#options.now() });
  }
}

const noteKey = (hostId: string): string => `enrolled:${hostId}`;

async function enrolWith(
  authority: FleetAuthority,
  agent: Caller<ConsoleApi>,
  enrolment: Enrolment,
): Promise<Result<void>> {
  const { hostId, fleetId, name, role, peers, addresses } = enrolment;
  const request = await agent.call('agent.certificateRequest', { hostId, fleetId });
  if (!request.ok) return request;
  const certificate = await authority.certificateFor({ csr: request.value.csr, hostId, addresses });
  if (!certificate.ok) return certificate;
  const enrolled = await agent.call('agent.enrol', {
    hostId,
    fleetId,
    name,
    role,
    certificate: certificate.value,
    trustedCas: authority.trustedCas(),
    peers,
  });
  return enrolled.ok ? ok(undefined) : enrolled;
}
