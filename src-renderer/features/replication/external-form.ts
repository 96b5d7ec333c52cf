import {
  commandProblem,
  coordinatedProblem,
  type ExternalMode,
  type ExternalVerb,
  STATE_EVERY_DEFAULT_S,
} from '../../../agent/protocol/coordinated.ts';
import type { ReplicationMode } from '../../../agent/protocol/mode.ts';
import { argvOf, lineOf } from '../../../src-main/contract/host-command.ts';
import { m } from '../../lib/messages.ts';
import { span } from '../../lib/time.ts';
import { secondsOf } from './seconds.ts';

/** The part of the form that is about an external replication. */
export interface EnteredExternal {
  state: string;
  promote: string;
  demote: string;
  stateEvery: string;
  synchronous: boolean;
}
export type ExternalProblems = Record<ExternalVerb | 'stateEvery', string | null>;
export const NO_PROBLEMS: ExternalProblems = { state: null, promote: null, demote: null, stateEvery: null };

export function enteredExternal(mode: ReplicationMode): EnteredExternal {
  const known = mode.kind === 'external' ? mode : null;
  const [commands] = Object.values(known?.commands ?? {});
  return {
    state: lineOf(commands?.state ?? null),
    promote: lineOf(commands?.promote ?? null),
    demote: lineOf(commands?.demote ?? null),
    stateEvery: span((known?.everyS ?? STATE_EVERY_DEFAULT_S) * 1_000),
    synchronous: known?.synchronous ?? false,
  };
}

export function externalFrom(
  form: EnteredExternal,
  members: readonly string[],
): { mode: ExternalMode | null; externalProblems: ExternalProblems } {
  const words = m.replication.external;
  const read = (verb: ExternalVerb, line: string): { command: string[] | null; problem: string | null } => {
    const command = argvOf(line);
    if (command === null) return { command: null, problem: words.quoteOpen };
    if (command.length === 0)
      return { command: null, problem: verb === 'demote' ? null : words.commandMissing };
    return { command, problem: commandProblem(verb, command)?.message ?? null };
  };
  const [state, promote, demote] = [
    read('state', form.state),
    read('promote', form.promote),
    read('demote', form.demote),
  ];
  const everyS = secondsOf(form.stateEvery);
  const externalProblems = {
    state: state.problem,
    promote: promote.problem,
    demote: demote.problem,
    stateEvery: everyS === null ? words.everyWrong : outOfRange(everyS),
  };
  const wrong = Object.values(externalProblems).some((problem) => problem !== null);
  if (wrong || everyS === null || state.command === null || promote.command === null)
    return { mode: null, externalProblems };
  const each = { state: state.command, promote: promote.command, demote: demote.command };
  const commands = Object.fromEntries(members.map((hostId) => [hostId, each]));
  return {
    mode: { kind: 'external', synchronous: form.synchronous, everyS, commands },
    externalProblems,
  };
}

const outOfRange = (everyS: number): string | null =>
  coordinatedProblem({ kind: 'external', synchronous: false, everyS, commands: {} })?.message ?? null;
