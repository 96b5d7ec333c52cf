import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { DurableFile } from '../journal/durable-file.ts';
import type { Clock, Log } from '../ports.ts';
import {
  fail,
  ok,
  type Problem,
  ProblemError,
  problemOf,
  type Result,
  Task,
  type TaskKind,
  type TaskProgress,
} from '../protocol/index.ts';

/** What a running step may do besides its work. */
export interface StepIo {
  /** Aborted when the person cancels. */
  signal: AbortSignal;
  progress(progress: TaskProgress | null): void;
  note(text: string): void;
  /** True when this step had begun before an agent restart. */
  resumed: boolean;
}

/** One step; run again from its start after a crash, so it must be idempotent. */
export interface Step<D> {
  id: string;
  label(data: D): string;
  /** Throws ProblemError. Changes to `data` are durable once the step ended. */
  run(data: D, io: StepIo): Promise<void>;
  /** False from the first step on that may no longer be cancelled. */
  cancellable: boolean;
  /** Left out of an order of which it says false. Of what the order began with: asked once. */
  when?(data: D): boolean;
}

export interface TaskDefinition<D> {
  kind: TaskKind;
  data: v.GenericSchema<unknown, D>;
  steps: Step<D>[];
  /** Puts things back after a failure or a cancellation; idempotent. */
  undo?(data: D, problem: Problem): Promise<void>;
}

export interface Order<D> {
  id: string;
  pairId: string;
  subject: string;
  /** The person who ordered it; left out: the agent by itself. */
  by?: string;
  data: D;
}

const Stored = v.object({ task: Task, data: v.unknown() });
interface Entry {
  task: Task;
  data: unknown;
  file: DurableFile<typeof Stored>;
  abort: AbortController;
  /** Resolves when the task reached an end in this process. */
  ended: Promise<void>;
}

const KEEP_FINISHED = 50;
const CANCELLED: Problem = {
  kind: 'cancelled',
  message: 'It was cancelled.',
  next: 'Start it again when you are ready.',
};

/**
 * Journalled, resumable orders: each step is on disk before it runs, so that a crash at any moment
 * is followed by the same step again and never by a forgotten one. One running task per pair.
 */
export class TaskRunner {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #definitions = new Map<TaskKind, TaskDefinition<never>>();
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<(task: Task) => void>();
  #stopped = false;

  constructor(options: { directory: string; clock: Clock; log: Log }) {
    this.#directory = options.directory;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  register<D>(definition: TaskDefinition<D>): void {
    this.#definitions.set(definition.kind, definition as unknown as TaskDefinition<never>);
  }

