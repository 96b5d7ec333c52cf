import { randomBytes } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { RecordLine } from './record-line.ts';
import type { Acknowledged, Verdict } from './recorder.ts';

/*
 * The third machine's program, run inside the lab's namespace (recorder.ts starts it):
 *   record ADDRESS LOG INTERVAL_MS   appends records until standard input ends, each acknowledged one a line in LOG;
 *                                    tells the count on standard output
 *   verify ADDRESS LOG               asks the guest for every acknowledged record, on both disks
 */

const CONNECT_MS = 250;
/** A guest that is silent for longer is asked on a new connection; grows while it stays silent, up to the last. */
const PATIENCE_MS = [500, 1000, 2000, 4000];

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function record(address: string, log: string, intervalMs: number): Promise<void> {
  const run = randomBytes(6).toString('hex');
  let stop = false;
  let line: RecordLine | null = null;
  let acked = 0;
  let silent = 0;
  process.stdin.on('end', () => {
    stop = true;
  });
  process.stdin.resume();
  for (let attempt = 1; !stop; attempt++) {
    const started = Date.now();
    line ??= await RecordLine.open(address, CONNECT_MS);
    const answer = line ? await append(line, `${run}.${attempt}`, PATIENCE_MS[silent] ?? 4000) : null;
    if (answer) {
      appendFileSync(log, `${JSON.stringify(answer)}\n`);
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

/** Null when the guest did not acknowledge; whether it wrote the record is unknown then. */
async function append(line: RecordLine, nonce: string, patienceMs: number): Promise<Acknowledged | null> {
  line.send(`append ${nonce}`);
  const [word, number, echoed] = ((await line.read(patienceMs)) ?? '').split(' ');
  if (word !== 'ack' || echoed !== nonce) return null;
  return { number: Number(number), nonce, at: Date.now() };
}

const REACH_MS = 60_000;

async function verify(address: string, log: string): Promise<Verdict> {
  const lines = readFileSync(log, 'utf8').split('\n').filter(Boolean);
  const acknowledged = lines.map((text) => JSON.parse(text) as Acknowledged);
  const numbers = acknowledged.map((entry) => entry.number);
  const stored = await list(address, Math.min(...numbers), Math.max(...numbers));
  const onA = acknowledged.filter((entry) => stored.get(entry.number)?.[0] === entry.nonce);
  const onB = acknowledged.filter((entry) => stored.get(entry.number)?.[1] === entry.nonce);
  const whole = new Set(onA.filter((entry) => onB.includes(entry)));
  const missing = acknowledged.filter((entry) => !whole.has(entry));
  return {
    acked: acknowledged.length,
    missing: missing.length,
    missingOn: { vda: acknowledged.length - onA.length, vdb: acknowledged.length - onB.length },
    examples: missing.slice(0, 5).map((entry) => entry.number),
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

const [, , command, address = '', log = '', interval = '20'] = process.argv;
if (command === 'record') await record(address, log, Number(interval));
if (command === 'verify') console.log(JSON.stringify(await verify(address, log)));
process.exit(0);
