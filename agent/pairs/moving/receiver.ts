import type { Duplex } from 'node:stream';
import { type ParamsOf, type PeerApi, type Problem, ProblemError } from '../../protocol/index.ts';
import { must, type PairContext } from '../context.ts';
import { clearOldCopy } from '../prepare.ts';
import type { HostSite } from '../site.ts';

/** How long nothing may come of a guest's memory, or of the record that hands it over, ms. */
const QUIET_MS = 20_000;

interface Incoming {
  token: string;
  epoch: number;
  uuid: string;
  site: HostSite;
  heardMs: number;
  /** The process that takes it in is there. */
  made: boolean;
  quiet: { cancel(): void } | null;
}

export const topicOf = (pairId: string, token: string): string => `memory ${pairId} ${token}`;

/**
 * Takes in the memory of guests that move here while they run: a process that stands still, under a permit of its own,
 * until the record says that it belongs to this host; gone again when that does not come.
 */
export class Receiver {
  readonly #context: PairContext;
  readonly #siteOf: (pairId: string) => HostSite | null;
  readonly #incoming = new Map<string, Incoming>();

  constructor(context: PairContext, siteOf: (pairId: string) => HostSite | null) {
    this.#context = context;
    this.#siteOf = siteOf;
  }

  start(): void {
    const { peers, hypervisor } = this.#context.deps;
    peers.onStream((from, topic, stream) => this.#take(from, topic, stream));
    // Its process ended, by whomever: nothing comes in any more. What ended before was another's.
    hypervisor.subscribe((event) => {
      if (event.kind !== 'stopped') return;
      for (const [pairId, { uuid, made }] of this.#incoming)
        if (made && uuid === event.uuid) void this.drop(pairId);
    });
  }

  /** Why a running guest could not be taken in here. */
  hindrances(pairId: string): string[] {
    const { hypervisor, selfName } = this.#context.deps;
    const pair = this.#context.pair(pairId);
    if (hypervisor.migration === null) return [`${selfName()} cannot take in running machines.`];
    if (!hypervisor.reachable) return [`The hypervisor on ${selfName()} does not answer.`];
    if (pair.notes.quarantine)
      return [`The old copy on ${selfName()} is set aside and waits for a decision.`];
    return [];
  }

  async receive(params: ParamsOf<PeerApi, 'move.receive'>): Promise<void> {
    const { pairId, token, epoch, guest } = params;
    const { hypervisor, guard } = this.#context.deps;
    const pair = this.#context.pair(pairId);
    const { uuid } = pair.spec.workload;
    const site = this.#siteOf(pairId);
    if (!guest.definition.includes(uuid)) throw new ProblemError(notNow('It is another machine’s memory.'));
    const [hindrance] = this.hindrances(pairId);
    if (hindrance !== undefined) throw new ProblemError(notNow(hindrance));
    const { record } = pair;
    const agreed = record.owner !== this.#context.self && record.begun && record.epoch.n === epoch;
    if (!agreed || record.replica.state !== 'in-sync' || site === null || hypervisor.migration === null)
      throw new ProblemError(notNow(`${this.#context.deps.selfName()} knows another state of the pair.`));
    await this.drop(pairId);
    const incoming: Incoming = {
      token,
      epoch,
      uuid,
      site,
      heardMs: this.#context.deps.clock.bootMs(),
      made: false,
      quiet: null,
    };
    this.#incoming.set(pairId, incoming);
    site.receiving = true;
    site.drop = () => void this.drop(pairId);
    // The permit first: the guard ends what it finds without one.
    this.#context.nodes.look(pairId);
    this.#watch(pairId, incoming);
    try {
      // What an agent before this one had taken in may still be on its way out.
      await clearOldCopy(this.#context, pair);
      must(await hypervisor.define(pair.spec.definitions[this.#context.self] ?? ''));
      must(await hypervisor.setAutostart(uuid, false));
      guard.allowStart(uuid);
      const received = await hypervisor.migration.receive(uuid, guest);
      guard.endStart(uuid);
      must(received);
      incoming.made = true;
      // Given up while libvirt was at it: the owner has fallen silent, say, and this host is to take over.
      if (this.#incoming.get(pairId) !== incoming) {
        await hypervisor.migration.refuse(uuid);
        throw new ProblemError(notNow('It was given up meanwhile.'));
      }
    } catch (error) {
      await this.drop(pairId);
      throw error;
    }
    this.#context.audit(
      'memory-comes-in',
      pair,
      `${pair.spec.workload.name} is about to move here while it runs.`,
    );
  }

  /** The owner writes no more: what it hands over soon need not wait for the closing. */
  async drained(pairId: string, token: string): Promise<void> {
    if (this.#incoming.get(pairId)?.token !== token) return;
    const closed = await this.#context.deps.target.close(pairId);
    if (!closed.ok) this.#context.deps.log('warn', `close ${pairId}: ${closed.problem.message}`);
  }

  /** Nothing comes of it: its process and its definition go. */
  async drop(pairId: string, token?: string): Promise<void> {
    const incoming = this.#incoming.get(pairId);
    if (incoming === undefined || (token !== undefined && token !== incoming.token)) return;
    this.#unwatch(pairId, incoming);
    const { hypervisor } = this.#context.deps;
    await hypervisor.migration?.refuse(incoming.uuid);
    // Not before: the permit lasts as long as the process.
    this.#over(pairId, incoming);
    // Only an owner keeps the machine defined.
    const record = this.#context.nodes.record(pairId);
    if (record?.owner !== this.#context.self) await hypervisor.undefine(incoming.uuid);
  }

  /** A newer record: it is this host's now, or will never be. */
  recordChanged(pairId: string, record: { epoch: { n: number }; owner: string; begun: boolean }): void {
    const incoming = this.#incoming.get(pairId);
    if (incoming === undefined || record.epoch.n === incoming.epoch) return;
    if (record.owner !== this.#context.self) void this.drop(pairId);
    else if (record.begun) {
      this.#unwatch(pairId, incoming);
      this.#over(pairId, incoming);
    }
  }

  #unwatch(pairId: string, incoming: Incoming): void {
    incoming.quiet?.cancel();
    this.#incoming.delete(pairId);
  }

  #over(pairId: string, { site }: Incoming): void {
    site.receiving = false;
    this.#context.nodes.look(pairId);
  }

  #take(from: string, topic: string, stream: Duplex): void {
    const { migration } = this.#context.deps.hypervisor;
    const found = [...this.#incoming].find(([pairId, { token }]) => topic === topicOf(pairId, token));
    const pair = found && this.#context.store.get(found[0]);
    if (!found || !pair || migration === null || from !== this.#context.other(pair.spec)) {
      this.#context.deps.log('warn', `${from} sends what nobody waits for: ${topic.slice(0, 80)}`);
      stream.destroy();
      return;
    }
    const [pairId, incoming] = found;
    stream.on('data', () => {
      incoming.heardMs = this.#context.deps.clock.bootMs();
    });
    void migration.feed(incoming.uuid, stream).then((whole) => {
      if (!whole && this.#incoming.get(pairId) === incoming) void this.drop(pairId);
    });
  }

  #watch(pairId: string, incoming: Incoming): void {
    const { clock } = this.#context.deps;
    incoming.quiet = clock.setTimeout(() => {
      if (this.#incoming.get(pairId) !== incoming) return;
      // Handed over meanwhile: then it is the owner's to decide.
      if (this.#context.nodes.record(pairId)?.epoch.n !== incoming.epoch) return;
      if (clock.bootMs() - incoming.heardMs < QUIET_MS) this.#watch(pairId, incoming);
      else void this.drop(pairId);
    }, QUIET_MS);
  }
}

const notNow = (message: string): Problem => ({
  kind: 'not-received',
  message,
  next: 'It goes on where it was. Wait until the pair is in sync, then switch over again.',
});
