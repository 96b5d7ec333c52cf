import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { ProblemError } from '../../agent/protocol/index.ts';
import { createCore } from '../core/index.ts';
import { defaultDataDir } from '../local/data-dir.ts';
import { knock } from '../local/knock.ts';
import { type Common, readArguments } from './arguments.ts';
import { Console, type Road } from './console.ts';
import { EXIT, type Outcome, refused } from './outcome.ts';
import { run } from './run.ts';
import { USAGE, words } from './words.ts';

/** Put in by the build. */
declare const UNDERSTUDY_VERSION: string;

/** This bundle lies in dist/cli/. */
const dist = resolve(dirname(process.argv[1] ?? '.'), '..');
const say = (line: string): void => console.error(line);

/** The console that runs on this folder, else one in this process for as long as the command takes. */
async function roadOf(page: Console, { practice, dataDir }: Common): Promise<Road> {
  const folder = dataDir ?? defaultDataDir(process.env, process.platform);
  const knocked = practice
    ? null
    : await knock(folder, { onMessage: (message) => page.receive(message), onLost: () => page.lost() });
  if (knocked) return { post: knocked.post, close: async () => knocked.close() };
  return practice ? inPractice(page) : inProcess(page, folder, false);
}

async function inPractice(page: Console): Promise<Road> {
  const folder = mkdtempSync(join(tmpdir(), 'understudy-practice-'));
  const road = await inProcess(page, folder, true);
  return {
    post: road.post,
    close: () => road.close().finally(() => rmSync(folder, { recursive: true, force: true })),
  };
}

async function inProcess(page: Console, dataDir: string, practice: boolean): Promise<Road> {
  const core = await createCore({
    dataDir,
    agentDir: join(dist, 'agent'),
    version: UNDERSTUDY_VERSION,
    shell: 'headless',
    secrets: { kind: 'memory', reason: 'The command line has no keychain.' },
    votes: false,
    practice,
    log: say,
  });
  const connection = core.connect((message) => page.receive(message));
  return {
    post: (message) => connection.receive(message),
    close: async () => {
      connection.close();
      await core.close();
    },
  };
}

async function main(): Promise<Outcome> {
  const read = readArguments(process.argv.slice(2));
  if (!read.ok) return refused('usage', read.problem, EXIT.usage);
  if (read.order.command === 'help')
    return { code: EXIT.done, json: { command: 'help', ok: true, usage: USAGE }, text: USAGE };
  const page = new Console();
  try {
    await page.open(await roadOf(page, read.common));
    return await run(page, read.order, read.common, say);
  } catch (error) {
    // The folder cannot be used, or belongs to a console whose door is shut.
    if (error instanceof ProblemError) return refused(read.order.command, error.problem, EXIT.refused);
    throw error;
  } finally {
    await page.close();
  }
}

function end({ code, json, text }: Outcome): void {
  const line = process.argv.includes('--json') ? JSON.stringify(json) : text;
  process.stdout.write(`${line}\n`, () => process.exit(code));
}

process.on('SIGINT', () => {
  say(words.goesOn);
  end({
    code: EXIT.stopped,
    json: { command: 'stopped', ok: false, problem: words.client.cancelled },
    text: '',
  });
});

main().then(end, (error: unknown) => {
  console.error(error instanceof Error ? error.stack : error);
  process.exit(EXIT.refused);
});
