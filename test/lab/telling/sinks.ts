import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ReceivedCall } from '../../../agent/telling/testing/hook-sink.ts';
import type { ReceivedMail, SmtpSink } from '../../../agent/telling/testing/smtp-sink.ts';
import { waitFor } from '../run.ts';
import type { Lab } from '../running-lab.ts';

const PROGRAM = join(import.meta.dirname, 'sink-process.ts');
const STARTS_MS = 20_000;

/** Where the lab's agents tell people: a mail server and a web service on the third machine. */
export class Sinks {
  readonly mails: ReceivedMail[] = [];
  readonly calls: ReceivedCall[] = [];
  readonly #child: ChildProcess;
  #mode = '';
  #ready = false;

  private constructor(child: ChildProcess) {
    this.#child = child;
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.#hear(line));
  }

  static async open(lab: Lab): Promise<Sinks> {
    const [command = '', ...args] = lab.inNamespace([process.execPath, PROGRAM]);
    const sinks = new Sinks(spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] }));
    await waitFor('mail server and web service', STARTS_MS, async () => sinks.#ready);
    return sinks;
  }

  async setMode(mode: SmtpSink['mode']): Promise<void> {
    this.#child.stdin?.write(`${mode}\n`);
    await waitFor(`the mail server to ${mode}`, STARTS_MS, async () => this.#mode === mode);
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }

  get subjects(): string[] {
    return this.mails.map(({ headers }) => headers.subject ?? '');
  }

  /** Mails that are not the same one again. */
  get different(): number {
    return new Set(this.mails.map(({ headers }) => headers['message-id'])).size;
  }

  #hear(line: string): void {
    const said = JSON.parse(line) as { mail?: ReceivedMail; call?: ReceivedCall; mode?: string };
    if (said.mail) this.mails.push(said.mail);
    else if (said.call) this.calls.push(said.call);
    else if (said.mode) this.#mode = said.mode;
    else this.#ready = true;
  }
}
