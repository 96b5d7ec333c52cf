import type { Problem } from '../../agent/protocol/index.ts';

/** Every text of the command line. English; a function where a fact is put in. */
const of = (kind: string, message: string, next: string): Problem => ({ kind, message, next });

export const USAGE = `Usage: understudy COMMAND [OPTIONS]

  status                     hosts, protected machines and whether all is as it should be
  protect MACHINE --standby HOST
                             keep a copy of it there
      --mode sync|async|interval|shared|external   how the copy is kept (sync)
      --rpo S                with async: what may be lost at most, in seconds (30)
      --every S              with interval: from one point to the next, in seconds (900);
                             with external: how often its state is asked for, in seconds (5)
      --state COMMAND        with external: says how your replication is (docs/external.md)
      --promote COMMAND      with external: makes the copy on its host the one that is written to
      --demote COMMAND       with external: the opposite; without it the machine cannot be switched over
      --synchronous          with external: no write is acknowledged before the copy has it, even while the link is broken
      --policy manual|automatic    who decides about a failover (as in the console's settings)
      --profile fast|balanced|patient
      --witness HOST|none    who gives the third vote
      --drill first|waived   whether it is armed only after a passed drill (first; waived
                             with shared and external, whose copies cannot be tried out)
  failover MACHINE           start its copy
      --vouch NAME           nothing proves that the old copy stands still, and you know that it does: the machine's name
      --point ID             of a copy kept by points: not the newest one
  switchover MACHINE         move it to the host of its copy
      --way auto|live|cold   while it runs, or shut down and started (auto)
      --switch-off           one that does not shut down is switched off
  drill MACHINE              try its copy out beside the running replication

  MACHINE is its name, or its id when several have that name.
  COMMAND is one word for your shell: a full path and its arguments, double quotes around one that has spaces.
  It is run as root on both hosts, without a shell: --state '/usr/local/sbin/replica state r0'

  --json          the last line of the output is one JSON object
  --no-wait       do not wait until an order is carried out
  --timeout S     how long to wait for hosts that do not answer, in seconds (20)
  --data-dir DIR  the console's folder
  --practice      a fleet of simulated hosts, gone afterwards

Exit codes: 0 done, or all is well. 1 refused, failed or cancelled. 2 not understood. 3 status: something needs you.
4 a host did not answer in time. 130 you stopped waiting; the hosts go on.
`;

export const words = {
  client: {
    consoleLost: of(
      'console-lost',
      'The console ended.',
      'The hosts go on with what they have. Give the command again to see how far they are.',
    ),
    noAnswer: of('no-answer', 'The console did not answer in time.', 'Try again.'),
    cancelled: of('cancelled', 'Stopped at your request.', 'Start again when you are ready.'),
    badAnswer: of(
      'bad-answer',
      'The console that runs is of another version than this command.',
      'Close it, or use the command that came with it.',
    ),
  },
  notUnderstood: (why: string, next: string | null = null): Problem =>
    of('usage', why, next ?? 'See understudy --help.'),
  noCommand: 'No command was given.',
  unknownCommand: (name: string): string => `There is no command "${name}".`,
  missingMachine: (command: string): string => `understudy ${command} needs the name of a machine.`,
  tooMany: (rest: string): string => `"${rest}" is one name too many.`,
  foreignOption: (option: string, command: string): string => `understudy ${command} knows no --${option}.`,
  missingStandby: 'understudy protect needs --standby HOST.',
  notANumber: (option: string, text: string): string =>
    `--${option} must be a whole number of seconds, not "${text}".`,
  notOneOf: (option: string, all: readonly string[], text: string): string =>
    `--${option} is one of ${all.join(', ')}, not "${text}".`,
  goesWith: (option: string, modes: readonly string[]): string =>
    `--${option} goes with --mode ${modes.join(' or ')} only.`,
  missingCommand: (option: string): string =>
    `--mode external needs --${option} COMMAND: the full path of a program, then its arguments.`,
  quoteOpen: (option: string): string => `A double quote in --${option} is not closed.`,
  needsWhole:
    'A copy that lacks what was written last never starts by itself, so --policy automatic does not go with it.',
  needsWholeNext:
    'Say --policy manual, or choose --mode sync, --mode shared, or --mode external with --synchronous if it is.',
  noDrill: (mode: string): string =>
    `With --mode ${mode} a copy cannot be tried out beside the running machine, so no drill can be passed first.`,
  noDrillNext: 'Say --drill waived, and try a failover at a quiet hour.',
  noHosts: of(
    'no-hosts',
    'This console knows no hosts.',
    'Add them in the window first: understudy has to be let in by each.',
  ),
  noSuchMachine: (name: string, known: readonly string[]): Problem =>
    of(
      'no-such-machine',
      `No protected machine is called "${name}".`,
      known.length === 0 ? 'Protect it first.' : `Protected are: ${known.join(', ')}.`,
    ),
  noSuchVm: (name: string, free: readonly string[]): Problem =>
    of(
      'no-such-machine',
      `No machine that is not protected yet is called "${name}".`,
      free.length === 0
        ? 'Every machine that is known has a copy already.'
        : `Not protected are: ${free.join(', ')}.`,
    ),
  ambiguous: (name: string, ids: readonly string[]): Problem =>
    of('ambiguous', `Several machines are called "${name}".`, `Say which one by its id: ${ids.join(', ')}.`),
  noSuchHost: (name: string, known: readonly string[]): Problem =>
    of('no-such-host', `No host is called "${name}".`, `Known are: ${known.join(', ')}.`),
  checkFailed: (texts: readonly string[]): Problem =>
    of('check-failed', texts.join(' '), 'Mend that first; the window offers what can be mended from here.'),
  running: (sentence: string): Problem =>
    of('still-running', sentence, 'Move it instead: understudy switchover.'),
  vouch: (sentence: string, risks: readonly string[], name: string): Problem =>
    of(
      'unproven',
      [sentence, ...risks].join(' '),
      `Look at the old host. If the machine stands still there, say so: --vouch ${name}.`,
    ),
  hostSilent: (host: string): Problem =>
    of(
      'host-silent',
      `${host} does not answer any more.`,
      'It goes on by itself; look again with understudy status.',
    ),
  unanswered: (hosts: readonly string[]): string => `No answer from ${hosts.join(', ')}.`,
  goesOn: 'No longer waiting. The hosts go on; understudy status tells how far they are.',
  started: (machine: string): string => `Ordered for ${machine}; not waiting.`,
  allWell: (count: number): string =>
    count === 0
      ? 'No machine is protected yet.'
      : count === 1
        ? 'The one protected machine is as it should be.'
        : `All ${count} protected machines are as they should be.`,
  needsYou: 'Needs you:',
  unprotected: (names: readonly string[]): string => `Not protected: ${names.join(', ')}.`,
  done: (machine: string, kind: string, seconds: number): string =>
    `${kind} of ${machine}: done in ${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s.`,
} as const;
