import { type Problem, ProblemError, problemOf, type Task } from '../../../agent/protocol/index.ts';
import type {
  Evacuation,
  EvacuationCandidate,
  EvacuationItem,
  EvacuationKind,
  EvacuationPlan,
  PairView,
} from '../../contract/index.ts';
import type { AuditService } from '../activity/audit.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { type Started, unwrap } from '../orders/orders.ts';

/** Moves at once: each takes memory, network and disk of both hosts. */
export const AT_ONCE = 2;

export type Way = 'auto' | 'live' | 'cold';

export interface EvacuationDeps {
  fleet: Fleet;
  audit: AuditService;
  /** Gives one switchover. */
  move: (order: { requestId: string; pairId: string; way: Way }) => Promise<Started>;
  now: () => number;
  emit: (evacuation: Evacuation) => void;
}

/**
 * Empties a host, or brings its machines home: switchovers in the order a person chose, a few at a time. Each is an order
 * of its own that its agent carries out; when this console ends, those under way go on and no others are begun.
 */
export class EvacuationService {
  readonly #deps: EvacuationDeps;
  /** The last one of each host. */
  readonly #last = new Map<string, Evacuation>();
  #closed = false;

  constructor(deps: EvacuationDeps) {
    this.#deps = deps;
  }

  async plan(hostId: string, kind: EvacuationKind): Promise<EvacuationPlan> {
    const { fleet } = this.#deps;
    const host = unwrap(fleet.find(hostId));
    const pairs = fleet.pairs().filter((pair) => concerns(pair, hostId, kind));
    const candidates = await Promise.all(pairs.map((pair) => this.#candidate(pair)));
    const automatic = new Set(
      pairs.filter((pair) => pair.automation.policy === 'automatic').map(({ id }) => id),
    );
    const rank = ({ pairId }: EvacuationCandidate): number => (automatic.has(pairId) ? 0 : 1);
    candidates.sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, 'en'));
    const paired = new Set(
      fleet
        .pairs()
        .flatMap((pair) => Object.values(pair.members).map(({ status }) => status.spec.workload.uuid)),
    );
    const unprotected = [...host.vms.values()].filter(
      (vm) => kind === 'away' && !paired.has(vm.uuid) && vm.state !== 'stopped',
    );
    return { candidates, unprotected: unprotected.map(({ name }) => name).sort() };
  }

  /** `pairIds` in the order in which they move. Same requestId: the same evacuation. */
  start(order: {
    requestId: string;
    hostId: string;
    kind: EvacuationKind;
    pairIds: string[];
    way: Way;
  }): Evacuation {
    const { requestId: id, hostId, kind, pairIds, way } = order;
    const last = this.#last.get(hostId);
    if (last?.id === id) return last;
    if (last && last.endedAt === null) throw new ProblemError(busy(this.#deps.fleet.nameOf(hostId)));
    const items = pairIds.map((pairId): EvacuationItem => {
      const { name, standby } = unwrap(this.#deps.fleet.pair(pairId));
      return { pairId, name, to: standby, state: 'waiting', taskId: null, problem: null };
    });
    const startedAt = this.#deps.now();
    const run: Evacuation = { id, hostId, kind, startedAt, endedAt: null, stopped: false, items };
    this.#last.set(hostId, run);
    const name = this.#deps.fleet.nameOf(hostId);
    const what = items.map((item) => item.name).join(', ');
    const text =
      kind === 'away' ? `Everything is to leave ${name}: ${what}.` : `Brought home to ${name}: ${what}.`;
    this.#deps.audit.write({ event: `evacuation-${kind}-ordered`, text });
    this.#tell(run);
    void this.#carryOut(run, way);
    return run;
  }

  /** No other machine is begun with; those on their way get there. */
  stop(hostId: string): void {
    const run = this.#last.get(hostId);
    if (!run || run.endedAt !== null) return;
    run.stopped = true;
    for (const item of run.items)
      if (item.state === 'waiting') Object.assign(item, { state: 'stays', problem: STOPPED });
    this.#deps.audit.write({
      event: 'evacuation-stopped',
      text: `Moving machines of ${this.#deps.fleet.nameOf(hostId)} was stopped.`,
    });
    this.#tell(run);
  }

  last(hostId: string): Evacuation | null {
    return this.#last.get(hostId) ?? null;
  }

  close(): void {
    this.#closed = true;
  }

  async #carryOut(run: Evacuation, way: Way): Promise<void> {
    const work = async (): Promise<void> => {
      for (let item = next(run); item && !this.#closed; item = next(run)) await this.#move(run, item, way);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    if (this.#closed) return;
    run.endedAt = this.#deps.now();
    this.#deps.audit.write({
      event: 'evacuation-ended',
      text: report(run, this.#deps.fleet.nameOf(run.hostId)),
    });
    this.#tell(run);
  }

  async #move(run: Evacuation, item: EvacuationItem, way: Way): Promise<void> {
    item.state = 'moving';
    this.#tell(run);
    try {
      const requestId = `${run.id}-${run.items.indexOf(item)}`.slice(-64);
      const started = await this.#deps.move({ requestId, pairId: item.pairId, way });
      item.taskId = started.taskId;
      this.#tell(run);
      const task = await this.#ended(started);
      item.state = task.state === 'done' ? 'moved' : 'stays';
      item.problem = task.problem;
    } catch (error) {
      item.state = 'stays';
      item.problem = problemOf(error);
    }
    this.#tell(run);
  }

