import { dirname, join, resolve } from 'node:path';
import { createCore } from '../core/index.ts';
import { openDoor } from '../local/door.ts';
import { readOptions, type ServerOptions, USAGE } from './options.ts';
import { openShell } from './shell.ts';

/** Put in by the build. */
declare const UNDERSTUDY_VERSION: string;

/** This bundle lies in dist/server/. */
const dist = resolve(dirname(process.argv[1] ?? '.'), '..');

async function main(options: ServerOptions): Promise<void> {
  const core = await createCore({
    dataDir: options.dataDir,
    agentDir: join(dist, 'agent'),
    version: UNDERSTUDY_VERSION,
    shell: 'headless',
    secrets: {
      kind: 'memory',
      reason: 'Without its window the console has no keychain: passwords are kept in memory until it ends.',
    },
    practice: options.practice,
    log: (text) => console.error(text),
  });
  const door = await openDoor(core, options.dataDir, (text) => console.error(text));
  const shell = await openShell({ core, rendererDir: join(dist, 'renderer'), port: options.port });
  if (options.reason) console.log(`No window: ${options.reason}.`);
  console.log(`Understudy is at ${shell.url}`);
  stopOnSignal(async () => {
    await door?.close();
    await shell.close();
    await core.close();
  });
}

/** The first signal ends in order, a second one at once. */
function stopOnSignal(stop: () => Promise<void>): void {
  let stopping = false;
  const onSignal = (): void => {
    if (stopping) process.exit(1);
    stopping = true;
    void stop().then(
      () => process.exit(0),
      (error: unknown) => fail(error),
    );
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}

function fail(error: unknown): never {
  console.error(sentence(error));
  process.exit(1);
}

/** What happened and what to do; problems carry both. */
function sentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ('problem' in error) {
    const { message, next } = error.problem as { message: string; next: string };
    return `${message} ${next}`;
  }
  if ('code' in error && error.code === 'EADDRINUSE') {
    return 'Another program uses this port. Choose another one with --port, or leave --port away.';
  }
  if ('code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')) return `${error.message}\n${USAGE}`;
  return error.stack ?? error.message;
}

try {
  main(readOptions(process.argv.slice(2), process.env, process.platform)).catch(fail);
} catch (error) {
  fail(error);
}
