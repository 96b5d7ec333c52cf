import { existsSync, readFileSync, statSync } from 'node:fs';
import { setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import {
  bootMs,
  commandLine,
  commandName,
  controlGroups,
  executes,
  innerPid,
  pids,
  startTicks,
  threadStates,
} from '../lab/proc.ts';
import { type GuestState, type Sample, type Sight, Watch } from './watch.ts';

/*
 * The observer (observer.ts starts it): looks at all hosts of a lab from outside, through /proc alone, and tells what
 * it finds, one JSON object a line. It asks neither the agents nor libvirtd nor the lab's own code.
 *   LAB BOUND_MS UUID...   guests of these UUIDs; ends with standard input, on which it is told what the tester continued
 */

const [, , lab = '', bound = '200', ...uuids] = process.argv;
const EVERY_MS = 100;
/** While two processes of one guest are there, or something has just changed. */
const CLOSELY_MS = 5;
const CLOSELY_FOR_MS = 1_000;
/** A process may become a QEMU within this time after it appeared (fork, then exec). */
const SETTLED_MS = 3_000;
const FREEZER = '/sys/fs/cgroup/freezer';

interface Qemu {
  pid: number;
  start: number;
  host: string;
  uuid: string;
  name: string;
  since: number;
}

const qemus = new Map<number, Qemu>();
const others = new Map<number, number>();

const now = (): number => performance.timeOrigin + performance.now();

function readHead(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function identify(pid: number): Qemu | null {
  if (!commandName(pid).startsWith('qemu-system')) return null;
  const host = new RegExp(`/understudy-${lab}/([a-z]+)`).exec(controlGroups(pid))?.[1];
  const argv = commandLine(pid);
  const uuid = argv[argv.indexOf('-uuid') + 1] ?? '';
  const name = /guest=([^,]+)/.exec(argv[argv.indexOf('-name') + 1] ?? '')?.[1] ?? '';
  const start = startTicks(pid);
  if (host === undefined || start === null || !uuids.includes(uuid)) return null;
  return { pid, start, host, uuid, name, since: now() };
}

function scan(): void {
  const present = new Set(pids());
  for (const pid of [...qemus.keys(), ...others.keys()]) {
    if (present.has(pid)) continue;
    qemus.delete(pid);
    others.delete(pid);
  }
  for (const pid of present) {
    const seen = others.get(pid);
    if (qemus.has(pid) || (seen !== undefined && now() - seen > SETTLED_MS)) continue;
    const qemu = identify(pid);
    if (qemu) {
      qemus.set(pid, qemu);
      others.delete(pid);
    } else if (seen === undefined) others.set(pid, now());
  }
}

const frozenV2 = (host: string): string =>
  readHead(`/sys/fs/cgroup/understudy-${lab}/${host}/cgroup.freeze`).trim();

/** Also while it is freezing: a thread that was told waits for a processor (R) or something else (D), and executes nothing first. */
function isFrozen(host: string): boolean {
  if (!existsSync(FREEZER)) return frozenV2(host) === '1';
  return /^FR/.test(readHead(`${FREEZER}/understudy-${lab}/${host}/freezer.state`));
}

/** libvirt's own word on the domain: QEMU starts paused and is continued by libvirt alone. */
function isPaused(qemu: Qemu): boolean {
  const text = readHead(`/proc/${qemu.pid}/root/run/libvirt/qemu/${qemu.name}.xml`).slice(0, 1000);
  const [, state, pid] = /<domstatus state='([a-z]+)'.*? pid='(\d+)'/.exec(text) ?? [];
  // Not written yet: a process that has just been started, with -S.
  if (Number(pid) !== innerPid(qemu.pid)) return now() - qemu.since < CLOSELY_FOR_MS;
  return state !== 'running';
}

function stateOf(qemu: Qemu, frozen: string[]): GuestState | null {
  const states = threadStates(qemu.pid);
  if (states === '' || /^[ZX]+$/.test(states) || startTicks(qemu.pid) !== qemu.start) return null;
  if (frozen.includes(qemu.host)) return 'frozen';
  if (!executes(states)) return 'stopped';
  return isPaused(qemu) ? 'paused' : 'runs';
}

/** How long the permission (agent/guard/FORMAT.md) has run out; one that was taken back at once (0), since that was written. */
function lateness(qemu: Qemu): number | null {
  const file = `/proc/${qemu.pid}/root/run/understudy/guard/${qemu.uuid}`;
  const deadline = /^understudy-permission 1 \d+ \S+ deadline (\d+)/.exec(readHead(file))?.[1];
  if (deadline === undefined) return null;
  const late = deadline === '0' ? now() - writtenAt(file) : bootMs() - Number(deadline);
  return late > 0 ? late : null;
}

/** Unix ms; now when it is gone. */
function writtenAt(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? now();
}

function look(qemu: Qemu, frozen: string[]): Sight[] {
  // The permission first: one that is renewed in between must not make its process look late.
  const lateMs = lateness(qemu);
  const state = stateOf(qemu, frozen);
  const { host, uuid, pid, start } = qemu;
  return state === null ? [] : [{ host, uuid, pid, start, state, lateMs }];
}

function frozenHosts(): string[] {
  return [...new Set([...qemus.values()].map(({ host }) => host))].filter(isFrozen);
}

/** A guest that runs on two hosts: the first is looked at again, so that both ran at one instant. */
function runsTwice(uuid: string, sights: Sight[]): boolean {
  const running = sights.filter((sight) => sight.uuid === uuid && sight.state === 'runs');
  if (new Set(running.map(({ host }) => host)).size < 2) return false;
  const frozen = frozenHosts();
  const still = running.filter(({ pid }) => {
    const qemu = qemus.get(pid);
    return qemu !== undefined && stateOf(qemu, frozen) === 'runs';
  });
  return new Set(still.map(({ host }) => host)).size > 1;
}

function sample(): Sample {
  const before = frozenHosts();
  const seen = [...qemus.values()].flatMap((qemu) => look(qemu, before));
  // Threads of a host that is just being frozen sleep (D) a moment before its group says so: neither do they execute anything.
  const frozen = [...new Set([...before, ...frozenHosts()])];
  const sights = seen.map((sight) =>
    frozen.includes(sight.host) ? { ...sight, state: 'frozen' as const } : sight,
  );
  return { at: now(), frozen: before, sights, both: uuids.filter((uuid) => runsTwice(uuid, sights)) };
}

const several = (sights: Sight[]): boolean =>
  uuids.some((uuid) => sights.filter((sight) => sight.uuid === uuid && sight.state !== 'stopped').length > 1);

const tell = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

const watch = new Watch(Number(bound));
let closelyUntil = 0;
let scanned = 0;
let lastRound = now();
let worstGapMs = 0;
let told = 0;

function round(): void {
  worstGapMs = Math.max(worstGapMs, now() - lastRound);
  lastRound = now();
  if (lastRound - scanned >= EVERY_MS / 2) {
    scan();
    scanned = lastRound;
  }
  const taken = sample();
  const findings = watch.take(taken);
  for (const finding of findings) tell(finding);
  if (findings.length > 0 || several(taken.sights)) closelyUntil = taken.at + CLOSELY_FOR_MS;
  if (taken.at - told > 1_000) {
    told = taken.at;
    tell({ t: 'alive', at: taken.at, worstGapMs: Math.round(worstGapMs) });
  }
  setTimeout(round, taken.at < closelyUntil ? CLOSELY_MS : EVERY_MS);
}

setPriority(-15);
const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  const { continued, at } = JSON.parse(line) as { continued: string; at: number };
  watch.continued(continued, at);
});
input.on('close', () => {
  const rest = watch.end(now()).map((overlap) => JSON.stringify(overlap));
  process.stdout.write(rest.map((line) => `${line}\n`).join(''), () => process.exit(0));
});
round();
