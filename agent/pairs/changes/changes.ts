import type { HypervisorEvent } from '../../hypervisor/hypervisor.ts';
import {
  isOfDisks,
  type MachineChange,
  type MirrorStatus,
  ProblemError,
  type Task,
  type VmInfo,
} from '../../protocol/index.ts';
import type { PairContext } from '../context.ts';
import { pointModeOf } from '../modes.ts';
import { isLive, type StoredPair } from '../store.ts';
import { lookAtCopy, lookAtStoppedDisks } from './images.ts';
import { hasLeft, isMovedAway, noteMovedAway } from './moved-away.ts';
import { lookAt, type Seen, wayFor } from './seen.ts';
import { asks, follow, inWords } from './take-in.ts';

/** A look under way. `again`: another is wanted after it. */
interface Looking {
  again: boolean;
  hurry: boolean;
  done: Promise<void>;
}

/** How often a request that stands is put to the standby again by itself, ms: its checks cost something. */
const ASK_AGAIN_MS = 60_000;

/**
 * Notices what others change of a protected machine or of its copy, and sees to it that it is followed. The owner looks at
 * its machine, the standby at its images: at every event that may tell of a change, and by timetable, because not every
 * change has an event.
 */
export class Changes {
  readonly #context: () => PairContext;
  readonly #looking = new Map<string, Looking>();

  /** When a standing request was put to the standby last, ms of the host's clock. */
  readonly #asked = new Map<string, number>();
  /** Machines as they looked last, by UUID. */
  readonly #looks = new Map<string, string>();

  constructor(context: () => PairContext) {
    this.#context = context;
  }

  /** Looks soon; those who come while it looks share the next look. Never rejects. `hurry`: not only by timetable. */
  look(pairId: string, hurry = true): Promise<void> {
    const running = this.#looking.get(pairId);
    if (running) {
      running.again = true;
      running.hurry ||= hurry;
      return running.done;
    }
    const entry: Looking = { again: false, hurry, done: Promise.resolve() };
    this.#looking.set(pairId, entry);
    entry.done = this.#untilQuiet(pairId, entry);
    return entry.done;
  }

  lookAtAll(): void {
    for (const pairId of this.#context().store.ids()) void this.look(pairId, false);
  }

  /** What an order does to the images of this host is no change behind its back. */
  onTask({ pairId, state }: Task): void {
    const forgotten = this.#context().forgetPrints(pairId);
    void forgotten.then(() => (state === 'running' ? undefined : this.look(pairId)));
  }

  onMirror(pairId: string, { state, problem }: MirrorStatus): void {
    if (state !== 'held' || problem?.kind !== 'mirror-cancelled') return;
    const context = this.#context();
    context.audit('mirror-cancelled', context.store.get(pairId), `${problem.message} ${problem.next}`);
  }

  onHypervisor(event: HypervisorEvent): void {
    if (event.kind !== 'vm' && event.kind !== 'stopped' && event.kind !== 'defined') return;
    if (event.kind === 'vm' && !this.#looksOther(event.uuid, event.vm)) return;
    const pair = this.#context().store.ofVm(event.uuid);
    if (pair) void this.look(pair.spec.pairId);
  }

  /** What moves at a machine all the time is no change of it. */
  #looksOther(uuid: string, vm: VmInfo | null): boolean {
    const look = JSON.stringify(vm && [vm.name, vm.state, vm.vcpus, vm.memoryBytes, vm.disks, vm.nics]);
    const other = this.#looks.get(uuid) !== look;
    this.#looks.set(uuid, look);
    return other;
  }

  async #untilQuiet(pairId: string, entry: Looking): Promise<void> {
    const { log } = this.#context().deps;
    try {
      do {
        entry.again = false;
        await this.#once(pairId, entry.hurry);
      } while (entry.again);
    } catch (error) {
      // The host, or its hypervisor, does not answer: it is looked at again.
      log(error instanceof ProblemError ? 'debug' : 'warn', `changes of ${pairId}: ${String(error)}`);
    } finally {
      this.#looking.delete(pairId);
    }
  }