  list(): Task[] {
    return [...this.#entries.values()].map((entry) => entry.task);
  }

  subscribe(listener: (task: Task) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  running(pairId: string): Task | null {
    return this.list().find((task) => task.pairId === pairId && task.state === 'running') ?? null;
  }

  /** Resolves when the task ended (or the runner stopped). */
  async settled(id: string): Promise<Task | null> {
    const entry = this.#entries.get(id);
    await entry?.ended;
    return entry?.task ?? null;
  }

  /** Journals and starts a task. An id seen before returns that task: a repeated request is carried out once. */
  async order<D>(kind: TaskKind, order: Order<D>): Promise<Result<Task>> {
    const known = this.#entries.get(order.id);
    if (known) return ok(known.task);
    const busy = this.running(order.pairId);
    if (busy) {
      return fail({
        kind: 'pair-busy',
        message: `${order.subject} is busy: ${busy.steps.find((step) => step.state === 'running')?.label ?? busy.kind}.`,
        next: 'Wait until that task has ended, or cancel it first.',
        details: { task: busy.id, kind: busy.kind },
      });
    }
    const definition = this.#definition(kind);
    const steps = definition.steps.filter(
      (step) => step.when === undefined || step.when(order.data as never),
    );
    const task: Task = {
      id: order.id,
      kind,
      pairId: order.pairId,
      subject: order.subject,
      state: 'running',
      startedAt: this.#clock.now(),
      endedAt: null,
      steps: steps.map((step) => ({
        id: step.id,
        label: step.label(order.data as never),
        state: 'pending',
        startedAt: null,
        endedAt: null,
      })),
      progress: null,
      problem: null,
      cancellable: steps[0]?.cancellable ?? false,
      ...(order.by === undefined ? {} : { by: order.by }),
      resumed: 0,
    };
    const entry = this.#adopt(task, order.data);
    await this.#save(entry);
    this.#launch(entry);
    return ok(task);
  }

  cancel(id: string): Result<void> {
    const entry = this.#entries.get(id);
    if (entry?.task.state !== 'running') {
      return fail({
        kind: 'task-ended',
        message: 'That task has already ended.',
        next: 'Nothing needs to be done.',
      });
    }
    if (!entry.task.cancellable) {
      return fail({
        kind: 'past-return',
        message: 'This step can no longer be cancelled.',
        next: 'Let it end; it can be undone afterwards.',
      });
    }
    entry.abort.abort();
    return ok(undefined);
  }

  /** Reads the journal: what a crash or restart interrupted counts as running from now on. */
  async load(): Promise<void> {
    const names = await readdir(this.#directory).catch(() => []);
    for (const name of names.filter((file) => file.endsWith('.json'))) {
      const stored = await new DurableFile(join(this.#directory, name), Stored).read();
      if (!stored.ok) this.#log('warn', stored.problem.message);
      else if (stored.value) this.#adopt(stored.value.task, stored.value.data);
    }
  }

  /** Goes on with what was interrupted. */
  resume(): void {
    for (const entry of this.#entries.values()) {
      if (entry.task.state !== 'running') continue;
      entry.task.resumed += 1;
      this.#launch(entry);
    }
  }

  /** Lets running steps go without ending their tasks: the journal resumes them. Nothing is written afterwards. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const entry of this.#entries.values()) if (entry.task.state === 'running') entry.abort.abort();
    await Promise.all([...this.#entries.values()].map((entry) => entry.file.settled()));
  }

  #definition(kind: TaskKind): TaskDefinition<never> {
    const definition = this.#definitions.get(kind);
    if (!definition) throw new Error(`no task definition for ${kind}`);
    return definition;
  }

  #adopt(task: Task, data: unknown): Entry {
    const file = new DurableFile(join(this.#directory, `${task.id}.json`), Stored);
    const entry: Entry = { task, data, file, abort: new AbortController(), ended: Promise.resolve() };
    this.#entries.set(task.id, entry);
    return entry;
  }

  #launch(entry: Entry): void {
    entry.ended = this.#run(entry).catch((error) => {
      this.#log('warn', `task ${entry.task.id}: ${error instanceof Error ? error.stack : String(error)}`);
    });
  }

  async #save(entry: Entry): Promise<void> {
    if (this.#stopped) return;
    await entry.file.write({ task: entry.task, data: entry.data });
    this.#tell(entry);
  }

  #tell(entry: Entry): void {
    const copy = structuredClone(entry.task);
    for (const listener of this.#listeners) listener(copy);
  }

  async #run(entry: Entry): Promise<void> {
    const definition = this.#definition(entry.task.kind);
    const data = v.parse(definition.data, entry.data) as never;
    entry.data = data;
    try {
      for (const step of definition.steps) await this.#runStep(entry, step, data);
      await this.#end(entry, 'done', null);
    } catch (error) {
      if (this.#stopped) return;
      const problem = entry.abort.signal.aborted && entry.task.cancellable ? CANCELLED : problemOf(error);
      if (!(error instanceof ProblemError) && problem !== CANCELLED) {
        this.#log('warn', `task ${entry.task.id}: ${error instanceof Error ? error.stack : String(error)}`);
      }
      await definition
        .undo?.(data, problem)
        .catch((failure) => this.#log('warn', `undo ${entry.task.id}: ${failure}`));
      await this.#end(entry, problem === CANCELLED ? 'cancelled' : 'failed', problem);
    }
  }

  async #runStep(entry: Entry, step: Step<never>, data: never): Promise<void> {
    const shown = entry.task.steps.find((candidate) => candidate.id === step.id);
    if (!shown || shown.state === 'done') return;
    const resumed = shown.state === 'running';
    shown.state = 'running';
    shown.startedAt ??= this.#clock.now();
    entry.task.cancellable = step.cancellable;
    await this.#save(entry);
    // A cancellation asked for between two steps counts too; past the point of return it does not.
    if (entry.abort.signal.aborted && (this.#stopped || step.cancellable)) throw new ProblemError(CANCELLED);
    await step.run(data, {
      signal: entry.abort.signal,
      resumed,
      progress: (progress) => {
        entry.task.progress = progress;
        this.#tell(entry);
      },
      note: (text) => {
        shown.note = text;
        this.#tell(entry);
      },
    });
    if (this.#stopped) throw new ProblemError(CANCELLED);
    shown.state = 'done';
    shown.endedAt = this.#clock.now();
    await this.#save(entry);
  }

  async #end(entry: Entry, state: 'done' | 'failed' | 'cancelled', problem: Problem | null): Promise<void> {
    const now = this.#clock.now();
    for (const step of entry.task.steps) {
      if (step.state === 'running') Object.assign(step, { state: 'failed', endedAt: now });
      else if (step.state === 'pending') step.state = 'skipped';
    }
    Object.assign(entry.task, { state, problem, endedAt: now, cancellable: false, progress: null });
    await this.#save(entry);
    await this.#forgetOldest();
  }

  async #forgetOldest(): Promise<void> {
    const finished = [...this.#entries.values()].filter((entry) => entry.task.state !== 'running');
    finished.sort((a, b) => (b.task.endedAt ?? 0) - (a.task.endedAt ?? 0));
    for (const entry of finished.slice(KEEP_FINISHED)) {
      this.#entries.delete(entry.task.id);
      await entry.file.remove();
    }
  }
}
