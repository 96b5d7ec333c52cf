import { fork } from 'node:child_process';
import { join } from 'node:path';
import { app, utilityProcess } from 'electron';
import { testNode } from './test-switches.ts';

/** What follows `cli` on the command line; null: a window is wanted. */
export function commandLine(argv: readonly string[]): string[] | null {
  // Chromium's own switches may come before. Unpackaged, the first word is the application's folder.
  const words = argv.flatMap((word, at) => (at > 0 && !word.startsWith('-') ? [at] : []));
  const first = words[app.isPackaged ? 0 : 1];
  return first !== undefined && argv[first] === 'cli' ? argv.slice(first + 1) : null;
}

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