  /** A request that stands is put to the standby again now and then, and whenever something has happened. */
  #asksAgain(pairId: string, hurry: boolean): boolean {
    const now = this.#context().deps.clock.bootMs();
    if (!hurry && now - (this.#asked.get(pairId) ?? 0) < ASK_AGAIN_MS) return false;
    this.#asked.set(pairId, now);
    return true;
  }

  async #once(pairId: string, hurry: boolean): Promise<void> {
    const context = this.#context();
    const pair = context.store.get(pairId);
    if (!pair || pair.notes.ended || pair.notes.quarantine) return;
    if (!context.isOwner(pair)) return lookAtCopy(context, pair);
    // It is just changing sides: whose it is, and as what, shows in a moment.
    const settled = pair.record.begun && !pair.notes.moving && !pair.notes.yielding;
    if (!settled || !context.deps.hypervisor.reachable || context.isUndefined(pair.spec.workload.uuid))
      return;
    if (hasLeft(context, pair) && !isMovedAway(pair.notes)) await noteMovedAway(context, pairId);
    await lookAtStoppedDisks(context, pair);
    await lookAtMachine(context, context.pair(pairId), () => this.#asksAgain(pairId, hurry));
  }
}

async function lookAtMachine(
  context: PairContext,
  pair: StoredPair,
  asksAgain: () => boolean,
): Promise<void> {
  const { pairId, workload } = pair.spec;
  const seen = await lookAt(context, pair);
  if (seen === null) return;
  if (seen.changes.length === 0) return undone(context, pair);
  await notice(context, pair, seen.changes);
  // What an order is at carries it out, or ends first.
  if (context.tasks.running(pairId) !== null) return;
  const lacks = seen.changes.some(isOfDisks);
  // Disks are copied while their machine runs.
  if (lacks && !isLive(context.vmState(workload.uuid))) return renameOnly(context, pair, seen);
  if (context.pair(pairId).notes.changed?.ask && !asksAgain()) return;
  const way = await wayFor(context, pair, seen);
  // The standby does not answer: it is asked when it does.
  if (way === null) return;
  if (way.problem) {
    await asks(context, pairId, seen.changes, way.problem);
    return renameOnly(context, pair, seen);
  }
  await context.setNotes(pairId, (notes) => ({
    ...notes,
    changed: notes.changed ? { ...notes.changed, ask: null } : null,
  }));
  // Disks are followed by the order that copies them (orders/copy.ts, following.ts).
  if (!lacks) await follow(context, pairId, seen, way.paths);
  else context.nodes.look(pairId);
}

/** Durable before anything else: a copy that lacks something of the disks counts as none from here on (site.ts). */
async function notice(context: PairContext, pair: StoredPair, changes: MachineChange[]): Promise<void> {
  const { pairId } = pair.spec;
  const known = pair.notes.changed ?? null;
  const lacks = changes.some(isOfDisks);
  if (known !== null && JSON.stringify(known.changes) === JSON.stringify(changes)) return;
  await context.setNotes(pairId, (notes) => ({
    ...notes,
    changed: {
      since: notes.changed?.since ?? context.now(),
      changes,
      lacks,
      ask: isMovedAway(notes) ? (notes.changed?.ask ?? null) : null,
    },
  }));
  const news = changes.filter(({ text }) => !known?.changes.some((one) => one.text === text));
  if (news.length > 0)
    context.audit(
      'change-noticed',
      pair,
      `${pair.spec.workload.name} was changed on ${context.deps.selfName()} by somebody else. ${inWords(news)}`,
    );
  if (!lacks) return;
  context.nodes.look(pairId);
  // One that follows by points would go on with the disks of before.
  if (pointModeOf(pair)) await context.deps.source.end(pairId);
}

/** It is again as it was. What its copy missed meanwhile nobody knows. */
async function undone(context: PairContext, pair: StoredPair): Promise<void> {
  const { changed } = pair.notes;
  if (changed == null) return;
  const { epoch } = pair.record;
  await context.setNotes(pair.spec.pairId, (notes) => ({
    ...notes,
    changed: null,
    ...(changed.lacks ? { distrusts: epoch } : {}),
  }));
  context.audit(
    'change-undone',
    pair,
    `${pair.spec.workload.name} is again as it was before it was changed by somebody else.`,
  );
  context.nodes.look(pair.spec.pairId);
}

/** People know it by its name, whatever else of it cannot be followed. */
async function renameOnly(context: PairContext, pair: StoredPair, seen: Seen): Promise<void> {
  const { name } = seen.machine.outline;
  if (name === pair.spec.workload.name) return;
  await context.store.change(pair.spec.pairId, (kept) => {
    if (!kept) return null;
    const { spec } = kept;
    return { ...kept, spec: { ...spec, revision: spec.revision + 1, workload: { ...spec.workload, name } } };
  });
  const { spec } = context.pair(pair.spec.pairId);
  const chosen = context.nodes.chosen(spec.pairId);
  await context.deps.peers.to(context.other(spec)).call('spec.offer', { spec, chosen });
}
