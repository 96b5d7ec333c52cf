import {
  type ExternalCommands,
  type ExternalMode,
  MODE_DEFAULTS,
  type ModeKind,
  modeProblem,
  type ReplicationMode,
  STATE_EVERY_DEFAULT_S,
} from '../../agent/protocol/index.ts';
import { argvOf } from '../contract/host-command.ts';
import { Misread, oneOf, seconds } from './reading.ts';
import { words } from './words.ts';

/** How a copy is to be kept, as it was typed: the commands of an external replication are the same on both hosts. */
export type Kept =
  | Exclude<ReplicationMode, ExternalMode>
  | (Omit<ExternalMode, 'commands'> & { commands: ExternalCommands });

export const modeOn = (kept: Kept, members: readonly string[]): ReplicationMode =>
  kept.kind === 'external'
    ? { ...kept, commands: Object.fromEntries(members.map((hostId) => [hostId, kept.commands])) }
    : kept;

/** Options that say how the copy is kept, and with which modes each of them goes. */
const GOES_WITH = {
  rpo: ['async'],
  every: ['interval', 'external'],
  state: ['external'],
  promote: ['external'],
  demote: ['external'],
  synchronous: ['external'],
} as const satisfies Record<string, readonly ModeKind[]>;
type ModeOption = keyof typeof GOES_WITH;
export const MODE_OPTIONS = ['mode', ...(Object.keys(GOES_WITH) as ModeOption[])] as const;

export type ModeValues = { mode?: string | undefined; synchronous?: boolean | undefined } & {
  [O in Exclude<ModeOption, 'synchronous'>]?: string | undefined;
};

const MODES = ['sync', 'async', 'interval', 'shared', 'external'] as const satisfies readonly ModeKind[];

export function readMode(values: ModeValues): Kept {
  const kind = oneOf('mode', MODES, values.mode) ?? 'sync';
  for (const [option, kinds] of Object.entries(GOES_WITH) as [ModeOption, readonly ModeKind[]][])
    if (values[option] !== undefined && !kinds.includes(kind))
      throw new Misread(words.goesWith(option, kinds));
  const kept = keptBy(kind, values);
  // What the hosts would say of it too, before anybody is asked.
  const problem = modeProblem(modeOn(kept, ['either']));
  if (problem) throw new Misread(problem.message, problem.next);
  return kept;
}

function keptBy(kind: ModeKind, values: ModeValues): Kept {
  if (kind === 'shared') return { kind };
  if (kind === 'external') return external(values);
  if (kind === 'sync') return { kind };
  const usual = MODE_DEFAULTS[kind];
  if (usual.kind === 'async') return { ...usual, rpoS: seconds('rpo', values.rpo, usual.rpoS) };
  return { ...usual, everyS: seconds('every', values.every, usual.everyS) };
}

function external(values: ModeValues): Kept {
  return {
    kind: 'external',
    synchronous: values.synchronous ?? false,
    everyS: seconds('every', values.every, STATE_EVERY_DEFAULT_S),
    commands: {
      state: commandOf('state', values.state),
      promote: commandOf('promote', values.promote),
      demote: values.demote?.trim() ? commandOf('demote', values.demote) : null,
    },
  };
}

function commandOf(option: keyof ExternalCommands, line: string | undefined): string[] {
  const command = argvOf(line ?? '');
  if (command === null) throw new Misread(words.quoteOpen(option));
  if (command.length === 0) throw new Misread(words.missingCommand(option));
  return command;
}
