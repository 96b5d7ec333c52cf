import { spawn } from 'node:child_process';
import { type Count, countTests } from './count.ts';
import { canInstall, installPackages, missingPackages } from './debian.ts';
import { GROUPS, type Stage } from './stages.ts';

const ci = process.env.CI === 'true';
const args = process.argv.slice(2);
const mayInstall = ci || args.includes('--install');
const only = args
  .find((argument) => argument.startsWith('--only='))
  ?.slice('--only='.length)
  .split(',');

interface Outcome extends Count {
  stage: string;
  /** The runner's last line of its own. */
  closing: string;
  skipped: string | null;
  seconds: number;
  output: string;
}

/** What is shown once more of a failed stage: runners say at their end what failed and why. */
const LAST_WORDS = 6_000;

/** Why the stage cannot run on this machine, or null. */
function obstacle(stage: Stage): string | null {
  if (stage.linux && process.platform !== 'linux') return `needs Linux; this is ${process.platform}`;
  if (stage.root && process.getuid?.() !== 0)
    return 'needs root (network namespaces and containers); run it with sudo';
  const wanted = mayInstall ? [...stage.packages, ...(stage.helpful ?? [])] : stage.packages;
  const missing = process.platform === 'linux' ? missingPackages(wanted) : [];
  if (missing.length === 0) return null;
  const command = `apt-get install --no-install-recommends ${missing.join(' ')}`;
  if (!mayInstall)
    return `missing Debian packages; install them with: ${command} (or: npm test -- --install)`;
  if (!canInstall()) return `missing Debian packages and not allowed to install them: ${missing.join(' ')}`;
  console.log(`> ${command}`);
  installPackages(missing);
  return null;
}

/** Runs the stage's command, keeping its output; `live`: passed through as it comes. */
function execute(stage: Stage, live: boolean): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const [command = '', ...rest] = stage.command;
    const child = spawn(command, rest, {
      env: { ...process.env, ...stage.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const keep = (chunk: Buffer): void => {
      if (live) process.stdout.write(chunk);
      output += chunk.toString('utf8');
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => resolve({ code: 1, output: `${output}\n${error.message}` }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

async function runStage(stage: Stage, live: boolean): Promise<Outcome> {
  const began = Date.now();
  console.log(live ? `\n=== ${stage.name} ===` : `> ${stage.name} ...`);
  const { code, output } = await execute(stage, live);
  if (!live) console.log(`\n=== ${stage.name} ===\n${output}`);
  const count = countTests(stage.counts, code, output);
  return {
    ...{ stage: stage.name, ...count, skipped: null, output },
    seconds: Math.round((Date.now() - began) / 1000),
  };
}

/** In CI nothing may be skipped: what cannot run there counts as failed. */
function skip({ name }: Stage, why: string): Outcome {
  console.log(`\n=== ${name} ===\nskipped: ${why}`);
  return {
    ...{ stage: name, passed: 0, failed: ci ? 1 : 0 },
    closing: '',
    skipped: why,
    seconds: 0,
    output: '',
  };
}

/** The words of two that run at a time would be mixed: then each says its own once it has ended. */
async function runGroup(group: Stage[]): Promise<Outcome[]> {
  const found = new Map<Stage, Outcome>();
  // One after the other: packages are installed by one at a time.
  for (const stage of group) {
    const why = obstacle(stage);
    if (why !== null) found.set(stage, skip(stage, why));
  }
  const left = group.filter((stage) => !found.has(stage));
  const live = left.length < 2;
  const work = async (): Promise<void> => {
    for (let stage = left.shift(); stage; stage = left.shift()) found.set(stage, await runStage(stage, live));
  };
  await Promise.all([work(), work()]);
  return group.flatMap((stage) => found.get(stage) ?? []);
}

const outcomes: Outcome[] = [];
for (const group of GROUPS)
  outcomes.push(...(await runGroup(group.filter(({ name }) => !only || only.includes(name)))));

// Again, and last: a reader of a long log, and one who is shown only its end, looks here.
for (const { stage, failed, output } of outcomes)
  if (failed > 0 && output !== '')
    console.log(`\n=== failed: ${stage} (its last words again) ===\n${output.slice(-LAST_WORDS)}`);

console.log('\n=== summary ===');
for (const { stage, skipped, closing, passed, failed, seconds } of outcomes) {
  const word = skipped ? `skipped: ${skipped}` : failed > 0 ? `FAILED  ${closing}` : `ok  ${closing}`;
  console.log(
    `${stage.padEnd(30)} ${String(seconds).padStart(4)} s  ${String(passed).padStart(4)} passed  ${word}`,
  );
}
const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0);
const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed, 0);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
