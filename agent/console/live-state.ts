import { isTrial } from '../drill/stage.ts';
import type { Guard } from '../guard/guard.ts';
import type { Hypervisor } from '../hypervisor/hypervisor.ts';
import type { AuditLog } from '../journal/audit.ts';
import type { PairsService } from '../pairs/service.ts';
import type { PeerMesh } from '../peers/peer-mesh.ts';
import type { Clock, Log } from '../ports.ts';
import type {
  AgentState,
  ConsoleNotices,
  HostFacts,
  HostGuardView,
  HostLoad,
  NoticeOf,
} from '../protocol/index.ts';
import type { Pace } from '../replication/pace.ts';
import type { Telling as PeopleTelling } from '../telling/telling.ts';

/** How often load is sampled while somebody looks, and otherwise, ms. */
const SAMPLE_MS = { watched: 5000, idle: 30_000 } as const;
/** Facts (addresses, versions) are looked at again after so many watched samples: once a minute. */
const FACTS_EVERY = 12;

/** One thing to tell every subscribed console. */
export type Telling = {
  [K in keyof ConsoleNotices]: { name: K; value: NoticeOf<ConsoleNotices, K> };
}[keyof ConsoleNotices];

interface LiveStateOptions {
  clock: Clock;
  log: Log;
  hypervisor: Hypervisor;
  pairs: PairsService;
  guard: Guard;
  audit: AuditLog;
  peers: PeerMesh;
  pace?: Pace;
  /** Part of the facts: settings, and whether people can be reached. */
  telling: Pick<PeopleTelling, 'subscribe'>;
  facts(): Promise<HostFacts>;
  load(): Promise<HostLoad>;
}

/** Everything this agent knows at this moment, and a word for each change of it. */
export class LiveState {
  readonly #options: LiveStateOptions;
  readonly #listeners = new Set<(telling: Telling) => void>();
  readonly #ends: (() => void)[] = [];
  #facts: HostFacts;
  #load: HostLoad | null = null;
  #timer: { cancel(): void } | null = null;
  #samples = 0;
  #stopped = false;

  constructor(options: LiveStateOptions, facts: HostFacts) {
    this.#options = options;
    this.#facts = facts;
  }

  start(): void {
    const { hypervisor, pairs, audit, peers, guard, pace } = this.#options;
    this.#ends.push(
      hypervisor.subscribe((event) => {
        // A copy on trial is nobody's machine.
        if (event.kind === 'vm' && !isTrial(event.uuid))
          this.tell({ name: 'vm', value: { uuid: event.uuid, vm: event.vm } });
        if (event.kind === 'reachable') void this.#refreshFacts();
      }),
      pairs.subscribe((event) => {
        if (event.kind === 'task') this.tell({ name: 'task', value: event.task });
        else if (event.kind === 'lease')
          this.tell({ name: 'lease', value: { pairId: event.pairId, lease: event.lease } });
        else if (event.kind === 'unclaimed') this.tell({ name: 'guard', value: this.#guard() });
        else this.tell({ name: 'pair', value: { pairId: event.pairId, pair: event.pair } });
      }),
      guard.subscribe((uuid) => {
        if (uuid === null) this.tell({ name: 'guard', value: this.#guard() });
      }),
      audit.subscribe((entry) => this.tell({ name: 'audit', value: entry })),
      peers.onSight(() => this.tell({ name: 'sights', value: peers.sights() })),
    );
    if (pace) this.#ends.push(pace.subscribe(() => void this.#refreshFacts()));
    this.#ends.push(this.#options.telling.subscribe(() => void this.#refreshFacts()));
    // The facts given at the start were read before the hypervisor was connected.
    void this.#refreshFacts();
    void this.#sample();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    for (const end of this.#ends.splice(0)) end();
  }

  snapshot(): AgentState {
    const { hypervisor, pairs } = this.#options;
    return {
      facts: this.#facts,
      load: this.#load,
      vms: hypervisor.list().filter(({ uuid }) => !isTrial(uuid)),
      pairs: pairs.list(),
      tasks: pairs.tasks(),
      guard: this.#guard(),
    };
  }

  #guard(): HostGuardView {
    const { guard, pairs } = this.#options;
    return { ...guard.view, unclaimed: pairs.unclaimed() };
  }

  get hostname(): string {
    return this.#facts.hostname;
  }

  /** The first watcher speeds the sampling up, at once; the last one that leaves slows it down. */
  watch(listener: (telling: Telling) => void): () => void {
    this.#listeners.add(listener);
    this.#options.pairs.watched(true);
    if (this.#listeners.size === 1) void this.#sample();
    return () => {
      this.#listeners.delete(listener);
      this.#options.pairs.watched(this.#listeners.size > 0);
    };
  }

  /** To every console that subscribed. */
  tell(telling: Telling): void {
    for (const listener of this.#listeners) listener(telling);
  }

  async #sample(): Promise<void> {
    this.#timer?.cancel();
    const { clock } = this.#options;
    if (this.#stopped) return;
    const ms = this.#listeners.size > 0 ? SAMPLE_MS.watched : SAMPLE_MS.idle;
    this.#timer = clock.setTimeout(() => void this.#sample(), ms);
    await this.#logged('load', async () => {
      await this.#options.hypervisor.refreshLoad();
      this.#load = await this.#options.load();
      this.tell({ name: 'load', value: this.#load });
    });
    this.#samples += 1;
    if (this.#samples % FACTS_EVERY === 0) await this.#refreshFacts();
  }

  async #refreshFacts(): Promise<void> {
    await this.#logged('facts', async () => {
      const facts = await this.#options.facts();
      const changed = JSON.stringify(facts) !== JSON.stringify(this.#facts);
      this.#facts = facts;
      if (changed) this.tell({ name: 'facts', value: facts });
    });
  }

  /** A sample that fails is a line in the log, nothing more: the next one comes. */
  async #logged(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.log('warn', `${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
