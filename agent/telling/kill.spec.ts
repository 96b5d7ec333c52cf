import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openSmtpSink, type SmtpSink } from './testing/smtp-sink.ts';

const PROGRAM = join(import.meta.dirname, 'testing', 'teller-process.ts');
let folder: string;
let sink: SmtpSink;
const running: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-telling-kill-'));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map(killed));
  await sink.close();
  await rm(folder, { recursive: true, force: true });
});

interface Life {
  child: ChildProcess;
  said: string[];
}

function live(): Life {
  const child = spawn(process.execPath, [PROGRAM, folder, String(sink.port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said: string[] = [];
  child.stdout?.on('data', (text: Buffer) => said.push(...text.toString().trim().split('\n')));
  running.push(child);
  return { child, said };
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

const until = (is: () => boolean): Promise<unknown> => vi.waitUntil(is, { timeout: 50_000 });
const ids = (): (string | undefined)[] => sink.mails.map(({ headers }) => headers['message-id']);

test('a process killed right after its mail was taken, before it heard so, tells it once more and never again', async () => {
  let first: Life | null = null;
  sink = await openSmtpSink({ onMail: () => first?.child.kill('SIGKILL') });
  // The server answers only a process that is gone.
  sink.mode = 'vanish';
  first = live();
  await once(first.child, 'exit');
  expect(first.said).toContain('telling');
  expect(first.said).not.toContain('told');
  expect(ids()).toHaveLength(1);

  first = null;
  sink.mode = 'take';
  const second = live();
  await until(() => second.said.includes('told'));
  expect(ids()).toHaveLength(2);
  expect(new Set(ids()).size).toBe(1);
  await killed(second.child);

  // A third life looks longer than a new message would take to go out.
  const third = live();
  await until(() => third.said.includes('ready'));
  const readyAt = Date.now();
  await until(() => Date.now() - readyAt > 10_000);
  expect(ids()).toHaveLength(2);
});

test('a process killed while its message waits on disk loses nothing', async () => {
  sink = await openSmtpSink({});
  sink.mode = 'refuse';
  const first = live();
  // Written down before anything leaves; refused, it waits.
  await until(() => first.said.includes('telling'));
  await killed(first.child);
  sink.mode = 'take';
  const second = live();
  await until(() => second.said.includes('told'));
  expect(ids()).toHaveLength(1);
});
