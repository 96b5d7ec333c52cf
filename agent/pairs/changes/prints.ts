import * as v from 'valibot';

/** What tells one image file from another, and whether anybody has written to it. */
export const Print = v.object({
  /** Inode and device: another file at the same path has others. */
  file: v.string(),
  sizeBytes: v.number(),
  /** Wall clock of the last write, ms with fractions. */
  writtenMs: v.number(),
  /** Nobody of ours had it open: then it may not change at all. */
  closed: v.boolean(),
});
export type Print = v.InferOutput<typeof Print>;

/** By the image's path; null: there is none. */
export type Prints = Record<string, Print | null>;

/**
 * What has become of images since they were seen last, in one sentence; null when nothing has that we have not done
 * ourselves. An image that was open then, or is now, takes our own writes: only whether it is still the same file counts.
 */
export function touchedOf(before: Prints, now: Prints): string | null {
  for (const [path, was] of Object.entries(before)) {
    const is = now[path];
    if (was === null || is === undefined) continue;
    if (is === null) return `${path} is gone.`;
    if (is.file !== was.file) return `Another file lies at ${path}.`;
    if (!was.closed || !is.closed) continue;
    if (is.sizeBytes !== was.sizeBytes || is.writtenMs !== was.writtenMs)
      return `${path} was written to by somebody else.`;
  }
  return null;
}
