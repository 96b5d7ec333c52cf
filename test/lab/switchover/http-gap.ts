import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { waitFor } from '../run.ts';
import type { Lab } from '../running-lab.ts';

const PROGRAM = join(import.meta.dirname, 'http-gap-process.ts');

export interface HttpGap {
  /** Longest time between two answers, seconds, and the Unix milliseconds of both. */
  seconds: number;
  from: number;
  to: number;
  answers: number;
}

/** A client on the third machine that asks a guest's web server all the time. */
export class HttpWatch {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #ended: Promise<void>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = new Promise((resolve) => child.on('close', () => resolve()));
    if (child.stdout)
      createInterface({ input: child.stdout }).on('line', (line) => void this.#lines.push(line));
  }

  /** Resolves once the guest has answered. */
  static async start(lab: Lab, guest: string): Promise<HttpWatch> {
    const url = `http://${lab.guest(guest).address}/`;
    const [command = '', ...args] = lab.inNamespace([process.execPath, PROGRAM, url]);
    const watch = new HttpWatch(spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] }));
    await waitFor(`${guest} to answer HTTP`, 60_000, () => watch.#lines.length > 0, 20);
    return watch;
  }

  async stop(): Promise<HttpGap> {
    this.#child.stdin?.end();
    await this.#ended;
    return JSON.parse(this.#lines.at(-1) ?? '') as HttpGap;
  }
}
