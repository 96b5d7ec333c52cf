import * as v from 'valibot';

/** One finding of a preflight, with what to do about it. */
export const Check = v.object({
  /** Kebab-case, stable: 'disk-space', 'cpu-model', 'bridges', ... */
  id: v.string(),
  state: v.picklist(['ok', 'warning', 'failed']),
  /** Where it was looked at: name of the host. */
  host: v.string(),
  /** What was looked at: "Space for the copy". */
  title: v.string(),
  /** What was found, one sentence. */
  message: v.string(),
  /** What to do; empty when ok. */
  next: v.string(),
  /** Id for `checks.fix` when the agent can mend it itself. */
  fix: v.optional(v.string()),
});
export type Check = v.InferOutput<typeof Check>;
