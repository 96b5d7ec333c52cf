import type { Duplex } from 'node:stream';
import type { Envelope } from '../lease/messages.ts';
import type { Peer, PeerApi, Result, Sight } from '../protocol/index.ts';
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
  /** Opens a connection of its own for bytes about `topic` (no line break, at most 200 characters). */
  openStream(hostId: string, topic: string): Promise<Result<Duplex>>;
  /** The one who takes what others send so; without one they are turned away. */
  onStream(listener: (from: string, topic: string, stream: Duplex) => void): void;
}
