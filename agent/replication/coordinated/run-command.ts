import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path/posix';
import { fail, type HostCommand, ok, type Problem, type Result } from '../../protocol/index.ts';
import { MOST_OUTPUT_BYTES, type Ran } from './host.ts';

/** All that a command sees of the agent's surroundings. */
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
const OTHERS_WRITE = 0o022;
/** Told of a program that a signal ended, as a shell does. */
const BY_SIGNAL = 128;
const DRAIN_MS = 500;

/** Whether it may be run: it runs as root, so nobody else may be able to put something else in its place. */
export async function checkCommand(command: HostCommand, host: string): Promise<Result<void>> {
  const [program = ''] = command;
  const found = await stat(program).catch(() => null);
  if (found === null) return fail(missing(program, host));
  const executable = await access(program, constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!found.isFile() || !executable) return fail(notExecutable(program, host));
  for (const path of [program, dirname(program)]) {
    const { uid, mode } = path === program ? found : await stat(path);
    if (uid !== 0 || (mode & OTHERS_WRITE) !== 0) return fail(unsafe(path, host));
  }
  return ok(undefined);
}

/** In a process group of its own, so that whatever it has started goes with it. */
export async function runCommand(command: HostCommand, limitMs: number, host: string): Promise<Result<Ran>> {
  const checked = await checkCommand(command, host);
  if (!checked.ok) return checked;
  const [program = '', ...args] = command;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: '/',
      env: ENVIRONMENT,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      shell: false,
    });
    const said = { stdout: '', stderr: '' };
    let bytes = 0;
    const finish = (result: Result<Ran>): void => {
      clearTimeout(timer);
      endGroup(child.pid);
      resolve(result);
    };
    const timer = setTimeout(() => finish(fail(late(program, limitMs, host))), limitMs);
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => {
        bytes += Buffer.byteLength(text);
        if (bytes > MOST_OUTPUT_BYTES) finish(fail(tooLong(program, host)));
        else said[name] += text;
      });
    child.on('error', (error) =>
      finish(fail({ ...notExecutable(program, host), details: { error: error.message } })),
    );
    let code = BY_SIGNAL;
    const ended = (): void => finish(ok({ ...said, code }));
    child.on('exit', (exit) => {
      code = exit ?? BY_SIGNAL;
      // What it left running in the background goes, and with that the last hold on its outputs; what escaped is not waited for.
      endGroup(child.pid);
      setTimeout(ended, DRAIN_MS).unref();
    });
    child.on('close', ended);
  });
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}

const missing = (program: string, host: string): Problem => ({
  kind: 'command-missing',
  message: `There is no ${program} on ${host}.`,
  next: `Put the program there on ${host}, or correct its path.`,
});

const notExecutable = (program: string, host: string): Problem => ({
  kind: 'command-not-executable',
  message: `${program} on ${host} cannot be executed.`,
  next: `On ${host}: chmod 755 ${program}; a script needs its interpreter in its first line (#!/bin/sh).`,
});

const unsafe = (path: string, host: string): Problem => ({
  kind: 'command-unsafe',
  message: `${path} on ${host} can be changed by others than root, and would be run as root.`,
  next: `On ${host}: chown root:root ${path}; chmod go-w ${path}.`,
});

const late = (program: string, limitMs: number, host: string): Problem => ({
  kind: 'command-late',
  message: `${program} on ${host} did not come to its end within ${limitMs / 1_000} s, and was ended.`,
  next: `Run it by hand on ${host} and look what it waits for.`,
});

const tooLong = (program: string, host: string): Problem => ({
  kind: 'command-output-too-long',
  message: `${program} on ${host} wrote more than ${MOST_OUTPUT_BYTES / 1024} KiB, and was ended.`,
  next: 'Let it write one line, or one JSON object.',
});