  /** Its agent may fall silent meanwhile, and tell when it is back. */
  #ended({ hostId, taskId }: Started): Promise<Task> {
    const { fleet } = this.#deps;
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const host = fleet.get(hostId);
        const task = host?.tasks.get(taskId);
        if (host && (!task || task.state === 'running')) return;
        unsubscribe();
        if (task) resolve(task);
        else reject(new ProblemError(removed));
      };
      const unsubscribe = fleet.subscribe((event) => {
        const its = event.kind === 'task' && event.task.id === taskId;
        if (its || (event.kind === 'online' && event.hostId === hostId)) look();
      });
      look();
    });
  }

  async #candidate(pair: PairView): Promise<EvacuationCandidate> {
    const { id: pairId, name, standby: to } = pair;
    const owner = this.#deps.fleet.get(pair.primary);
    const base = { pairId, name, to, live: false, whyCold: null };
    const ownerName = this.#deps.fleet.nameOf(pair.primary);
    if (owner?.reach !== 'answers') return { ...base, obstacle: `${ownerName} does not answer.` };
    // One that is kept by points is mirrored for the move.
    const movable = pair.health === 'in-sync' || pair.health === 'following' || pair.health === 'behind';
    if (!movable) return { ...base, obstacle: pair.sentence };
    const asked = await owner.link.call('pair.switchover.check', { pairId });
    if (!asked.ok) return { ...base, obstacle: asked.problem.message };
    const { live, hindrances } = asked.value;
    return { ...base, obstacle: null, live, whyCold: hindrances[0] ?? null };
  }

  #tell(run: Evacuation): void {
    this.#deps.emit(structuredClone(run));
  }
}

const next = (run: Evacuation): EvacuationItem | undefined =>
  run.items.find((item) => item.state === 'waiting');

/** Home is where a machine was protected first. */
function concerns(pair: PairView, hostId: string, kind: EvacuationKind): boolean {
  if (kind === 'away') return pair.primary === hostId;
  const [word] = Object.values(pair.members);
  return pair.standby === hostId && word?.status.spec.members[0] === hostId;
}

function report(run: Evacuation, host: string): string {
  const moved = run.items.filter((item) => item.state === 'moved').length;
  const stay = run.items.filter((item) => item.state === 'stays');
  const what = run.kind === 'away' ? `left ${host}` : `came home to ${host}`;
  const rest = stay.map(({ name, problem }) => `${name} did not: ${problem?.message ?? 'unknown'}`);
  return [`${moved} of ${run.items.length} machines ${what}.`, ...rest].join(' ');
}

const STOPPED: Problem = {
  kind: 'stopped',
  message: 'Moving was stopped before its turn came.',
  next: 'Move it by itself, or order the rest anew.',
};

const removed: Problem = {
  kind: 'host-removed',
  message: 'The host was taken off the list while the machine moved.',
  next: 'Add the host again to see where the machine runs.',
};

const busy = (host: string): Problem => ({
  kind: 'evacuation-runs',
  message: `Machines of ${host} are being moved already.`,
  next: 'Wait until that has ended, or stop it first.',
});
