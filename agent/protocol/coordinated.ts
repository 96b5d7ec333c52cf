import * as v from 'valibot';
import type { Problem } from './problem.ts';

/**
 * Copies that somebody else keeps: nothing is copied by us. *shared*: both hosts reach the very same image files. *external*:
 * a replication the operator has set up (ZFS send, DRBD, Ceph RBD, a storage array); we ask how it is, and have the copy made
 * writable when its machine is to start there.
 */

/** One program with its arguments, exactly as they are given to it: no shell, no variables, no secrets. */
export const HostCommand = v.pipe(
  v.array(v.pipe(v.string(), v.maxLength(1_024))),
  v.minLength(1),
  v.maxLength(32),
);
export type HostCommand = v.InferOutput<typeof HostCommand>;

/** What an operator has a host run for an external replication. */
export const ExternalCommands = v.object({
  /** Says how the replication is (docs/external.md). Changes nothing. */
  state: HostCommand,
  /** Makes the copy on this host the one that is written to. Repeatable: ok when it is already. */
  promote: HostCommand,
  /** The opposite, before the other host promotes; null: there is no such thing, so no planned change of sides. */
  demote: v.nullable(HostCommand),
});
export type ExternalCommands = v.InferOutput<typeof ExternalCommands>;
export type ExternalVerb = keyof ExternalCommands;

export const SharedMode = v.object({ kind: v.literal('shared') });
export const ExternalMode = v.object({
  kind: v.literal('external'),
  /**
   * No write is acknowledged before the copy has it, also while the link is broken (the replication then makes writes wait).
   * Nothing but the operator's word says so. Only then may somebody fail over by himself.
   */
  synchronous: v.boolean(),
  /** How often the state is asked for, s. Bounds: `coordinatedProblem`. */
  everyS: v.pipe(v.number(), v.integer()),
  /** By host id: both members'. */
  commands: v.record(v.string(), ExternalCommands),
});
export type SharedMode = v.InferOutput<typeof SharedMode>;
export type ExternalMode = v.InferOutput<typeof ExternalMode>;
export type CoordinatedMode = SharedMode | ExternalMode;

export const STATE_EVERY_BOUNDS_S = { least: 1, most: 300 } as const;
export const STATE_EVERY_DEFAULT_S = 5;
/** How long a command may take before it is ended, ms. */
export const COMMAND_LIMITS_MS: Record<ExternalVerb, number> = {
  state: 10_000,
  promote: 120_000,
  demote: 120_000,
};

/** What a state command said: `behind` by time, by bytes, or by it does not know how much. */
export const ExternalState = v.object({
  state: v.picklist(['in-sync', 'behind', 'broken']),
  behindS: v.nullable(v.number()),
  behindBytes: v.nullable(v.number()),
  /** Its own words, at most a line. */
  line: v.string(),
});
export type ExternalState = v.InferOutput<typeof ExternalState>;

/** A copy that somebody else keeps, as its owner found it last. */
export const AttendedStatus = v.object({
  /** Wall clock (ms) of the last look that came to an answer; null before the first. */
  at: v.nullable(v.number()),
  /** Wall clock (ms): last time the copy was found to have everything; null when it never was. */
  wholeAt: v.nullable(v.number()),
  behindS: v.nullable(v.number()),
  behindBytes: v.nullable(v.number()),
  /** For a person: what was found, or what the command said. */
  line: v.string(),
});
export type AttendedStatus = v.InferOutput<typeof AttendedStatus>;

/** Words that belong into a file only root can read, not into arguments that every user of the host can list. */
const SECRET = /^-{0,2}(pass(word|wd|phrase)?|secret|token|api[-_]?key|credentials?)([=:]|$)/i;

const no = (kind: string, message: string, next: string, field: string): Problem => ({
  kind,
  message,
  next,
  field,
});

/** Why a command cannot be taken as it stands; null when it can. Whether the host has it the host says. */
export function commandProblem(verb: ExternalVerb, command: HostCommand): Problem | null {
  const [program = ''] = command;
  if (!program.startsWith('/') || program.includes('/../') || program.endsWith('/'))
    return no(
      'command-not-absolute',
      `The ${verb} command does not begin with the full path of a program: "${program}".`,
      'Give the path from / on, for instance /usr/local/sbin/replica, then its arguments.',
      verb,
    );
  const unsafe = command.some((part) => [...part].some((sign) => sign < ' ' || sign === '\u007f'));
  if (unsafe)
    return no(
      'command-unreadable',
      `The ${verb} command holds signs that are no text (a line break, a tab, a zero byte).`,
      'It is run as it stands, without a shell: put such things into a script.',
      verb,
    );
  const secret = command.find((part) => SECRET.test(part));
  if (secret === undefined) return null;
  return no(
    'command-with-secret',
    `The ${verb} command seems to carry a secret: every user of the host can read a program's arguments.`,
    'Let the program read it from a file that only root can read.',
    verb,
  );
}

/** What a coordinated mode cannot be; null when it can. */
export function coordinatedProblem(mode: CoordinatedMode): Problem | null {
  if (mode.kind === 'shared') return null;
  const { least, most } = STATE_EVERY_BOUNDS_S;
  if (mode.everyS < least || mode.everyS > most)
    return no(
      'state-every-out-of-range',
      `The state of the replication is asked for every ${least} s to ${most / 60} min.`,
      'Choose a time between them.',
      'everyS',
    );
  for (const commands of Object.values(mode.commands))
    for (const verb of ['state', 'promote', 'demote'] as const) {
      const command = commands[verb];
      const problem = command && commandProblem(verb, command);
      if (problem) return problem;
    }
  return null;
}
