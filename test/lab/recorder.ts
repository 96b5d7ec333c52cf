import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Acknowledged } from './record-truth.ts';
import { must, waitFor } from './run.ts';
import type { Lab } from './running-lab.ts';

export type { Acknowledged } from './record-truth.ts';

export interface Verdict {
  /** Records acknowledged to this recorder. */
  acked: number;
  /** How many numbers are missing, damaged, older or another's on at least one disk, now or when they were rewritten. */
  missing: number;
  missingOn: { vda: number; vdb: number };
  /** Numbers of the first missing ones, and of all. */
  examples: number[];
  lost: number[];
}

export interface Outage {
  /** Longest time without an acknowledgement, seconds, and the Unix milliseconds at which it began and ended. */
  seconds: number;
  from: number;
  to: number;
}

/** All gaps of at least `atLeastS` between acknowledgements. */
export function gaps(acknowledged: readonly Pick<Acknowledged, 'at'>[], atLeastS: number): Outage[] {
  const found: Outage[] = [];
  for (const [index, { at }] of acknowledged.entries()) {
    const from = acknowledged[index - 1]?.at ?? at;
    const seconds = (at - from) / 1000;
    if (seconds >= atLeastS) found.push({ seconds, from, to: at });
  }
  return found;
}

export function longestGap(acknowledged: readonly Pick<Acknowledged, 'at'>[]): Outage {
  const longest = (a: Outage, b: Outage): Outage => (b.seconds > a.seconds ? b : a);
  return gaps(acknowledged, 0).reduce(longest, { seconds: 0, from: 0, to: 0 });
}

const PROGRAM = join(import.meta.dirname, 'recorder-process.ts');
let started = 0;

/**
 * A client on the lab's third machine that writes to a guest for as long as it runs, reconnects by itself to the
 * same address, and remembers every acknowledgement.
 */
export class Recorder {
  private readonly lab: Lab;
  private readonly address: string;
  private readonly log: string;
  private readonly child: ChildProcess;
  private readonly ended: Promise<void>;
  private count = 0;

  private constructor(lab: Lab, address: string, log: string, child: ChildProcess) {
    this.lab = lab;
    this.address = address;
    this.log = log;
    this.child = child;
    this.ended = new Promise((resolve) => child.on('close', () => resolve()));
    if (child.stdout) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        this.count = Number(line);
      });
    }
  }

  /** One write at most every `intervalMs`; new records only, or `fresh` of them and then mostly old ones anew. */
  static async start(
    lab: Lab,
    guest: string,
    intervalMs = 20,
    fresh = Number.POSITIVE_INFINITY,
  ): Promise<Recorder> {
    const { address } = lab.guest(guest);
    const folder = join(lab.places.state, 'records');
    await mkdir(folder, { recursive: true });
    const log = join(folder, `${guest}-${process.pid}-${Date.now()}-${++started}.jsonl`);
    const [command = '', ...args] = lab.inNamespace([
      process.execPath,
      PROGRAM,
      'record',
      address,
      log,
      String(intervalMs),
      String(fresh),
    ]);
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    return new Recorder(lab, address, log, child);
  }

  /** Records acknowledged so far. */
  get acked(): number {
    return this.count;
  }

  /** Resolves when `count` more records have been acknowledged than at the call. */
  async waitForMore(count: number, timeoutMs: number): Promise<void> {
    const goal = this.count + count;
    await waitFor(`${count} more acknowledged records`, timeoutMs, () => this.count >= goal, 20);
  }

  /** Ends the client (after the append in flight). */
  async stop(): Promise<void> {
    this.child.stdin?.end();
    await this.ended;
  }

  async acknowledged(): Promise<Acknowledged[]> {
    if (!existsSync(this.log)) return [];
    const lines = (await readFile(this.log, 'utf8')).split('\n');
    // The last element is what follows the last line end: nothing, or a line being written.
    return lines.slice(0, -1).map((line) => JSON.parse(line) as Acknowledged);
  }

  /** The longest gap between two acknowledgements. */
  async outage(): Promise<Outage> {
    return longestGap(await this.acknowledged());
  }

  /** Asks the guest, wherever it runs now, for every record it has acknowledged to this recorder. */
  async verify(): Promise<Verdict> {
    if ((await this.acknowledged()).length === 0)
      throw new Error('nothing was acknowledged: nothing to verify');
    const argv = [process.execPath, PROGRAM, 'verify', this.address, this.log];
    return JSON.parse(await must(this.lab.inNamespace(argv))) as Verdict;
  }
}

/** One command to the guest's record service, e.g. `status` or `unhang`; its answer's first line. */
export async function tellGuest(lab: Lab, guest: string, command: string, limitS = 10): Promise<string> {
  const { address } = lab.guest(guest);
  const script = `exec 3<>/dev/tcp/${address}/7000 && echo "$1" >&3 && read -r line <&3 && echo "$line"`;
  const argv = lab.inNamespace(['timeout', String(limitS), 'bash', '-c', script, 'bash', command]);
  return (await must(argv)).trim();
}
