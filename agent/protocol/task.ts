import * as v from 'valibot';
import { Problem } from './problem.ts';

export const TaskKind = v.picklist([
  'protect',
  'unprotect',
  'resync',
  'failover',
  'switchover',
  'revert',
  'discard',
  'drill',
  'verify',
  'replace-standby',
  'mode',
]);
export type TaskKind = v.InferOutput<typeof TaskKind>;

export const TaskStep = v.object({
  id: v.string(),
  /** Present tense, for the person: "Copy the disks to boreas". */
  label: v.string(),
  state: v.picklist(['pending', 'running', 'done', 'failed', 'skipped']),
  startedAt: v.nullable(v.number()),
  endedAt: v.nullable(v.number()),
  /** Facts found on the way: "2 disks, 512 MiB". */
  note: v.optional(v.string()),
});
export type TaskStep = v.InferOutput<typeof TaskStep>;

export const TaskProgress = v.object({
  doneBytes: v.number(),
  totalBytes: v.number(),
  rateBps: v.number(),
  /** Estimated seconds left; null while unknown. */
  remainingS: v.nullable(v.number()),
});
export type TaskProgress = v.InferOutput<typeof TaskProgress>;

/** A journalled, resumable order, executed by the agent that holds it. */
export const Task = v.object({
  /** The request id given by whoever ordered it: the same id is carried out once. */
  id: v.pipe(v.string(), v.regex(/^[A-Za-z0-9-]{1,64}$/)),
  kind: TaskKind,
  pairId: v.string(),
  /** Name of the machine, for the person. */
  subject: v.string(),
  state: v.picklist(['running', 'done', 'failed', 'cancelled']),
  startedAt: v.number(),
  endedAt: v.nullable(v.number()),
  steps: v.array(TaskStep),
  progress: v.nullable(TaskProgress),
  problem: v.nullable(Problem),
  cancellable: v.boolean(),
  /** Who ordered it, by the name a console gave; left out: the agent by itself. */
  by: v.optional(v.string()),
  /** How often an agent restart interrupted and resumed it. */
  resumed: v.number(),
});
export type Task = v.InferOutput<typeof Task>;

/** One line of an agent's history: who ordered or decided what, on what evidence. */
export const AuditEntry = v.object({
  /** Rises by one per agent. */
  seq: v.number(),
  at: v.number(),
  /** 'agent', or the operator's name as the console gave it. */
  actor: v.string(),
  /** Kebab-case: 'failover-ordered', 'record-adopted', 'mirror-broken', ... */
  event: v.string(),
  pairId: v.optional(v.string()),
  /** One sentence for the person. */
  text: v.string(),
  evidence: v.optional(v.record(v.string(), v.string())),
});
export type AuditEntry = v.InferOutput<typeof AuditEntry>;
