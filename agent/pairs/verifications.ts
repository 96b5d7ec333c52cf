import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import {
  type PairSpec,
  ProblemError,
  type Task,
  VERIFY_DEFAULTS,
  type VerifySettings,
  type VerifyStatus,
} from '../protocol/index.ts';
import { TaskRunner } from '../tasks/runner.ts';
import { must, type PairContext } from './context.ts';
import { verifyOrder } from './orders/verify.ts';
import { refuseVerify } from './orders/verify-problems.ts';
import { isDistrusted, type StoredPair } from './store.ts';
import { isDue, nextSlot, TIMETABLE } from './timetable.ts';
import type { Verifying } from './verifying.ts';

/** A comparison by timetable that came to no verdict is tried again after this, ms. */
const AGAIN_MS = 3_600_000;

export const verifySettings = (spec: PairSpec): VerifySettings => spec.verify ?? VERIFY_DEFAULTS;

/** Whether a pair's comparison is due. A copy made after its time needs none before the next. */
export function verifyDue({ spec, notes }: Pick<StoredPair, 'spec' | 'notes'>, now: number): boolean {
  const verdict = notes.verifies.find(({ outcome }) => outcome === 'alike' || outcome === 'differs');
  const tried = notes.verifies[0]?.at ?? 0;
  const last = Math.max(spec.createdAt, verdict?.at ?? 0);
  return isDue(verifySettings(spec), last, now) && now - tried >= AGAIN_MS;
}

/** Comparisons on this host: orders, results, timetable. */
export class Verifications implements Verifying {
  readonly tasks: TaskRunner;
  readonly #context: PairContext;

  constructor(context: PairContext) {
    const { stateDir, clock, log } = context.deps;
    this.#context = context;
    this.tasks = new TaskRunner({ directory: join(stateDir, 'verifies'), clock, log });
    this.tasks.register(verifyOrder(context, (pairId) => this.#othersRun(pairId)));
  }

  async end(pairId: string): Promise<void> {
    const task = this.tasks.running(pairId);
    if (!task) return;
    this.tasks.cancel(task.id);
    await this.tasks.settled(task.id);
  }

  status({ spec, notes, record }: StoredPair): VerifyStatus {
    const settings = verifySettings(spec);
    const next = nextSlot(settings, this.#context.now());
    return { settings, results: notes.verifies, distrusted: isDistrusted(notes, record), next };
  }

  async order(pairId: string, { id, by }: { id: string; by: string }): Promise<Task> {
    const known = this.tasks.list().find((task) => task.id === id);
    if (known) return known;
    const pair = this.#context.pair(pairId);
    const refused = refuseVerify(this.#context, pair, this.#othersRun(pairId));
    if (refused) throw new ProblemError(refused);
    const subject = pair.spec.workload.name;
    const standby = this.#context.other(pair.spec);
    const standbyName = this.#context.nameOf(standby);
    const data = { pairId, subject, standby, standbyName, id, by, orderedAt: this.#context.now() };
    const who = by === TIMETABLE ? {} : { by };
    const task = must(await this.tasks.order('verify', { id, pairId, subject, ...who, data }));
    const text = `has the copy of ${subject} on ${standbyName} compared with it.`;
    const timetable = by === TIMETABLE;
    const actor = timetable ? 'agent' : by;
    this.#context.audit(
      'verify-ordered',
      pair,
      `${timetable ? 'The timetable' : by} ${text}`,
      undefined,
      actor,
    );
    return task;
  }

  async tick(): Promise<void> {
    for (const pair of this.#context.store.all()) {
      const { pairId } = pair.spec;
      const now = this.#context.now();
      if (pair.notes.ended || !verifyDue(pair, now) || this.tasks.running(pairId)) continue;
      const { maintenance } = pair.record;
      if (maintenance !== null && maintenance.until > now) continue;
      // One after the other: each reads all of a machine's disks.
      if (refuseVerify(this.#context, pair, this.#othersRun(pairId))) continue;
      await this.order(pairId, { id: randomUUID(), by: TIMETABLE });
    }
  }

  #othersRun(pairId: string): boolean {
    return this.tasks.list().some((task) => task.state === 'running' && task.pairId !== pairId);
  }
}
