import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes a PDF of a local HTML file; null: it could not. Only a shell with a browser engine of its own has one. */
export type Printer = (file: string) => Promise<Uint8Array | null>;

/** From one printing to the next at least, ms: a browser engine is started for each. */
const PAUSE_MS = 60_000;
/** Longer runbooks are printed by hand: thousands of pages are no work for the background. */
export const MOST_MACHINES = 200;

/** Keeps a PDF beside the runbook's HTML file, a little later than that. */
export class Printing {
  readonly #printer: Printer;
  readonly #done: (files: string[]) => void;
  #timer: NodeJS.Timeout | null = null;
  #printedAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(printer: Printer, done: (files: string[]) => void) {
    this.#printer = printer;
    this.#done = done;
  }

  /** These HTML files have just been written, all with the same in them. */
  soon(files: readonly string[], machines: number): void {
    const [first] = files;
    if (first === undefined || machines > MOST_MACHINES || this.#closed) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const wait = Math.max(1_000, this.#printedAt + PAUSE_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#printedAt = performance.now();
      void this.#print(first, files);
    }, wait);
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #print(html: string, files: readonly string[]): Promise<void> {
    const pdf = await this.#printer(html).catch(() => null);
    if (pdf === null) return;
    const made: string[] = [];
    for (const file of files) {
      const to = file.replace(/\.html$/, '.pdf');
      // The HTML file is the one that counts: a PDF that cannot be written is only missing from the list.
      if (
        await replaceBytes(to, pdf).then(
          () => true,
          () => false,
        )
      )
        made.push(to);
    }
    if (!this.#closed) this.#done(made);
  }
}

/** The old or the new after a crash: written beside, synced, renamed over. */
async function replaceBytes(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const beside = `${path}.new`;
  const handle = await open(beside, 'w', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(beside, path);
}
