import type { Envelope } from '../lease/messages.ts';
import type { Peer, PeerApi, Sight } from '../protocol/index.ts';
import type { Caller } from '../rpc/link.ts';

/** The other members of the fleet, as this agent reaches them over mutual TLS. */
export interface Peers {
  /** Calls one member; `peer-unreachable` when there is no link. */
  to(hostId: string): Caller<PeerApi>;
  get(hostId: string): Peer | null;
  sights(): Sight[];
  sight(hostId: string): Sight | null;
  /** Sends one message of the lease, or loses it: never waits, never fails. */
  send(envelope: Envelope): void;
  /** Messages of the lease from other members, each proven to be from whom it says. */
  onEnvelope(listener: (envelope: Envelope) => void): () => void;
  onSight(listener: (sight: Sight) => void): () => void;
}
