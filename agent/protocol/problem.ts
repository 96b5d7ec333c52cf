import * as v from 'valibot';

/**
 * An expected failure, told to a person: what happened, and what to do next.
 * `kind` is for programs, `message` and `next` are shown as they stand.
 */
export const Problem = v.object({
  /** Kebab-case, stable; see the rooms that raise them. */
  kind: v.string(),
  /** What happened, one sentence, naming the host, field or machine concerned. */
  message: v.string(),
  /** What the operator can do next, one sentence. */
  next: v.string(),
  /** The input field concerned, when the failure belongs to one. */
  field: v.optional(v.string()),
  /** Facts for the audit log and the details fold; never secrets. */
  details: v.optional(v.record(v.string(), v.string())),
});
export type Problem = v.InferOutput<typeof Problem>;

/** A value, or why there is none. Expected failures travel this way; exceptions are for bugs. */
export type Result<T> = { ok: true; value: T } | { ok: false; problem: Problem };

export const ok = <T>(value: T): Result<T> => ({ ok: true, value });
export const fail = (problem: Problem): Result<never> => ({ ok: false, problem });

/** Carries a Problem through code that must throw (RPC handlers, task steps). */
export class ProblemError extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.message);
    this.name = 'ProblemError';
    this.problem = problem;
  }
}

/** The Problem inside an unknown thrown value; anything unforeseen becomes kind `unexpected`. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  const text = error instanceof Error ? error.message : String(error);
  return {
    kind: 'unexpected',
    message: `Something unforeseen happened: ${text}`,
    next: 'Try again; if it happens twice, save the diagnostics and report it.',
  };
}

/** Compile-time check that every case of a union was handled. */
export function assertNever(value: never): never {
  throw new Error(`unhandled case: ${JSON.stringify(value)}`);
}
