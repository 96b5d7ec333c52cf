import * as v from 'valibot';

const QueryBlock = v.array(
  v.object({
    inserted: v.optional(
      v.object({
        'node-name': v.optional(v.string()),
        file: v.string(),
        image: v.object({ filename: v.string() }),
      }),
    ),
  }),
);

const QueryChardev = v.array(v.object({ label: v.string(), filename: v.string() }));

/**
 * The node under the guest's device whose top image lies at `path`, from QMP's `query-block`.
 * QEMU names an image opened with options of its own by a `json:{...}` text instead of its path.
 */
export function deviceNodeOf(queryBlock: unknown, path: string): string | null {
  const parsed = v.safeParse(QueryBlock, queryBlock);
  if (!parsed.success) return null;
  for (const { inserted } of parsed.output) {
    const node = inserted?.['node-name'];
    if (node && inserted && [inserted.file, inserted.image.filename].some((name) => names(name, path)))
      return node;
  }
  return null;
}

function names(filename: string, path: string): boolean {
  if (!filename.startsWith('json:')) return filename === path;
  try {
    return topFile(JSON.parse(filename.slice('json:'.length))) === path;
  } catch {
    return false;
  }
}

/** Follows `file` children down to the protocol node's file name; backing files are left alone. */
function topFile(node: unknown): string | null {
  if (typeof node !== 'object' || node === null) return null;
  const fields = node as Record<string, unknown>;
  if (typeof fields.filename === 'string') return fields.filename;
  if (typeof fields['file.filename'] === 'string') return fields['file.filename'];
  return topFile(fields.file);
}

/** Path of libvirt's monitor socket (its chardev is called `charmonitor`), from QMP's `query-chardev`. */
export function monitorSocket(queryChardev: unknown): string | null {
  const parsed = v.safeParse(QueryChardev, queryChardev);
  if (!parsed.success) return null;
  const monitor = parsed.output.find(({ label }) => label === 'charmonitor');
  const match = monitor && /^unix:(\/[^,]+)/.exec(monitor.filename);
  return match?.[1] ?? null;
}
