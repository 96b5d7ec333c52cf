import { spawn } from 'node:child_process';

export interface RunOptions {
  /** Text given to the command's standard input; without it standard input is empty. */
  input?: string | Buffer;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** The command is ended (SIGKILL, its own pid) after this many milliseconds. */
  timeoutMs?: number;
}

export interface RunResult {
  /** Exit status; 128 + signal number style is not used, a signal gives -1. */
  code: number;
  stdout: string;
  stderr: string;
}

export class CommandFailed extends Error {
  readonly argv: string[];
  readonly result: RunResult;
  constructor(argv: string[], result: RunResult) {
    const output = `${result.stderr}${result.stdout}`.trim().slice(-2000);
    super(`${argv.join(' ')} ended with ${result.code}${output ? `:\n${output}` : ''}`);
    this.name = 'CommandFailed';
    this.argv = argv;
    this.result = result;
  }
}

/** Runs a command to its end; a failing command is an ordinary result here. */
export function run(argv: string[], options: RunOptions = {}): Promise<RunResult> {
  const [command = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const timer = options.timeoutMs ? setTimeout(() => child.kill('SIGKILL'), options.timeoutMs) : null;
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    // A command that exits without reading its input is judged by its status, not by this pipe.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
    child.on('error', reject);
    child.on('close', (code) => {
      if (timer) clearTimeout(timer);
      resolve({
        code: code ?? -1,
        stdout: Buffer.concat(out).toString('utf8'),
        stderr: Buffer.concat(err).toString('utf8'),
      });
    });
  });
}

/** Like `run`, but a failing command throws; returns its standard output. */
export async function must(argv: string[], options: RunOptions = {}): Promise<string> {
  const result = await run(argv, options);
  if (result.code !== 0) throw new CommandFailed(argv, result);
  return result.stdout;
}

/**
 * Asks again and again until the answer is neither null nor false. For states of other processes that tell nobody
 * when they change; `what` names the state in the error.
 */
export async function waitFor<T>(
  what: string,
  timeoutMs: number,
  ask: () => Promise<T | null | false> | T | null | false,
  everyMs = 100,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null && answer !== false) return answer;
    if (performance.now() > end) throw new Error(`waited ${timeoutMs / 1000} s in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
