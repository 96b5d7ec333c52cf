import type { Client, ClientChannel } from 'ssh2';
import { fail, ok, type Problem, type Result } from '../../../agent/protocol/index.ts';
import {
  cancelled,
  channelRefused,
  commandTimeout,
  connectionLost,
  noSudo,
  outputTooLong,
  sudoPasswordNeeded,
  wrongSudoPassword,
} from './problems.ts';
import type { RunOptions, RunOutcome, SshTarget } from './types.ts';

const DEFAULT_TIMEOUT_MS = 30_000;
const MAX_OUTPUT_BYTES = 1024 * 1024;

/** What sudo prints on standard error when it wants the password, and what root's shell prints when it is there. */
const PROMPT = 'understudy-wants-the-sudo-password:';
const READY = 'understudy-is-root';

const DIRECT = '/bin/sh -s';
/**
 * `-k`: sudo never takes a password remembered from another terminal, so that it asks either always or never.
 * The script follows only after READY: a password can never be taken for a command, nor a command for a password.
 */
const SUDO = `env LC_ALL=C sudo -k -S -p '${PROMPT}' -- /bin/sh -c 'echo ${READY} >&2; exec /bin/sh -s'`;

interface Owner {
  readonly target: SshTarget;
  readonly user: string;
}

export function runScript(
  client: Client,
  owner: Owner,
  script: string,
  options: RunOptions,
): Promise<Result<RunOutcome>> {
  const sudo = options.rights?.kind === 'sudo' ? options.rights : null;
  return new Promise((resolve) => {
    client.exec(sudo === null ? DIRECT : SUDO, (error, channel) => {
      if (error !== undefined) {
        resolve(fail(channelRefused(owner.target, 'to run a command', error.message)));
        return;
      }
      const run = new Run(owner, channel, script, options, resolve);
      if (sudo === null) run.feed();
      else run.becomeRoot(sudo.password);
    });
  });
}

/** One script on its way. The first problem wins; otherwise the exit status does. */
class Run {
  readonly #owner: Owner;
  readonly #channel: ClientChannel;
  readonly #script: string;
  readonly #resolve: (result: Result<RunOutcome>) => void;
  readonly #stop: () => void;
  #stdout: Buffer[] = [];
  #stderr = '';
  #bytes = 0;
  #code: number | null | undefined;
  #problem: Problem | null = null;
  #sudo: { password: string | null; asked: number; ready: boolean } | null = null;

  constructor(
    owner: Owner,
    channel: ClientChannel,
    script: string,
    options: RunOptions,
    resolve: (result: Result<RunOutcome>) => void,
  ) {
    this.#owner = owner;
    this.#channel = channel;
    this.#script = script;
    this.#resolve = resolve;
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const timer = setTimeout(
      () => this.#abort(commandTimeout(owner.target, Math.round(timeoutMs / 1000))),
      timeoutMs,
    );
    const onAbort = (): void => this.#abort(cancelled());
    options.signal?.addEventListener('abort', onAbort, { once: true });
    this.#stop = () => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
    };
    this.#listen();
    if (options.signal?.aborted) onAbort();
  }

  feed(): void {
    this.#channel.end(`${this.#script}\n`);
  }

  becomeRoot(password: string | null): void {
    this.#sudo = { password, asked: 0, ready: false };
  }

  #listen(): void {
    this.#channel.on('data', (chunk: Buffer) => {
      this.#stdout.push(chunk);
      this.#count(chunk);
    });
    this.#channel.stderr.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString('utf8');
      this.#count(chunk);
      this.#watchSudo();
    });
    this.#channel.on('exit', (code: number | null) => {
      this.#code = code;
    });
    // A host that dies in the middle shows as `close`.
    this.#channel.on('error', () => undefined);
    this.#channel.once('close', () => this.#finish());
  }

  #count(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_OUTPUT_BYTES) this.#abort(outputTooLong(this.#owner.target));
  }

  #watchSudo(): void {
    const sudo = this.#sudo;
    if (sudo === null || sudo.ready) return;
    if (this.#stderr.includes(`${READY}\n`)) {
      sudo.ready = true;
      this.#stderr = this.#stderr.slice(this.#stderr.indexOf(`${READY}\n`) + READY.length + 1);
      this.feed();
      return;
    }
    const asked = this.#stderr.split(PROMPT).length - 1;
    if (asked === sudo.asked) return;
    sudo.asked = asked;
    if (asked === 1 && sudo.password !== null) this.#channel.write(`${sudo.password}\n`);
    else {
      const { target, user } = this.#owner;
      this.#problem =
        sudo.password === null ? sudoPasswordNeeded(target, user) : wrongSudoPassword(target, user);
      this.#channel.end();
    }
  }

  #abort(problem: Problem): void {
    this.#problem ??= problem;
    this.#channel.close();
    this.#finish();
  }

  #finish(): void {
    this.#stop();
    this.#resolve(this.#outcome());
  }

  #outcome(): Result<RunOutcome> {
    if (this.#problem !== null) return fail(this.#problem);
    if (this.#code === undefined) {
      return fail(connectionLost(this.#owner.target, 'it ended while a command ran'));
    }
    if (this.#sudo !== null && !this.#sudo.ready) return fail(this.#whyNoSudo());
    const stdout = Buffer.concat(this.#stdout).toString('utf8');
    return ok({ code: this.#code, stdout, stderr: this.#stderr });
  }

  #whyNoSudo(): Problem {
    const { target, user } = this.#owner;
    if (this.#code === 127) return noSudo(target, user, 'sudo is not installed');
    const said = this.#stderr.replaceAll(PROMPT, '').trim().split('\n').at(-1) ?? '';
    return noSudo(target, user, said.replace(/[.\s]+$/, ''));
  }
}
