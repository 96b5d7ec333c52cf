import { join } from 'node:path';
import type { LeaseRecord } from '../lease/record.ts';
import { CONTRACT } from '../lease/rules.ts';
import { disarm } from '../lease/transitions.ts';
import { TaskRunner } from '../tasks/runner.ts';
import { AfterMove } from './after-move.ts';
import { ByHand } from './by-hand.ts';
import { Changes } from './changes/changes.ts';
import { consoleHandlers } from './console-handlers.ts';
import { PairContext, type PairsDeps } from './context.ts';
import { Attending, recordAttended } from './coordinated/attending.ts';
import { Drills } from './drills.ts';
import { Following, recordPoints } from './following.ts';
import { Guarded } from './guarded.ts';
import { Healer } from './healer.ts';
import { leave, tellReturned } from './leaving.ts';
import { Receiver } from './moving/receiver.ts';
import { Nodes } from './nodes.ts';
import { onceLoaded } from './once-loaded.ts';
import { discardOrder } from './orders/discard.ts';
import { failoverOrder } from './orders/failover.ts';
import { modeOrder } from './orders/mode.ts';
import { forgetPair, protectOrder, resyncOrder, unprotectOrder } from './orders/protect.ts';
import { replaceStandbyOrder } from './orders/replace-standby.ts';
import { revertOrder } from './orders/revert.ts';
import { switchoverOrder } from './orders/switchover.ts';
import { tellUnclean } from './points.ts';
import { Risks } from './risks.ts';
import type { PairsEvent, PairsService } from './service.ts';
import { HostSite } from './site.ts';
import { peerHandlers } from './standby.ts';
import { leaseView, pairStatus } from './status.ts';
import { PairStore } from './store.ts';
import { Verifications } from './verifications.ts';
import { Watch } from './watch.ts';

/** How often a watched lease is told, ms. */
const TELL_MS = 1_000;
/** The same words of one pair, one after the other, count once within this time, ms. */
const SAID_AGAIN_MS = 2_000;
/** Beats from one look at the host's certificate and at the timetable of drills to the next. */
const MINUTE_BEATS = 60;
/** Beats from one look for changes behind our back to the next. */
const LOOK_BEATS = 10;
/** How long an agent that stops asks its voters to be patient: its machines must not be frozen by a restart. */
const HOLD_ON_MS = 15_000;
/** Voters that do not answer by then do not keep the agent from stopping. */
const HOLD_ON_LIMIT_MS = 2_000;

/** The protected machines of one host, wired together. See service.ts for what it offers. */
export function createPairs(deps: PairsDeps): PairsService {
  return new Pairs(deps);
}

class Pairs implements PairsService {
  readonly consoleHandlers: PairsService['consoleHandlers'];
  readonly peerHandlers: PairsService['peerHandlers'];
  readonly #deps: PairsDeps;
  readonly #context: PairContext;
  readonly #healer: Healer;
  readonly #following: Following;
  readonly #afterMove: AfterMove;
  readonly #changes: Changes;
  readonly #attending: Attending;
  readonly #watch: Watch;
  readonly #receiver: Receiver;
  readonly #guarded: Guarded;
  readonly #byHand: ByHand;
  readonly #sites = new Map<string, HostSite>();
  readonly #listeners = new Set<(event: PairsEvent) => void>();
  readonly #ends: (() => void)[] = [];
  #markLoaded: () => void = () => undefined;
  #timer: { cancel(): void } | null = null;
  #watched = false;
  readonly #told = new Map<string, { text: string; at: number }>();
  /** Pairs whose first point is being recorded. */
  readonly #recording = new Set<string>();
  #beats = 0;
  #stopped = false;

