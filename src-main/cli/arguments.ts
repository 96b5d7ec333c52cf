import { parseArgs } from 'node:util';
import { isCoordinated, mayBeWhole, type Problem, type ReplicationMode } from '../../agent/protocol/index.ts';
import { type Kept, MODE_OPTIONS, modeOn, readMode } from './mode.ts';
import { isOf, Misread, oneOf, seconds } from './reading.ts';
import { words } from './words.ts';

export interface Common {
  json: boolean;
  wait: boolean;
  practice: boolean;
  /** Null: the platform's place. */
  dataDir: string | null;
  timeoutMs: number;
}

export type Order =
  | { command: 'help' }
  | { command: 'status' }
  | {
      command: 'protect';
      machine: string;
      standby: string;
      replication: Kept;
      policy: 'manual' | 'automatic' | null;
      profile: 'fast' | 'balanced' | 'patient' | null;
      /** Null: as the console's settings say; `none`: nobody. */
      witness: string | null;
      /** Null: a drill first, unless such a copy cannot be tried out. */
      drill: 'first' | 'waived' | null;
    }
  | { command: 'failover'; machine: string; vouch: string | null; point: string | null }
  | { command: 'switchover'; machine: string; way: 'auto' | 'live' | 'cold'; switchOff: boolean }
  | { command: 'drill'; machine: string };

export type Read =
  | { ok: true; order: Order; common: Common }
  | { ok: false; json: boolean; problem: Problem };

const COMMON = ['json', 'no-wait', 'timeout', 'data-dir', 'practice', 'help'] as const;
const OWN: Record<Exclude<Order['command'], 'help'>, readonly string[]> = {
  status: [],
  protect: ['standby', ...MODE_OPTIONS, 'policy', 'profile', 'witness', 'drill'],
  failover: ['vouch', 'point'],
  switchover: ['way', 'switch-off'],
  drill: [],
};
const flag = { type: 'boolean' } as const;
const text = { type: 'string' } as const;
const OPTIONS = {
  json: flag,
  'no-wait': flag,
  practice: flag,
  help: flag,
  'switch-off': flag,
  timeout: text,
  'data-dir': text,
  standby: text,
  mode: text,
  rpo: text,
  every: text,
  state: text,
  promote: text,
  demote: text,
  synchronous: flag,
  policy: text,
  profile: text,
  witness: text,
  drill: text,
  vouch: text,
  point: text,
  way: text,
} as const;
type Values = ReturnType<typeof parse>['values'];
const parse = (args: string[]) => parseArgs({ args, options: OPTIONS, allowPositionals: true });

/** What a person typed, or why it cannot be understood. Changes nothing. */
export function readArguments(args: string[]): Read {
  try {
    const { values, positionals } = parse(args);
    return { ok: true, order: orderOf(values, positionals), common: commonOf(values) };
  } catch (error) {
    const known = error instanceof Misread || (error instanceof TypeError && 'code' in error);
    if (!known) throw error;
    const next = error instanceof Misread ? error.next : null;
    return { ok: false, json: args.includes('--json'), problem: words.notUnderstood(error.message, next) };
  }
}

function commonOf(values: Values): Common {
  return {
    json: values.json ?? false,
    wait: !(values['no-wait'] ?? false),
    practice: values.practice ?? false,
    dataDir: values['data-dir'] ?? null,
    timeoutMs: seconds('timeout', values.timeout, 20) * 1000,
  };
}

function orderOf(values: Values, [command, machine, ...rest]: string[]): Order {
  if (values.help) return { command: 'help' };
  if (command === undefined) throw new Misread(words.noCommand);
  if (!isCommand(command)) throw new Misread(words.unknownCommand(command));
  for (const option of Object.keys(values))
    if (!isOf(COMMON, option) && !OWN[command].includes(option))
      throw new Misread(words.foreignOption(option, command));
  const spare = command === 'status' ? machine : rest[0];
  if (spare !== undefined) throw new Misread(words.tooMany(spare));
  if (command === 'status') return { command };
  if (machine === undefined) throw new Misread(words.missingMachine(command));
  if (command === 'drill') return { command, machine };
  if (command === 'failover')
    return { command, machine, vouch: values.vouch ?? null, point: values.point ?? null };
  if (command === 'switchover') {
    const way = oneOf('way', ['auto', 'live', 'cold'] as const, values.way) ?? 'auto';
    return { command, machine, way, switchOff: values['switch-off'] ?? false };
  }
  return protectOf(machine, values);
}

function protectOf(machine: string, values: Values): Order {
  if (values.standby === undefined) throw new Misread(words.missingStandby);
  const order = {
    command: 'protect' as const,
    machine,
    standby: values.standby,
    replication: readMode(values),
    policy: oneOf('policy', ['manual', 'automatic'] as const, values.policy),
    profile: oneOf('profile', ['fast', 'balanced', 'patient'] as const, values.profile),
    witness: values.witness ?? null,
    drill: oneOf('drill', ['first', 'waived'] as const, values.drill),
  };
  if (order.policy === 'automatic') refuseAutomatic(modeOn(order.replication, []), order.drill);
  return order;
}

/** Where the policy comes from the settings the hosts refuse the same. */
function refuseAutomatic(mode: ReplicationMode, drill: 'first' | 'waived' | null): void {
  if (!mayBeWhole(mode)) throw new Misread(words.needsWhole, words.needsWholeNext);
  if (drill === 'first' && isCoordinated(mode))
    throw new Misread(words.noDrill(mode.kind), words.noDrillNext);
}

const isCommand = (name: string): name is keyof typeof OWN => Object.hasOwn(OWN, name);
