import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { RecordLine } from './record-line.ts';
import { type Acknowledged, RecordTruth, type Tried } from './record-truth.ts';
import type { Verdict } from './recorder.ts';

/*
 * The third machine's program, run inside the lab's namespace (recorder.ts starts it):
 *   record ADDRESS LOG INTERVAL_MS NEW   writes records until standard input ends, each acknowledged one a line in LOG;
 *                                    tells the count on standard output. The first NEW records are new ones, with a
 *                                    rewrite after every second; from then on one in twenty is new
 *   verify ADDRESS LOG               asks the guest for every acknowledged record, on both disks
 * Beside LOG: LOG.tried, rewrites before they are sent; LOG.lost, what a rewrite found that should not be there.
 */

const CONNECT_MS = 250;
/** A guest that is silent for longer is asked on a new connection; grows while it stays silent, up to the last. */
const PATIENCE_MS = [500, 1000, 2000, 4000];
const NEW_EVERY = 20;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const appendLine = (file: string, value: unknown): void => appendFileSync(file, `${JSON.stringify(value)}\n`);

/** What a client knows of its own writes, and how it chooses the next one. */
class Writer {
  readonly #log: string;
  readonly #fresh: number;
  readonly #truth = new RecordTruth();
  readonly #run = randomBytes(6).toString('hex');
  #attempt = 0;

  constructor(log: string, fresh: number) {
    this.#log = log;
    this.#fresh = fresh;
  }

  /** Null when the guest did not acknowledge; whether it wrote the record is unknown then. */
  async write(line: RecordLine, patienceMs: number): Promise<Acknowledged | null> {
    this.#attempt += 1;
    const nonce = `${this.#run}.${this.#attempt}`;
    const number = this.#toRewrite();
    if (number !== null) appendLine(`${this.#log}.tried`, { number, nonce } satisfies Tried);
    line.send(number === null ? `append ${nonce}` : `rewrite ${number} ${nonce}`);
    if (number !== null) this.#truth.tried({ number, nonce });
    const [word, answered, echoed, ...before] = ((await line.read(patienceMs)) ?? '').split(' ');
    if (word !== 'ack' || echoed !== nonce) return null;
    const answer = { number: Number(answered), nonce, at: Date.now() };
    if (number !== null) this.#compare(number, before);
    this.#truth.acked(answer);
    appendLine(this.#log, answer);
    return answer;
  }

  #toRewrite(): number | null {
    const { size } = this.#truth;
    if (this.#fresh === Number.POSITIVE_INFINITY) return null;
    const fresh = size < this.#fresh ? this.#attempt % 3 !== 0 : this.#attempt % NEW_EVERY === 0;
    return fresh ? null : this.#truth.rewritable(Math.random());
  }

  /** What was there before is the last that was acknowledged, on both disks. */
  #compare(number: number, before: string[]): void {
    for (const [disk, nonce] of before.entries())
      if (!this.#truth.accepts(number, nonce))
        appendLine(`${this.#log}.lost`, { number, disk, found: nonce, at: Date.now() });
  }
}

async function record(address: string, log: string, intervalMs: number, fresh: number): Promise<void> {
  const writer = new Writer(log, fresh);
  let stop = false;
  let line: RecordLine | null = null;
  let acked = 0;
  let silent = 0;
  process.stdin.on('end', () => {
    stop = true;
  });
  process.stdin.resume();
  while (!stop) {
    const started = Date.now();
    line ??= await RecordLine.openSoon(address, CONNECT_MS);
    const answer = line ? await writer.write(line, PATIENCE_MS[silent] ?? 4000) : null;
    if (answer) {
      silent = 0;
      console.log(++acked);
    } else {
      if (line) silent = Math.min(silent + 1, PATIENCE_MS.length - 1);
      line?.close();
      line = null;
    }
    await pause(Math.max(answer ? 0 : 20, intervalMs - (Date.now() - started)));
  }
  line?.close();
}

const REACH_MS = 60_000;

function readLines<T>(file: string): T[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((text) => JSON.parse(text) as T);
}

async function verify(address: string, log: string): Promise<Verdict> {
  const truth = new RecordTruth();
  const tried = readLines<Tried>(`${log}.tried`);
  const acknowledged = readLines<Acknowledged>(log);
  for (const entry of tried) truth.tried(entry);
  for (const entry of acknowledged) truth.acked(entry);
  const { numbers } = truth;
  // One by one: `Math.min(...numbers)` has a limit.
  const [from, to] = numbers.reduce(
    ([low, high], n) => [Math.min(low, n), Math.max(high, n)],
    [Number.POSITIVE_INFINITY, 0],
  );
  const stored = await list(address, from, to);
  const lacks = (disk: 0 | 1) => numbers.filter((n) => !truth.accepts(n, stored.get(n)?.[disk]));
  const [vda, vdb] = [lacks(0), lacks(1)];
  const missing = [...new Set([...vda, ...vdb])];
  const seen = readLines<{ number: number }>(`${log}.lost`).map(({ number }) => number);
  const lost = [...new Set([...missing, ...seen])];
  return {
    acked: acknowledged.length,
    missing: lost.length,
    missingOn: { vda: vda.length, vdb: vdb.length },
    examples: lost.slice(0, 5),
    lost,
  };
}

/** A guest that has just booted answers HTTP a moment before its record service listens. */
async function reach(address: string): Promise<RecordLine> {
  const until = Date.now() + REACH_MS;
  while (Date.now() < until) {
    const line = await RecordLine.open(address, 5_000);
    if (line) return line;
    // Refused at once, as a rule: ask again, but not in a tight loop.
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`nobody listens at ${address}`);
}

/** The nonces stored under each number, on either disk. */
async function list(address: string, from: number, to: number): Promise<Map<number, [string, string]>> {
  const stored = new Map<number, [string, string]>();
  const line = await reach(address);
  line.send(`list ${from} ${to}`);
  for (;;) {
    const text = await line.read(30_000);
    if (text === null) throw new Error(`${address} stopped answering in the middle of its list`);
    if (text === '.') break;
    const [number, a = '', b = ''] = text.split(' ');
    stored.set(Number(number), [a, b]);
  }
  line.close();
  return stored;
}

const [, , command, address = '', log = '', interval = '20', fresh = 'Infinity'] = process.argv;
if (command === 'record') await record(address, log, Number(interval), Number(fresh));
if (command === 'verify') console.log(JSON.stringify(await verify(address, log)));
process.exit(0);