  constructor(deps: PairsDeps) {
    const { stateDir, clock, log } = deps;
    this.#deps = deps;
    this.#healer = new Healer(() => this.#context);
    this.#following = new Following(() => this.#context);
    this.#afterMove = new AfterMove(() => this.#context);
    this.#changes = new Changes(() => this.#context);
    this.#attending = new Attending(() => this.#context);
    const nodes = new Nodes({
      ...deps,
      site: (pairId) => this.#makeSite(pairId),
      audit: (pairId, event, text, evidence) => this.#tell(pairId, event, text, evidence),
      changed: (pairId, record) => this.#recordChanged(pairId, record),
      leave: (pairId) => leave(this.#context, pairId),
    });
    const store = new PairStore(join(stateDir, 'pairs'), log, (pairId) => nodes.record(pairId));
    const byHand = join(stateDir, 'by-hand');
    this.#byHand = new ByHand({ directory: byHand, store, self: () => deps.selfHostId(), log });
    const tasks = new TaskRunner({ directory: join(stateDir, 'tasks'), clock, log });
    this.#context = new PairContext(
      deps,
      store,
      tasks,
      nodes,
      (context) => new Drills(context),
      (context) => new Verifications(context),
      (context) => new Risks(context, (pairId) => this.#changed(pairId)),
    );
    const siteOf = (pairId: string): HostSite | null => this.#sites.get(pairId) ?? null;
    this.#watch = new Watch(this.#context, siteOf);
    this.#guarded = new Guarded(this.#context, () => this.#emit({ kind: 'unclaimed' }));
    for (const order of [unprotectOrder(this.#context), resyncOrder(this.#context)]) tasks.register(order);
    tasks.register(protectOrder(this.#context));
    tasks.register(failoverOrder(this.#context, siteOf));
    tasks.register(switchoverOrder(this.#context, siteOf));
    tasks.register(revertOrder(this.#context, siteOf));
    tasks.register(discardOrder(this.#context));
    tasks.register(replaceStandbyOrder(this.#context));
    tasks.register(modeOrder(this.#context));
    const loaded = new Promise<void>((resolve) => {
      this.#markLoaded = resolve;
    });
    this.consoleHandlers = onceLoaded(consoleHandlers(this.#context, this.#guarded, this.#changes), loaded);
    this.#receiver = new Receiver(this.#context, siteOf);
    this.peerHandlers = onceLoaded(peerHandlers(this.#context, this.#receiver), loaded);
  }

  async start(ready: Promise<unknown> = Promise.resolve()): Promise<void> {
    const { store, nodes, tasks, drills, verifies, risks } = this.#context;
    await store.load();
    await risks.load();
    await tasks.load();
    await drills.tasks.load();
    await verifies.tasks.load();
    await nodes.load(store.ids());
    await this.#guarded.restore();
    this.#subscribe();
    this.#ends.push(this.#byHand.start());
    this.#receiver.start();
    nodes.start();
    await ready;
    this.#markLoaded();
    await this.#guarded.reconcile();
    this.#ends.push(store.subscribe(() => this.#guarded.look()));
    for (const pair of store.all()) if (!pair.notes.ended) await this.#watch.reconcile(pair);
    // Found before anybody listened.
    for (const pairId of store.ids())
      if (this.#deps.target.isUnclean(pairId)) tellUnclean(this.#context, pairId);
    for (const pairId of nodes.ids()) nodes.look(pairId);
    // Whoever was seen before anybody listened here has returned as well.
    for (const sight of this.#deps.peers.sights())
      if (sight.reachable) this.#run('peer', this.#peerReturned(sight.hostId));
    tasks.resume();
    drills.tasks.resume();
    verifies.tasks.resume();
    this.#beat();
  }

  async stop(inOrder = true): Promise<void> {
    const { nodes, tasks, store, drills, verifies, risks } = this.#context;
    this.#stopped = true;
    this.#timer?.cancel();
    if (inOrder) await this.#holdOn();
    for (const end of this.#ends.splice(0)) end();
    await nodes.stop();
    await Promise.all([
      tasks.stop(),
      drills.tasks.stop(),
      verifies.tasks.stop(),
      store.close(),
      risks.stop(),
      this.#byHand.settled(),
    ]);
  }

  list(): ReturnType<PairsService['list']> {
    return this.#context.store.ids().flatMap((pairId) => this.#statusOf(pairId) ?? []);
  }

  tasks(): ReturnType<PairsService['tasks']> {
    const { tasks, drills, verifies } = this.#context;
    return [tasks, drills.tasks, verifies.tasks].flatMap((runner) => runner.list());
  }

  votes(): string[] {
    return this.#context.nodes.ids();
  }

  records(): ReturnType<PairsService['records']> {
    const { nodes } = this.#context;
    return nodes.ids().flatMap((pairId) => nodes.record(pairId) ?? []);
  }

  unclaimed(): ReturnType<PairsService['unclaimed']> {
    return this.#guarded.unclaimed;
  }

  watched(on: boolean): void {
    this.#watched = on;
  }

  subscribe(listener: (event: PairsEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #subscribe(): void {
    const { hypervisor, source, target, peers, guard } = this.#deps;
    const { store, tasks, nodes, drills, verifies } = this.#context;
    this.#ends.push(
      store.subscribe((pairId) => {
        // Should this host stand by for it again one day, it begins anew.
        if (store.kept(pairId) === null) this.#sites.delete(pairId);
        this.#changed(pairId);
      }),
      tasks.subscribe((task) => {
        this.#emit({ kind: 'task', task });
        this.#changes.onTask(task);
      }),
      drills.tasks.subscribe((task) => this.#emit({ kind: 'task', task })),
      verifies.tasks.subscribe((task) => this.#emit({ kind: 'task', task })),
      source.subscribe((pairId, status) => {
        this.#healer.slowness.seen(pairId, status);
        this.#changes.onMirror(pairId, status);
        this.#run('point', this.#pointMade(pairId));
        nodes.look(pairId);
        this.#changed(pairId);
      }),
      hypervisor.subscribe((event) => {
        if (event.kind === 'reachable') for (const pairId of nodes.ids()) nodes.look(pairId);
        this.#changes.onHypervisor(event);
        const pair = event.kind === 'vm' || event.kind === 'stopped' ? store.ofVm(event.uuid) : null;
        if (!pair) return;
        const { pairId } = pair.spec;
        this.#run(
          'guest',
          this.#watch.hypervisorEvent(event).then(() => {
            nodes.look(pairId);
            this.#changed(pairId);
          }),
        );
        nodes.look(pairId);
      }),
      target.onUnclean((pairId) => {
        tellUnclean(this.#context, pairId);
        nodes.look(pairId);
        this.#changed(pairId);
      }),
      guard.subscribe((uuid) => {
        for (const pair of store.all()) {
          if (uuid !== null && pair.spec.workload.uuid !== uuid) continue;
          nodes.look(pair.spec.pairId);
          this.#changed(pair.spec.pairId);
        }
      }),
      peers.onSight((sight) => {
        for (const pair of store.all())
          if ([...pair.spec.members, ...pair.record.voters].includes(sight.hostId))
            this.#changed(pair.spec.pairId);
        if (sight.reachable) this.#run('peer', this.#peerReturned(sight.hostId));
      }),
    );
  }

  async #peerReturned(hostId: string): Promise<void> {
    const { store } = this.#context;
    for (const pairId of store.ids()) {
      const kept = store.kept(pairId);
      if (!kept) continue;
      if (kept.notes.ended) await forgetPair(this.#context, pairId);
      else await tellReturned(this.#context, hostId, kept);
      this.#context.nodes.look(pairId);
    }
  }

  /** Orders that make a first point record it themselves. */
  async #pointMade(pairId: string): Promise<void> {
    if (this.#context.tasks.running(pairId) || this.#recording.has(pairId)) return;
    this.#recording.add(pairId);
    await Promise.all([recordPoints(this.#context, pairId), recordAttended(this.#context, pairId)])
      .catch((error) => this.#deps.log('info', `${pairId}: ${String(error)}`))
      .finally(() => this.#recording.delete(pairId));
  }

  #recordChanged(pairId: string, record: LeaseRecord): void {
    this.#context.risks.recordChanged(pairId, record);
    this.#receiver.recordChanged(pairId, record);
    const noted = this.#watch.recordChanged(pairId, record).then(() => this.#changed(pairId));
    this.#context.learning.begins(pairId, noted);
    this.#run('record', noted);
    this.#changed(pairId);
  }

  get #ways() {
    return { healer: this.#healer, following: this.#following, attending: this.#attending };
  }

  /** Null for a pair this host only votes on. */
  #makeSite(pairId: string): HostSite | null {
    if (this.#context.store.kept(pairId) === null) return null;
    const site = this.#sites.get(pairId) ?? new HostSite(this.#context, pairId, this.#ways);
    this.#sites.set(pairId, site);
    return site;
  }

  /** A certificate that is about to end disarms while all still hear each other (docs/safety.md). */
  #lookAtCertificate(): void {
    this.#context.certificateEnds = this.#deps.certificateEnds?.() ?? null;
    if (this.#context.certificateEnds === null) return;
    for (const { spec, record } of this.#context.store.all())
      if (record.armed && this.#context.isOwner({ record }))
        this.#run('certificate', this.#disarm(spec.pairId, record));
  }

  async #disarm(pairId: string, record: LeaseRecord): Promise<void> {
    await this.#context.swap(pairId, disarm(record.epoch.n, record.owner, CONTRACT));
    this.#tell(pairId, 'disarmed', `disarmed: ${this.#context.certificateEnds}`);
  }

  /** Every second whoever looks is told how the leases stand. */
  #beat(): void {
    if (this.#stopped) return;
    if (this.#beats++ % MINUTE_BEATS === 0) {
      this.#lookAtCertificate();
      this.#run('timetable', this.#context.drills.tick());
      this.#run('timetable', this.#context.verifies.tick());
    }
    this.#run('risk', this.#context.risks.tick());
    if (this.#beats % LOOK_BEATS === 1) this.#changes.lookAtAll();
    this.#timer = this.#deps.clock.setTimeout(() => this.#beat(), TELL_MS);
    this.#afterMove.look();
    if (!this.#watched) return;
    for (const pair of this.#context.store.all())
      this.#emit({ kind: 'lease', pairId: pair.spec.pairId, lease: leaseView(this.#context, pair) });
  }

  /**
   * Every armed owner obtains a lease long enough for the next agent to come up in. When the host itself goes down its
   * machines have been shut down already: they are given to the other host, which need not wait for any lease.
   */
  async #holdOn(): Promise<void> {
    const { store, nodes } = this.#context;
    const armed = store.all().filter((pair) => pair.record.armed && this.#context.isOwner(pair));
    const withHost = armed.length > 0 && (await this.#deps.hostStopping?.()) === true;
    const asked = armed.map(
      (pair) =>
        new Promise<void>((resolve) => {
          const node = nodes.get(pair.spec.pairId);
          if (node === null) resolve();
          else if (withHost) node.askHandOver(() => resolve());
          else node.holdOn(HOLD_ON_MS, () => resolve());
        }),
    );
    const limit = new Promise<void>((resolve) => void this.#deps.clock.setTimeout(resolve, HOLD_ON_LIMIT_MS));
    await Promise.race([Promise.all(asked), limit]);
  }

  #statusOf(pairId: string): ReturnType<typeof pairStatus> | null {
    const pair = this.#context.store.get(pairId);
    // A host that another has replaced tells nothing of the pair.
    return pair && !pair.notes.ended && pair.spec.members.includes(this.#context.self)
      ? pairStatus(this.#context, pair, this.#sites.get(pairId) ?? null)
      : null;
  }

  #changed(pairId: string): void {
    this.#emit({ kind: 'pair', pairId, pair: this.#statusOf(pairId) });
  }

  #emit(event: PairsEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** The lease speaks of hosts by id; people know them by name. */
  #tell(pairId: string, event: string, text: string, evidence?: Record<string, string>): void {
    // Said at every look until it has come true.
    const last = this.#told.get(pairId);
    if (last?.text === text && this.#context.now() - last.at < SAID_AGAIN_MS) return;
    this.#told.set(pairId, { text, at: this.#context.now() });
    const record = this.#context.nodes.record(pairId);
    const ids = [...new Set([...(record?.members ?? []), ...(record?.voters ?? [])])];
    const named = (words: string): string =>
      ids.reduce((said, id) => said.replaceAll(id, this.#context.nameOf(id)), words);
    const told = evidence
      ? Object.fromEntries(Object.entries(evidence).map(([key, value]) => [key, named(value)]))
      : undefined;
    this.#context.audit(event, { spec: { pairId } }, named(text), told);
  }

  /** Work set off by events; what it throws is a bug and is logged, never lost. */
  #run(what: string, work: Promise<unknown>): void {
    work.catch((error) =>
      this.#deps.log('warn', `${what}: ${error instanceof Error ? error.stack : String(error)}`),
    );
  }
}
