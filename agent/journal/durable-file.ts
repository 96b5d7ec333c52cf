import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { fail, ok, type Result } from '../protocol/index.ts';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * fsync(2) of what lies at `path`. Of a directory: a rename or removal in it is durable. Of a file: what anybody has written
 * to it, since it is about the file and not its writer.
 */
export async function syncPath(path: string): Promise<void> {
  // Windows cannot open a directory for this; only practice agents run there.
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The file holds the old or the new text after a crash: written beside, fsynced, renamed over, directory fsynced. */
export async function replaceDurably(path: string, text: string): Promise<void> {
  const beside = `${path}.new`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const handle = await open(beside, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(beside, path);
  await syncPath(dirname(path));
}

/**
 * One JSON value on disk that is either the old or the new one after a crash, never half of either.
 * A checksum tells damage from absence.
 * Writes of one file are serialised.
 */
export class DurableFile<S extends v.GenericSchema> {
  readonly path: string;
  readonly #schema: S;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(path: string, schema: S) {
    this.path = path;
    this.#schema = schema;
  }

  /** Null when there is no file; Problem `state-damaged` when it cannot be believed (left where it is). */
  async read(): Promise<Result<v.InferOutput<S> | null>> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ok(null);
      return this.#damaged(String(error));
    }
    const end = text.indexOf('\n');
    const body = text.slice(end + 1);
    if (end !== 64 || digest(body) !== text.slice(0, end)) return this.#damaged('checksum does not match');
    const parsed = v.safeParse(this.#schema, JSON.parse(body));
    return parsed.success ? ok(parsed.output) : this.#damaged('unknown shape');
  }

  /** Durable when it resolves; rejects with the file system's error and leaves the old value. */
  write(value: v.InferInput<S>): Promise<void> {
    return this.#queue(() => {
      const body = JSON.stringify(value);
      return replaceDurably(this.path, `${digest(body)}\n${body}`);
    });
  }

  remove(): Promise<void> {
    return this.#queue(async () => {
      await rm(this.path, { force: true });
      await syncPath(dirname(this.path));
    });
  }

  /** Resolves once every write asked for so far has ended, well or not. */
  async settled(): Promise<void> {
    await this.#tail;
  }

  #queue(work: () => Promise<void>): Promise<void> {
    const run = this.#tail.then(work, work);
    this.#tail = run.catch(() => undefined);
    return run;
  }

  #damaged(why: string): Result<never> {
    return fail({
      kind: 'state-damaged',
      message: `The file ${this.path} cannot be believed: ${why}.`,
      next: 'Keep the file for inspection; the other host of the pair still holds its own copy of the record.',
      details: { path: this.path, why },
    });
  }
}

export interface Stored<S extends v.GenericSchema> {
  /** Its file's name without the ending. */
  id: string;
  file: DurableFile<S>;
  read: Result<v.InferOutput<S>>;
}

/**
 * Every value of a folder of such files, `ID.json`; the folder is made when it is missing. What cannot be believed is kept
 * under another name, so that it is never read again. `now`: wall clock, ms.
 */
export async function readFolder<S extends v.GenericSchema>(
  directory: string,
  schema: S,
  now: number,
): Promise<Stored<S>[]> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const found: Stored<S>[] = [];
  for (const name of await readdir(directory)) {
    if (!name.endsWith('.json')) continue;
    const file = new DurableFile(join(directory, name), schema);
    const read = await file.read();
    if (!read.ok) await rename(file.path, `${file.path}.damaged-${now}`);
    if (read.ok && read.value === null) continue;
    found.push({ id: name.slice(0, -'.json'.length), file, read });
  }
  return found;
}
