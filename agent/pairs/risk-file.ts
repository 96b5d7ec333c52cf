import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as v from 'valibot';
import { replaceDurably } from '../journal/durable-file.ts';
import type { Log } from '../ports.ts';
import { type RiskHistory, type RiskSample, RtoMeasure } from '../protocol/index.ts';
import { HOUR_MS, HOURS_KEPT, MINUTE_MS, MINUTES_KEPT, RiskRing } from './risk-ring.ts';

/** Lines after which the file is written anew with what is kept: it never has more than twice of that. */
const MOST_LINES = 2 * (MINUTES_KEPT + HOURS_KEPT);
const MEASURES_KEPT = 20;

/** A minute, an hour; until when the copy was whole; a measured time to answer. */
const Line = v.variant('t', [
  v.object({
    t: v.picklist(['m', 'h']),
    at: v.number(),
    s: v.nullable(v.number()),
    b: v.nullable(v.number()),
  }),
  v.object({ t: v.literal('w'), at: v.nullable(v.number()) }),
  v.object({ t: v.literal('r'), measure: RtoMeasure }),
]);
type Line = v.InferOutput<typeof Line>;

/**
 * One pair's history on this host: lines are appended, each on stable storage when its call resolves. A torn line, which a
 * loss of power leaves, is passed over; it was never said to be kept.
 */
export class RiskFile {
  readonly #path: string;
  readonly #log: Log;
  readonly #minutes = new RiskRing(MINUTE_MS, MINUTES_KEPT);
  readonly #hours = new RiskRing(HOUR_MS, HOURS_KEPT);
  #measures: RtoMeasure[] = [];
  #whole: number | null = null;
  #lines = 0;
  #closed = false;
  #tail: Promise<void> = Promise.resolve();

  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  /** `now`: wall clock, ms; what lies after it a wrong clock has written. */
  async load(now: number): Promise<void> {
    const text = await readFile(this.#path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') this.#log('warn', `${this.#path}: ${error.message}`);
      return '';
    });
    for (const line of text.split('\n')) {
      const read = line === '' ? null : parsed(line);
      const ahead = (read?.t === 'm' || read?.t === 'h') && read.at > now;
      if (read && !ahead) this.#take(read);
    }
  }

  get history(): RiskHistory {
    return {
      minutes: [...this.#minutes.samples],
      hours: [...this.#hours.samples],
      measures: [...this.#measures],
    };
  }

  /** Newest first. */
  get measures(): readonly RtoMeasure[] {
    return this.#measures;
  }

  /** Until when the copy was known to be whole, of a time in which it was no more; wall clock, ms. */
  get whole(): number | null {
    return this.#whole;
  }

  /** The newest sample of this host. */
  get last(): RiskSample | undefined {
    return this.#minutes.samples.at(-1);
  }

  /** The worst of one minute. */
  minute({ at, seconds, bytes }: RiskSample): Promise<void> {
    return this.#append({ t: 'm', at, s: seconds, b: bytes });
  }

  setWhole(at: number | null): Promise<void> {
    return at === this.#whole ? this.#tail : this.#append({ t: 'w', at });
  }

  measured(measure: RtoMeasure): Promise<void> {
    return this.#append({ t: 'r', measure });
  }

  remove(): Promise<void> {
    return this.#queue(() => rm(this.#path, { force: true }));
  }

  settled(): Promise<void> {
    return this.#tail;
  }

  /** Nothing more is kept from here on; resolves once what was is on disk, or has failed to get there. */
  close(): Promise<void> {
    this.#closed = true;
    return this.#tail;
  }

  #take(line: Line): void {
    this.#lines += 1;
    if (line.t === 'w') this.#whole = line.at;
    else if (line.t === 'r') this.#takeMeasure(line.measure);
    else {
      const sample = { at: line.at, seconds: line.s, bytes: line.b };
      if (line.t === 'm') this.#minutes.add(sample);
      this.#hours.add(sample);
    }
  }

  /** Written anew, the file may hold a line twice: all of them may be taken twice. */
  #takeMeasure(measure: RtoMeasure): void {
    const others = this.#measures.filter(({ at, source }) => at !== measure.at || source !== measure.source);
    this.#measures = [measure, ...others].slice(0, MEASURES_KEPT);
  }

  /** What cannot be written (disk full) is kept in memory and told. */
  #append(line: Line): Promise<void> {
    if (this.#closed) return this.#tail;
    this.#take(line);
    return this.#queue(async () => {
      if (this.#lines > MOST_LINES) await this.#rewrite();
      else await append(this.#path, `\n${JSON.stringify(line)}`);
    });
  }

  async #rewrite(): Promise<void> {
    const [minutes, hours] = [this.#minutes.samples, this.#hours.samples];
    const lines: Line[] = [
      ...hours.map(({ at, seconds, bytes }): Line => ({ t: 'h', at, s: seconds, b: bytes })),
      ...minutes.map(({ at, seconds, bytes }): Line => ({ t: 'm', at, s: seconds, b: bytes })),
      ...this.#measures.toReversed().map((measure): Line => ({ t: 'r', measure })),
      { t: 'w', at: this.#whole },
    ];
    await replaceDurably(this.#path, lines.map((line) => `\n${JSON.stringify(line)}`).join(''));
    this.#lines = lines.length;
  }

  #queue(work: () => Promise<void>): Promise<void> {
    const run = this.#tail.then(work).catch((error) => this.#log('warn', `${this.#path}: ${String(error)}`));
    this.#tail = run;
    return run;
  }
}

function parsed(line: string): Line | null {
  try {
    const read = v.safeParse(Line, JSON.parse(line));
    return read.success ? read.output : null;
  } catch {
    return null;
  }
}

/** The leading newline ends a torn line, if there is one. */
async function append(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const handle = await open(path, 'a', 0o600);
  try {
    await handle.writeFile(text);
    await handle.datasync();
  } finally {
    await handle.close();
  }
}
