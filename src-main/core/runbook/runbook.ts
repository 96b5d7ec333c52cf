import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { replaceDurably } from '../../../agent/journal/durable-file.ts';
import { type Problem, ProblemError } from '../../../agent/protocol/index.ts';
import type { FleetPatch, FleetSnapshot, RunbookPage, RunbookStatus } from '../../contract/index.ts';
import { gather, type RunbookFacts, runbookOf } from './build.ts';
import { bodyOf, htmlOf } from './html.ts';
import { type Printer, Printing } from './printing.ts';

export const RUNBOOK_FILE = 'understudy-runbook.html';
const FOLDER_KEY = 'runbook-folder';
/** Changes come in bursts, and most change nothing here (leases, load): looked at this often at most, ms. */
const SETTLE_MS = 3_000;
/** Writing takes at most this part of the time: 2,000 machines are 36 MB, half a second. */
const WRITE_SHARE = 1 / 40;
/** A browser is not asked to lay out more sheets than these at once. */
const MOST_ON_A_PAGE = 100;

export interface RunbookDeps {
  /** Null: nothing is written (a practice fleet). */
  dataDir: string | null;
  version: string;
  practice: boolean;
  /** Left out: no PDF is kept. */
  printer?: Printer;
  fleet: { snapshot(): FleetSnapshot };
  settings: { get(key: string): unknown; put(key: string, value: unknown): void };
  now: () => number;
  emit: (status: RunbookStatus) => void;
}

/** Keeps the offline runbook as files that are always of what this console last knew. */
export class RunbookService {
  readonly #deps: RunbookDeps;
  #status: RunbookStatus;
  /** Digest of what was last written, without the time of day; '' when that is not whole. */
  #written = '';
  #timer: NodeJS.Timeout | null = null;
  #settleMs = SETTLE_MS;
  #tail: Promise<void> = Promise.resolve();
  #closed = false;
  readonly #printing: Printing | null;

  constructor(deps: RunbookDeps) {
    this.#deps = deps;
    this.#printing = deps.printer ? new Printing(deps.printer, (files) => this.#printed(files)) : null;
    const folder = deps.settings.get(FOLDER_KEY);
    this.#status = {
      ...{ writtenAt: null, files: [], machines: 0, problem: null },
      folder: typeof folder === 'string' ? folder : null,
    };
  }

  /** Something of the fleet changed; what changes nothing of the runbook is not written. */
  changed(patch: FleetPatch): void {
    if (patch.pairs || patch.hosts) this.#soon();
  }

  /** As the page shows it; `pairId` null: all machines. */
  page(pairId: string | null): RunbookPage {
    const facts = this.#gather();
    const tooMany = pairId === null && facts.machines.length > MOST_ON_A_PAGE;
    const shown = tooMany ? { ...facts, machines: [] } : facts;
    return {
      body: bodyOf(runbookOf(shown, pairId), false),
      status: this.#status,
      tooMany,
      machines: facts.machines.map((one) => ({ pairId: one.pairId, name: one.machine })),
    };
  }

  /** The file's text, as it would be written now. */
  file(): { name: string; text: string } {
    return { name: RUNBOOK_FILE, text: this.#html(this.#gather()) };
  }

  /** Throws ProblemError when there is no such folder. */
  async setFolder(folder: string | null): Promise<RunbookStatus> {
    if (folder !== null && !(await isFolder(folder))) throw new ProblemError(noFolder(folder));
    this.#deps.settings.put(FOLDER_KEY, folder);
    this.#status = { ...this.#status, folder };
    this.#written = '';
    await this.write();
    return this.#status;
  }

  /** Resolves when what is known now is on disk, or could not be written. */
  write(): Promise<void> {
    this.#tail = this.#tail.then(() => this.#write());
    return this.#tail;
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#printing?.close();
    // What has changed a moment ago is not lost with a console that closes.
    await this.write();
    this.#closed = true;
  }

  #soon(): void {
    if (this.#closed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.write();
    }, this.#settleMs);
  }

  #gather(): RunbookFacts {
    return gather(this.#deps.fleet.snapshot(), this.#deps.practice);
  }

  #html(facts: RunbookFacts): string {
    return htmlOf(runbookOf(facts), this.#deps.now(), this.#deps.version);
  }

  async #write(): Promise<void> {
    const { dataDir, now, emit } = this.#deps;
    if (dataDir === null || this.#closed) return;
    const facts = this.#gather();
    // A console without hosts has nothing to say that is truer than what lies there.
    if (facts.hosts.length === 0 && this.#written === '') return;
    const digest = createHash('sha256').update(JSON.stringify(facts)).digest('hex');
    if (digest === this.#written) return;
    const began = performance.now();
    const { written, problem } = await this.#toFiles(dataDir, this.#html(facts));
    this.#settleMs = Math.max(SETTLE_MS, (performance.now() - began) / WRITE_SHARE);
    // With a problem it is tried again at the next change.
    this.#written = problem === null ? digest : '';
    this.#status = {
      ...this.#status,
      writtenAt: written.length > 0 ? now() : this.#status.writtenAt,
      ...{ files: written, machines: facts.machines.length, problem },
    };
    emit(this.#status);
    this.#printing?.soon(written, facts.machines.length);
  }

  #printed(pdfs: string[]): void {
    const htmls = this.#status.files.filter((file) => file.endsWith('.html'));
    this.#status = { ...this.#status, files: [...htmls, ...pdfs] };
    this.#deps.emit(this.#status);
  }

  async #toFiles(dataDir: string, html: string): Promise<{ written: string[]; problem: Problem | null }> {
    const { folder } = this.#status;
    const written: string[] = [];
    let problem: Problem | null = null;
    const write = async (file: string): Promise<void> => {
      await replaceDurably(file, html).then(
        () => written.push(file),
        (error) => {
          problem = notWritten(file, error instanceof Error ? error.message : String(error));
        },
      );
    };
    await write(join(dataDir, 'runbook', RUNBOOK_FILE));
    // Never made by us: it may be the place where a stick is not plugged in.
    if (folder !== null && (await isFolder(folder))) await write(join(folder, RUNBOOK_FILE));
    else if (folder !== null) problem = notWritten(join(folder, RUNBOOK_FILE), 'the folder is not there');
    return { written, problem };
  }
}

async function isFolder(path: string): Promise<boolean> {
  if (!isAbsolute(path)) return false;
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

const noFolder = (folder: string): Problem => ({
  kind: 'no-such-folder',
  message: `There is no folder ${folder} on this workstation.`,
  next: 'Make it first, and give its full path: a USB stick, or a folder that is synchronised elsewhere, are good places.',
  field: 'folder',
});

const notWritten = (file: string, why: string): Problem => ({
  kind: 'runbook-not-written',
  message: `The offline runbook could not be written to ${file} (${why}).`,
  next: 'See that the folder is there and may be written to; it is tried again at the next change, and when you name the folder again.',
});
