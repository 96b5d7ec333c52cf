import { createHash, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { trialCopy } from '../drill/stage.ts';
import { drillPassed } from '../lease/transitions.ts';
import {
  DRILL_DEFAULTS,
  type DrillResult,
  type DrillSettings,
  type DrillStatus,
  type PairSpec,
  ProblemError,
  type Task,
} from '../protocol/index.ts';
import { TaskRunner } from '../tasks/runner.ts';
import { must, type PairContext } from './context.ts';
import type { Drilling, DrillOrder } from './drilling.ts';
import { drillOrder } from './orders/drill.ts';
import { refuseDrill } from './orders/drill-problems.ts';
import { isLive, type StoredPair } from './store.ts';
import { isDue, nextSlot, TIMETABLE } from './timetable.ts';

const DAY_MS = 24 * 3_600_000;
/** Results kept for each pair on each host. */
const KEPT = 20;

export const drillSettings = (spec: PairSpec): DrillSettings => spec.drill ?? DRILL_DEFAULTS;

/** What a drill's result rests on: another definition, other disks or another check, and it says nothing any more. */
export function drillFingerprint(spec: PairSpec, host: string): string {
  const disks = spec.disks.map(({ target, sizeBytes, format, paths }) => [
    target,
    sizeBytes,
    format,
    paths[host],
  ]);
  const rests = [host, spec.definitions[host] ?? '', disks, drillSettings(spec).check];
  return createHash('sha256').update(JSON.stringify(rests)).digest('hex').slice(0, 16);
}

/** Why the last passed drill on this host says nothing any more; null when it does, or there was none. */
export function staleDrill(
  spec: PairSpec,
  host: string,
  results: readonly DrillResult[],
  now: number,
): DrillStatus['stale'] {
  const passed = results.find(({ outcome }) => outcome === 'passed');
  if (!passed) return null;
  if (passed.fingerprint !== drillFingerprint(spec, host)) return 'changed';
  return now - passed.at > drillSettings(spec).maxAgeDays * DAY_MS ? 'age' : null;
}

/** Trials on this host: orders, results, timetable. */
export class Drills implements Drilling {
  readonly tasks: TaskRunner;
  readonly #context: PairContext;

  constructor(context: PairContext) {
    const { stateDir, clock, log } = context.deps;
    this.#context = context;
    this.tasks = new TaskRunner({ directory: join(stateDir, 'drills'), clock, log });
    this.tasks.register(
      drillOrder(context, {
        fingerprint: (spec) => drillFingerprint(spec, context.self),
        check: (spec) => drillSettings(spec).check,
        keep: (pairId, result) => this.#keep(pairId, result),
        othersRun: (pairId) => this.#running.some((task) => task.pairId !== pairId),
      }),
    );
  }

  get #running(): Task[] {
    return this.tasks.list().filter(({ state }) => state === 'running');
  }

  giveWay(): void {
    const { hypervisor, log } = this.#context.deps;
    for (const { id, pairId, subject } of this.#running) {
      log('info', `the drill of ${subject} makes way`);
      this.tasks.cancel(id);
      // Its memory is wanted now, whatever step it was in.
      const { uuid } = trialCopy(pairId, subject);
      if (isLive(this.#context.vmState(uuid))) void hypervisor.destroy(uuid);
    }
  }

  async end(pairId: string): Promise<void> {
    const task = this.tasks.running(pairId);
    if (!task) return;
    this.tasks.cancel(task.id);
    await this.tasks.settled(task.id);
  }

  status({ spec, notes }: StoredPair): DrillStatus {
    const settings = drillSettings(spec);
    const now = this.#context.now();
    return {
      settings,
      results: notes.drills,
      stale: staleDrill(spec, this.#context.self, notes.drills, now),
      next: nextSlot(settings, now),
    };
  }

  async order(pairId: string, { id, by, standS, point = null }: DrillOrder): Promise<Task> {
    const known = this.tasks.list().find((task) => task.id === id);
    if (known) return known;
    const pair = this.#context.pair(pairId);
    const refused = refuseDrill(this.#context, pair, point);
    if (refused) throw new ProblemError(refused);
    const subject = pair.spec.workload.name;
    const data = { pairId, subject, here: this.#context.deps.selfName(), id, by, standS, wanted: point };
    const who = by === TIMETABLE ? {} : { by };
    const task = must(await this.tasks.order('drill', { id, pairId, subject, ...who, data }));
    const { selfName } = this.#context.deps;
    this.#context.audit(
      'drill-ordered',
      pair,
      by === TIMETABLE
        ? `The timetable has the copy of ${subject} on ${selfName()} tried out.`
        : `${by} has the copy of ${subject} on ${selfName()} tried out.`,
      undefined,
      by === TIMETABLE ? 'agent' : by,
    );
    return task;
  }

  async tick(): Promise<void> {
    for (const pair of this.#context.store.all()) {
      if (pair.notes.ended || this.#context.isOwner(pair)) continue;
      await this.#tellRecord(pair);
      const last = pair.notes.drills[0]?.at ?? 0;
      if (!isDue(drillSettings(pair.spec), last, this.#context.now())) continue;
      // One after the other: they share the host's memory, and measure.
      if (this.#running.length > 0 || refuseDrill(this.#context, pair)) continue;
      await this.order(pair.spec.pairId, { id: randomUUID(), by: TIMETABLE, standS: 0 });
    }
  }

  /** Durable here before the record has it: what the voters could not be told now is told at the next look. */
  async #keep(pairId: string, result: DrillResult): Promise<void> {
    await this.#context.setNotes(pairId, (notes) => ({
      ...notes,
      drills: [result, ...notes.drills.filter(({ id }) => id !== result.id)].slice(0, KEPT),
    }));
    const pair = this.#context.store.get(pairId);
    if (pair) await this.#tellRecord(pair);
  }

  async #tellRecord({ spec, record, notes }: StoredPair): Promise<void> {
    const passed = notes.drills.find(({ outcome }) => outcome === 'passed');
    if (!passed || (record.drill?.passed?.at ?? 0) >= passed.at) return;
    const { at, host, fingerprint } = passed;
    try {
      await this.#context.swap(spec.pairId, drillPassed(this.#context.self, { at, host, fingerprint }));
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      this.#context.deps.log('info', `drill of ${spec.pairId}: recorded later: ${error.message}`);
    }
  }
}
