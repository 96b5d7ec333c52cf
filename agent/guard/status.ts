import type { GuardView } from '../protocol/index.ts';

/** What the guard says of one protected machine: the permission it acts on, and what its process does. */
export interface MachineStatus {
  /** As it stands in the file: "7 - deadline 81000". */
  permission: string;
  /** Number of the epoch it acts for; 0 with none. */
  epoch: number;
  kind: string;
  state: string;
}

export interface ProcessStatus {
  uuid: string;
  pid: number;
  /** runs, stopping, stopped (by a guard), killing, other (stopped, but not by a guard). */
  state: string;
  /** Boot-time clock at the last change, ms. */
  since: number;
}

/** guard.alive, read; see FORMAT.md, "What the guard says back". */
export interface GuardStatus {
  /** Boot-time clock of the round, ms. */
  ms: number;
  strength: 'armed' | 'weak';
  machines: Map<string, MachineStatus>;
  processes: ProcessStatus[];
  granted: Set<string>;
  /** "<uuid or -> <what>". */
  told: string[];
  /** How late a round began, ms: since the guard's start, and in the last minute. */
  latest: { worst: number; recent: number } | null;
  watchdog: string;
  text: string;
}

const FIRST = /^understudy-guard 1 ([0-9]{1,15}) (armed|weak)$/;

/** Null for a file that is none of the guard's, or of another version of it. */
export function parseStatus(text: string): GuardStatus | null {
  const [first = '', ...lines] = text.split('\n');
  const [, ms, strength] = FIRST.exec(first) ?? [];
  if (ms === undefined) return null;
  const status: GuardStatus = {
    ms: Number(ms),
    strength: strength === 'armed' ? 'armed' : 'weak',
    machines: new Map(),
    processes: [],
    granted: new Set(),
    told: [],
    latest: null,
    watchdog: '',
    text,
  };
  for (const line of lines) takeIn(status, line);
  return status;
}

function takeIn(status: GuardStatus, line: string): void {
  const [head = '', ...words] = line.split(' ');
  if (head === '.process') {
    const [uuid = '', pid = '', , state = '', since = ''] = words;
    status.processes.push({ uuid, pid: Number(pid), state, since: Number(since) });
  } else if (head === '.granted') status.granted = new Set(words.filter((word) => word !== '-'));
  else if (head === '.told') status.told.push(words.join(' '));
  else if (head === '.latest') status.latest = { worst: Number(words[0]), recent: Number(words[1]) };
  else if (head === '.watchdog') status.watchdog = words[0] ?? '';
  else if (head !== '' && !head.startsWith('.')) {
    const state = words.at(-1) ?? '';
    const [epoch = '', , kind = ''] = words;
    const permission = words.slice(0, -1).join(' ');
    status.machines.set(head, { permission, epoch: Number(epoch), kind, state });
  }
}

/** What `.granted` must show for `armed`, and what it means when it does not. */
const NEEDED: Record<string, string> = {
  rt: 'it may not run at real-time priority',
  locked: 'its memory is not locked',
  tmpfs: 'its folder /run/understudy is not on tmpfs',
  room: 'there are more machines or processes than it can look after',
};

/** The guard for a person; `status` is null when it has not spoken lately. */
export function viewOf(status: GuardStatus | null): GuardView {
  if (status === null) return { state: 'missing', why: SILENT };
  if (status.strength === 'armed') return { state: 'armed', why: null };
  const lacks = Object.entries(NEEDED).flatMap(([word, text]) => (status.granted.has(word) ? [] : [text]));
  if (status.told.includes('- list-unreadable')) lacks.push('its list of protected machines cannot be read');
  const last = lacks.pop() ?? 'it does not say why';
  const reasons = lacks.length === 0 ? last : `${lacks.join(', ')} and ${last}`;
  return { state: 'weak', why: `The guard is not sure to act in time: ${reasons}.` };
}

const SILENT = 'The guard does not run here: look at "systemctl status understudy-guard".';
