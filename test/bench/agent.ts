/**
 * npm run bench:agent -- [--json] [--seconds 120] [--install]: what the agent costs a host with ten defined, idle
 * machines, on a real host of a lab of its own. The last line with --json holds the figures.
 */
import { execFile, spawn } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { parseArgs, promisify } from 'node:util';
import { down, type Lab, up } from '../lab/lab.ts';
import { places } from '../lab/places.ts';
import { agentPids, cpuPercent, pause, processName, pssMiB, rounded, sharers, sum } from './processes.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const AGENT = join(ROOT, 'dist', 'agent');
const PLACES = places('bench');
const HOST = 'atlas';
const IDLE_VMS = 10;
const GOAL = { pssMiB: 54, cpuPercent: 0.5 };
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
    const pids = await agentPids(lab, HOST);
    const alone = await cpuPercent(pids, seconds);
    const pss = await Promise.all(pids.map(pssMiB));
    for (const [index, pid] of pids.entries())
      say(`${await processName(pid)}: ${pss[index]?.toFixed(1)} MiB`);
    attached.tell('watch');
    await attached.next();
    say(`a console is attached; measuring for another ${seconds} s`);
    const watched = await cpuPercent(pids, seconds);
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
