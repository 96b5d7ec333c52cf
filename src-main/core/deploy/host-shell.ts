import { fail, ok, type Problem, type Result } from '../../../agent/protocol/index.ts';
import type { Rights, SshConnection } from '../ssh/types.ts';
import type { HostCommand } from './host-command.ts';
import { commandFailed, hostDiskFull } from './problems.ts';

export interface CommandOptions {
  rights: Rights;
  /** For the sentence when it fails: "could not <what>". */
  what: string;
  timeoutMs?: number;
}

/** Runs a named command and reads its answer. */
export async function runCommand<P, R>(
  ssh: SshConnection,
  command: HostCommand<P, R>,
  params: P,
  { rights, what, timeoutMs = 60_000 }: CommandOptions,
): Promise<Result<R>> {
  const outcome = await ssh.run(command.script(params), { rights, timeoutMs });
  if (!outcome.ok) return outcome;
  if (outcome.value.code === 0) return ok(command.parse(outcome.value.stdout));
  return fail(problemOfFailure(ssh.target.name, what, outcome.value.stderr));
}

function problemOfFailure(host: string, what: string, stderr: string): Problem {
  if (/no space left on device|disk quota exceeded/i.test(stderr))
    return hostDiskFull(host, '/opt/understudy');
  const said = stderr.trim().split('\n').at(-1) ?? '';
  return commandFailed(host, what, said.replace(/^\/bin\/sh: (line )?\d+: /, '').replace(/\.$/, ''));
}
