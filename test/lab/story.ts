import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { electronRuntime } from '../e2e/electron-runtime.ts';
import { down, up } from './lab.ts';

/**
 * `npm run lab:story -- [--json] [--shell browser|electron] [--keep]`: the lab anew, then the whole story of the first
 * issue through the real user interface, in the lab's own network namespace (story-inside.ts).
 */
const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    json: { type: 'boolean', default: false },
    shell: { type: 'string', default: 'browser' },
    /** Leaves the lab up afterwards, to look around. */
    keep: { type: 'boolean', default: false },
  },
});

// Fetched out here: inside the lab's namespace there is no network but the lab's.
if (values.shell === 'electron') await electronRuntime();
const say = (text: string): void => console.error(text);
await down();
const lab = await up({ say });
const [command = '', ...args] = lab.inNamespace([
  process.execPath,
  join(import.meta.dirname, 'story-inside.ts'),
  `--shell=${values.shell}`,
  ...(values.json ? ['--json'] : []),
]);
const child = spawn(command, args, { stdio: 'inherit' });
const code = await new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? 1)));
if (!values.keep) await down();
process.exit(code);
