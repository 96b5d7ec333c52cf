import { spawn } from 'node:child_process';
import { type Count, countTests } from './count.ts';
import { canInstall, installPackages, missingPackages } from './debian.ts';
import { STAGES, type Stage } from './stages.ts';

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

/** Runs the stage's command, passing its output through and keeping it. */
function execute(stage: Stage): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const [command = '', ...rest] = stage.command;
    const child = spawn(command, rest, {
      env: { ...process.env, ...stage.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const keep = (chunk: Buffer): void => {
      process.stdout.write(chunk);
      output += chunk.toString('utf8');
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => resolve({ code: 1, output: `${output}\n${error.message}` }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

async function runStage(stage: Stage): Promise<Outcome> {
  const began = Date.now();
  const seconds = (): number => Math.round((Date.now() - began) / 1000);
  console.log(`\n=== ${stage.name} ===`);
  const skipped = obstacle(stage);
  if (skipped) {
    console.log(`skipped: ${skipped}`);
    // In CI nothing may be skipped: what cannot run there counts as failed.
    return {
      stage: stage.name,
      passed: 0,
      failed: ci ? 1 : 0,
      closing: '',
      skipped,
      seconds: seconds(),
      output: '',
    };
  }
  const { code, output } = await execute(stage);
  const count = countTests(stage.counts, code, output);
  return { stage: stage.name, ...count, skipped: null, seconds: seconds(), output };
}

const outcomes: Outcome[] = [];
for (const stage of STAGES) {
  if (only && !only.includes(stage.name)) continue;
  outcomes.push(await runStage(stage));
}

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
