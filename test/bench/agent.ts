/**
 * npm run bench:agent -- [--json] [--seconds 120] [--install]: what the agent costs a host with ten defined, idle
 * machines, on a real host of a lab of its own. The last line with --json holds the figures.
 */
import { execFile, spawn } from 'node:child_process';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { parseArgs, promisify } from 'node:util';
import { down, type Lab, up } from '../lab/lab.ts';
import { places } from '../lab/places.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const AGENT = join(ROOT, 'dist', 'agent');
const PLACES = places('bench');
const HOST = 'atlas';
const IDLE_VMS = 10;
const GOAL = { pssMiB: 54, cpuPercent: 0.5 };
/** USER_HZ, proc(5). */
const TICKS_PER_SECOND = 100;
/** Start-up work is over by then: the bench measures rest, s. */
const SETTLE_S = 10;

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '120' },
    install: { type: 'boolean', default: false },
  },
});
const seconds = Number(options.seconds);
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

/** Pids, as this machine counts them, of everything the agent's units run in the host. */
async function agentPids(lab: Lab): Promise<number[]> {
  const root = await stat(lab.pathOn(HOST, '/opt/understudy'));
  const found: number[] = [];
  for (const name of (await readdir('/proc')).filter((each) => /^\d+$/.test(each))) {
    const words = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    const isOurs = words.includes('/opt/understudy/') || words.includes('/run/understudy/');
    if (!isOurs) continue;
    const seen = await stat(`/proc/${name}/root/opt/understudy`).catch(() => null);
    if (seen?.dev === root.dev && seen.ino === root.ino) found.push(Number(name));
  }
  return found;
}

/** How many other processes run the same file as the agent: they would make its share of memory look small. */
async function sharers(pids: number[]): Promise<number> {
  const own = await stat(`/proc/${pids[0]}/exe`);
  let count = 0;
  for (const name of (await readdir('/proc')).filter((each) => /^\d+$/.test(each))) {
    const seen = await stat(`/proc/${name}/exe`).catch(() => null);
    if (seen?.ino === own.ino && seen.dev === own.dev && !pids.includes(Number(name))) count += 1;
  }
  return count;
}

/** Proportional set size of one process, MiB (proc(5), smaps_rollup). */
async function pssMiB(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) / 1024;
}

async function cpuSeconds(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);

/** Share of one core over the given time, percent. */
async function cpuPercent(pids: number[]): Promise<number> {
  const total = async (): Promise<number> => sum(await Promise.all(pids.map(cpuSeconds)));
  const before = await total();
  const start = performance.now();
  await pause(seconds * 1000);
  const spent = (performance.now() - start) / 1000;
  return ((await total()) - before) * (100 / spent);
}

async function processName(pid: number): Promise<string> {
  const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').filter(Boolean);
  return words.at(-1)?.startsWith('-') ? (words[0] ?? '') : [words[0], words.at(-1)].join(' ');
}

/** What is measured is what the sources say now. */
async function buildAgent(): Promise<void> {
  const script = join(ROOT, 'src-main', 'scripts', 'build-agent.mjs');
  await promisify(execFile)(process.execPath, [script], { cwd: ROOT });
}

interface Console {
  /** The next line it says. */
  next(): Promise<Record<string, number>>;
  tell(word: string): void;
  end(): void;
}

/** The console's process, on the lab's third machine. */
async function startConsole(lab: Lab): Promise<Console> {
  const manifest: { version: string } = JSON.parse(await readFile(join(AGENT, 'manifest.json'), 'utf8'));
  const script = join(import.meta.dirname, 'console.ts');
  const args = [lab.host(HOST).address, lab.keyFile, AGENT, manifest.version];
  const [command = '', ...rest] = lab.inNamespace([process.execPath, script, ...args]);
  const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = linesOf(createInterface({ input: child.stdout }));
  return { next: lines, tell: (word) => child.stdin.write(`${word}\n`), end: () => child.stdin.end() };
}

function linesOf(reader: Interface): () => Promise<Record<string, number>> {
  const iterator = reader[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await iterator.next();
    if (done) throw new Error("the bench's console ended early; what it complained of stands above");
    return JSON.parse(value);
  };
}

async function measure(lab: Lab): Promise<Record<string, number>> {
  await lab.defineIdleVms(HOST, IDLE_VMS);
  const { size } = await stat(join(AGENT, 'agent.cjs'));
  const attached = await startConsole(lab);
  try {
    const { deployS = 0 } = await attached.next();
    say(`deployed in ${deployS.toFixed(1)} s; measuring for ${seconds} s`);
    await pause(SETTLE_S * 1000);
    const pids = await agentPids(lab);
    const alone = await cpuPercent(pids);
    const pss = await Promise.all(pids.map(pssMiB));
    for (const [index, pid] of pids.entries())
      say(`${await processName(pid)}: ${pss[index]?.toFixed(1)} MiB`);
    attached.tell('watch');
    await attached.next();
    say(`a console is attached; measuring for another ${seconds} s`);
    const watched = await cpuPercent(pids);
    const watchedPss = await Promise.all(pids.map(pssMiB));
    return {
      pssMiB: rounded(sum(pss), 1),
      cpuPercent: rounded(alone, 2),
      bundleKB: Math.round(size / 1024),
      deployS: rounded(deployS, 1),
      pssWatchedMiB: rounded(sum(watchedPss), 1),
      cpuWatchedPercent: rounded(watched, 2),
      processes: pids.length,
      sharers: await sharers(pids),
      seconds,
    };
  } finally {
    attached.end();
  }
}

function report(figures: Record<string, number>): boolean {
  const within = ([name, limit]: [string, number]): boolean => (figures[name] ?? Infinity) <= limit;
  const met = Object.entries(GOAL).every(within) && figures.sharers === 0;
  for (const [name, value] of Object.entries(figures)) say(`${name.padEnd(18)} ${value}`);
  say(`goals ${JSON.stringify(GOAL)}: ${met ? 'met' : 'NOT met'}`);
  if (options.json) process.stdout.write(`${JSON.stringify({ ...figures, goals: GOAL, met })}\n`);
  return met;
}

async function main(): Promise<boolean> {
  await buildAgent();
  await down(PLACES);
  try {
    const lab = await up({ hosts: 1, install: options.install, say }, PLACES);
    return report(await measure(lab));
  } finally {
    await down(PLACES);
  }
}

main().then(
  (met) => {
    process.exitCode = met ? 0 : 1;
  },
  (error: unknown) => {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  },
);
