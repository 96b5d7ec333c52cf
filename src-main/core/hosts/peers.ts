import { isDeepStrictEqual } from 'node:util';
import type { Peer, Problem } from '../../../agent/protocol/index.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { guard } from '../fleet/guard.ts';
import type { HostRecord } from '../storage/host-table.ts';
import type { SettingTable } from '../storage/tables.ts';
import { memberUnknown } from './problems.ts';

const REMOVED_KEY = 'removed-hosts';

/**
 * Keeps every agent's list of the other members current. Members that another console added are left in it, and
 * offered here: the fleet is the truth, not this list.
 */
export class PeerLists {
  readonly #fleet: Fleet;
  readonly #settings: SettingTable;
  readonly #report: (problem: Problem) => void;
  readonly #retract: (message: string) => void;
  /** Hosts that are just being added. */
  readonly #coming = new Map<string, Peer>();
  /** Message of the offer made, by host id. */
  readonly #offers = new Map<string, string>();

  constructor(deps: {
    fleet: Fleet;
    settings: SettingTable;
    report: (problem: Problem) => void;
    retract: (message: string) => void;
  }) {
    this.#fleet = deps.fleet;
    this.#settings = deps.settings;
    this.#report = deps.report;
    this.#retract = deps.retract;
    deps.fleet.subscribe((event) => {
      if (event.kind === 'online' || event.kind === 'members')
        guard(this.#report, () => this.#sync(event.hostId));
    });
  }

  /** The other members as this console knows them, for the host with this id. */
  peersOf(hostId: string): Peer[] {
    const added = this.#fleet.hosts().map((host) => peerOf(host.record));
    const coming = [...this.#coming.values()].filter((peer) => this.#fleet.get(peer.hostId) === null);
    return [...added, ...coming].filter((peer) => peer.hostId !== hostId);
  }

  /**
   * Tells the members of a new host before its agent first calls on them: a stranger would be refused, and they would
   * find each other only at a later attempt. When `welcome` fails they are told to forget it.
   */
  async introduce<T>(record: HostRecord, welcome: () => Promise<T>): Promise<T> {
    this.#coming.set(record.id, peerOf(record));
    try {
      await this.spread();
      return await welcome();
    } catch (error) {
      this.markRemoved(record.id, true);
      throw error;
    } finally {
      this.#coming.delete(record.id);
      await this.spread();
    }
  }

  /** After a host was added, renamed or removed: tells all that answer; the others are told when they do. */
  async spread(): Promise<void> {
    for (const [hostId, message] of this.#offers) if (this.#isSettled(hostId)) this.#retract(message);
    const answering = this.#fleet.hosts().filter((host) => host.reach === 'answers');
    await Promise.all(answering.map((host) => this.#sync(host.record.id)));
  }

  markRemoved(hostId: string, removed: boolean): void {
    const others = this.#removed().filter((id) => id !== hostId);
    this.#settings.put(REMOVED_KEY, removed ? [...others, hostId] : others);
  }

  /** A failure is made up for at the next connection. */
  async #sync(hostId: string): Promise<void> {
    const link = this.#fleet.get(hostId)?.link;
    const answer = await link?.call('agent.peers', {});
    if (!link || !answer?.ok) return;
    const current = answer.value.peers;
    const own = this.peersOf(hostId);
    const strangers = current.filter((peer) => !this.#isSettled(peer.hostId));
    for (const peer of strangers) this.#offer(peer);
    const wanted = [...own, ...strangers];
    if (!isDeepStrictEqual(byId(wanted), byId(current))) await link.call('agent.setPeers', { peers: wanted });
  }

  /** Known here, just coming, or deliberately removed here. */
  #isSettled(hostId: string): boolean {
    const known = this.#fleet.get(hostId) !== null || this.#coming.has(hostId);
    return known || this.#removed().includes(hostId);
  }

  #offer(peer: Peer): void {
    if (this.#offers.has(peer.hostId)) return;
    const problem = memberUnknown(peer.name, peer.address);
    this.#offers.set(peer.hostId, problem.message);
    this.#report(problem);
  }

  #removed(): string[] {
    const kept = this.#settings.get(REMOVED_KEY);
    return Array.isArray(kept) ? kept.filter((id) => typeof id === 'string') : [];
  }
}

function peerOf({ id, name, role, peer }: HostRecord): Peer {
  return { hostId: id, name, role, ...peer };
}

function byId(peers: Peer[]): Peer[] {
  return [...peers].sort((a, b) => (a.hostId < b.hostId ? -1 : 1));
}
