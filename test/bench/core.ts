/**
 * npm run bench:core -- [--json] [--part guard|pairs|all] [--seconds 60] [--install]: what the failover core costs and how
 * fast its guard is, on real hosts of a lab of its own. `guard`: the guard alone, beside an ordinary process for
 * comparison. `pairs`: three agents and 20 armed, idle pairs. The last line with --json holds the figures; a part that
 * could not be measured is named in `missing`, with why.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { down, up } from '../lab/lab.ts';
import { places } from '../lab/places.ts';
import { type GuardFigures, measureGuard } from './core/guard-part.ts';
import { measurePairs, type PairsFigures } from './core/pairs-part.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const PLACES = places(process.env.UNDERSTUDY_LAB ?? 'bench');

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    part: { type: 'string', default: 'all' },
    seconds: { type: 'string', default: '60' },
    install: { type: 'boolean', default: false },
  },
});
const seconds = Number(options.seconds);
const say = (line: string): void => void process.stderr.write(`${line}\n`);

type Figures = Partial<GuardFigures & PairsFigures> & { missing: Record<string, string> };

const parts: Record<string, () => Promise<Partial<GuardFigures & PairsFigures>>> = {
  guard: async () => measureGuard(await up({ hosts: 1, install: options.install, say }, PLACES), say),
  pairs: async () => {
    // What is measured is what the sources say now.
    const script = join(ROOT, 'src-main', 'scripts', 'build.mjs');
    await promisify(execFile)(process.execPath, [script, 'agent', 'electron'], { cwd: ROOT });
    return measurePairs(await up({ hosts: 2, install: options.install, say }, PLACES), seconds, say);
  },
};

async function main(): Promise<Figures> {
  const figures: Figures = { missing: {} };
  for (const [name, measure] of Object.entries(parts)) {
    if (options.part !== 'all' && options.part !== name) continue;
    await down(PLACES);
    try {
      Object.assign(figures, await measure());
    } catch (error) {
      figures.missing[name] = error instanceof Error ? error.message : String(error);
      say(`${name}: ${figures.missing[name]}`);
    } finally {
      await down(PLACES);
    }
  }
  return figures;
}

function report(figures: Figures): void {
  for (const [name, value] of Object.entries(figures)) say(`${name.padEnd(20)} ${JSON.stringify(value)}`);
  if (options.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
  process.exitCode = Object.keys(figures.missing).length === 0 ? 0 : 1;
}

if (options.part !== 'all' && !(options.part in parts)) {
  say(`--part ${options.part}: one of ${Object.keys(parts).join(', ')}, all`);
  process.exitCode = 2;
} else report(await main());
