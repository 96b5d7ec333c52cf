import { fork } from 'node:child_process';
import { join } from 'node:path';
import { app, utilityProcess } from 'electron';
import { commandWords } from './command-words.ts';
import { testNode } from './test-switches.ts';

/** What is for the command line; null: a window is wanted. */
export const commandLine = (argv: readonly string[]): string[] | null => commandWords(argv, app.isPackaged);

/** The command line of src-main/cli in a process of its own, without a window; this one ends as that does. */
export function runCommandLine(dist: string, args: string[]): void {
  const file = join(dist, 'cli', 'cli.cjs').replace('app.asar', 'app.asar.unpacked');
  const node = testNode();
  if (node) {
    fork(file, args, { execPath: node, stdio: 'inherit' }).on('exit', (code) => app.exit(code ?? 1));
    return;
  }
  const child = utilityProcess.fork(file, args, { serviceName: 'Understudy command', stdio: 'inherit' });
  child.on('exit', (code) => app.exit(code));
}
