import {
  isCoordinated,
  MODE_DEFAULTS,
  type ModeKind,
  modeProblem,
  RETENTION_DEFAULT,
  type ReplicationMode,
  type SyncMode,
} from '../../../agent/protocol/mode.ts';
import { m } from '../../lib/messages.ts';
import { span } from '../../lib/time.ts';
import { type ExternalProblems, enteredExternal, externalFrom, NO_PROBLEMS } from './external-form.ts';
import { secondsOf } from './seconds.ts';

export { secondsOf };

/** As a person enters it. */
export interface Entered {
  kind: ModeKind;
  memory: boolean;
  goOn: boolean;
  goOnMs: string;
  every: string;
  rpo: string;
  last: string;
  hourly: string;
  daily: string;
  weekly: string;
  /** Of an external replication: a command a line, and how often its state is asked for. */
  state: string;
  promote: string;
  demote: string;
  stateEvery: string;
  synchronous: boolean;
}

export interface Read {
  /** Null while something is wrong. */
  mode: ReplicationMode | null;
  everyProblem: string | null;
  rpoProblem: string | null;
  goOnProblem: string | null;
  countProblem: string | null;
  /** Of an external replication, by field. */
  externalProblems: ExternalProblems;
}

/** What a pair can change to: who keeps its copy stays as it was chosen when it was protected. */
export const kindsFor = (mode: ReplicationMode): ModeKind[] =>
  isCoordinated(mode) ? [mode.kind] : ['sync', 'async', 'interval'];

/** What a form begins with. */
export function entered(mode: ReplicationMode): Entered {
  const retention = mode.kind === 'interval' ? mode.retention : RETENTION_DEFAULT;
  const everyS = mode.kind === 'interval' ? mode.everyS : defaults.everyS;
  const rpoS = mode.kind === 'async' ? mode.rpoS : defaults.rpoS;
  const sync: SyncMode = mode.kind === 'sync' ? mode : { kind: 'sync' };
  return {
    kind: mode.kind,
    memory: sync.memory ?? false,
    goOn: sync.goOnMs !== undefined,
    goOnMs: String(sync.goOnMs ?? GO_ON_MS),
    every: span(everyS * 1_000),
    rpo: span(rpoS * 1_000),
    last: String(retention.last),
    hourly: String(retention.hourly),
    daily: String(retention.daily),
    weekly: String(retention.weekly),
    ...enteredExternal(mode),
  };
}

/** Offered: more than a healthy disk or line ever needs, less than a client waits for. */
const GO_ON_MS = 1_000;

const defaults = {
  everyS: MODE_DEFAULTS.interval.kind === 'interval' ? MODE_DEFAULTS.interval.everyS : 900,
  rpoS: MODE_DEFAULTS.async.kind === 'async' ? MODE_DEFAULTS.async.rpoS : 30,
};

/** What was entered, with what is wrong with it said at its field. `members`: the two hosts, whose commands are the same. */
export function modeFrom(form: Entered, members: readonly string[] = []): Read {
  const good = {
    everyProblem: null,
    rpoProblem: null,
    goOnProblem: null,
    countProblem: null,
    externalProblems: NO_PROBLEMS,
  };
  if (form.kind === 'shared') return { mode: { kind: 'shared' }, ...good };
  if (form.kind === 'external') return { ...good, ...externalFrom(form, members) };
  if (form.kind === 'sync') return { ...good, ...syncFrom(form) };
  if (form.kind === 'async') {
    const rpoS = secondsOf(form.rpo);
    if (rpoS === null) return { mode: null, ...good, rpoProblem: m.replication.everyWrong };
    const mode: ReplicationMode = { kind: 'async', rpoS };
    const problem = modeProblem(mode);
    return problem ? { mode: null, ...good, rpoProblem: problem.message } : { mode, ...good };
  }
  const counts = [form.last, form.hourly, form.daily, form.weekly].map(countOf);
  const [last = null, hourly = null, daily = null, weekly = null] = counts;
  const everyS = secondsOf(form.every);
  const everyProblem = everyS === null ? m.replication.everyWrong : null;
  if (last === null || hourly === null || daily === null || weekly === null)
    return { mode: null, ...good, everyProblem, countProblem: m.replication.countWrong };
  if (everyS === null) return { mode: null, ...good, everyProblem };
  const mode: ReplicationMode = { kind: 'interval', everyS, retention: { last, hourly, daily, weekly } };
  const problem = modeProblem(mode);
  if (problem === null) return { mode, ...good };
  return problem.field === 'everyS'
    ? { mode: null, ...good, everyProblem: problem.message }
    : { mode: null, ...good, countProblem: problem.message };
}

function syncFrom(form: Entered): Pick<Read, 'mode' | 'goOnProblem'> {
  const goOnMs = /^\s*\d{1,6}\s*(ms)?\s*$/.test(form.goOnMs) ? Number.parseInt(form.goOnMs, 10) : null;
  if (form.goOn && goOnMs === null) return { mode: null, goOnProblem: m.replication.goOnWrong };
  const mode: ReplicationMode = {
    kind: 'sync',
    ...(form.memory ? { memory: true } : {}),
    ...(form.goOn && goOnMs !== null ? { goOnMs } : {}),
  };
  const problem = modeProblem(mode);
  return problem ? { mode: null, goOnProblem: problem.message } : { mode, goOnProblem: null };
}

function countOf(text: string): number | null {
  return /^\s*\d{1,4}\s*$/.test(text) && Number(text) <= 1_000 ? Number(text) : null;
}
