import {
  type ConsoleApi,
  fail,
  type HostRole,
  ok,
  type Peer,
  type Result,
} from '../../../agent/protocol/index.ts';
import type { Caller } from '../../../agent/rpc/index.ts';
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

/**
 * Gives an agent its place in the fleet: key made on the host, certificate signed here, CAs to trust, members.
 * May be repeated at any time, and is, when the fleet's CA begins a new generation.
 */
export async function enrol(
  agent: Caller<ConsoleApi>,
  authority: FleetAuthority,
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
  return enrolled.ok ? ok(undefined) : fail(enrolled.problem);
}
