import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..', '..');

export interface HeadlessConsole {
  /** With the one-time token. */
  url: string;
  dataDir: string;
  /** Everything it printed so far. */
  output(): string;
  /** SIGKILL: what a crash or a closed laptop lid without battery is. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export interface HeadlessOptions {
  args?: string[];
  /** Put before the command, e.g. to run inside the lab's network namespace. */
  prefix?: string[];
  env?: Record<string, string>;
  /** Kept when given; otherwise a temporary one is made and removed. */
  dataDir?: string;
}

const ADDRESS = /http:\/\/127\.0\.0\.1:\d+\/\?token=\S+/;

const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('close', () => resolve());
  });

/** Starts the built console for a browser and waits for the address it prints. */
export async function startHeadless(options: HeadlessOptions = {}): Promise<HeadlessConsole> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'understudy-e2e-')));
  const server = join(ROOT, 'dist', 'server', 'server.cjs');
  const [command = process.execPath, ...rest] = [...(options.prefix ?? []), process.execPath, server];
  const child = spawn(command, [...rest, '--headless', `--data-dir=${dataDir}`, ...(options.args ?? [])], {
    cwd: ROOT,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const url = await new Promise<string>((resolve, reject) => {
    const see = (chunk: Buffer): void => {
      text += chunk.toString('utf8');
      const found = ADDRESS.exec(text);
      if (found) resolve(found[0]);
    };
    child.stdout?.on('data', see);
    child.stderr?.on('data', see);
    child.on('error', reject);
    child.on('close', (code) =>
      reject(new Error(`the console ended (${code}) before it had an address:\n${text}`)),
    );
  });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await ended(child);
    if (!options.dataDir) await rm(dataDir, { recursive: true, force: true });
  };
  return { url, dataDir, output: () => text, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}

/** Debian's Chromium, quiet about a world it cannot reach; in CI this is root's. */
export const CHROMIUM = {
  executablePath: process.env.UNDERSTUDY_CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    // Letters on whole pixels: by halves they lie as whatever was drawn before left it, and no picture is like the one before.
    '--disable-font-subpixel-positioning',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
};
