import { execFile } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { access, readFile, stat, statfs, writeFile } from 'node:fs/promises';
import { cpus, hostname, totalmem } from 'node:os';
import { type ImageInfo, readImage } from '../image.ts';

/** The host as the preflight sees it; injected so that every finding can be tried without such a host. */
export interface HostView {
  name(): string;
  cpuCount(): number;
  /** Null when there is no such readable file. */
  readText(path: string): Promise<string | null>;
  writeText(path: string, text: string): Promise<void>;
  exists(path: string): Promise<boolean>;
  image(path: string): Promise<ImageInfo | null>;
  /** Free space of the file system a folder lies on; null when there is no such folder. */
  folder(path: string): Promise<{ freeBytes: number; device: number } | null>;
  /** Asks the system's resolver; `ms` is at most `withinMs`. */
  resolve(name: string, withinMs: number): Promise<{ found: boolean; ms: number }>;
  memory(): Promise<{ totalBytes: number; availableBytes: number }>;
  /** Runs a program; the exit code, and both outputs together. */
  run(file: string, args: string[]): Promise<{ code: number; output: string }>;
}

const RUN_DEADLINE_MS = 50_000;

/** The real one. */
export function linuxHost(): HostView {
  return {
    name: hostname,
    cpuCount: () => cpus().length,
    readText: (path) => readFile(path, 'utf8').catch(() => null),
    writeText: (path, text) => writeFile(path, text),
    exists: (path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    image: readImage,
    folder,
    resolve,
    memory,
    run,
  };
}

async function folder(path: string): Promise<{ freeBytes: number; device: number } | null> {
  try {
    const found = await stat(path);
    if (!found.isDirectory()) return null;
    const { bavail, bsize } = await statfs(path);
    return { freeBytes: bavail * bsize, device: found.dev };
  } catch {
    return null;
  }
}

function resolve(name: string, withinMs: number): Promise<{ found: boolean; ms: number }> {
  const start = performance.now();
  const ms = (): number => Math.min(withinMs, performance.now() - start);
  return new Promise((settle) => {
    const timer = setTimeout(() => settle({ found: false, ms: withinMs }), withinMs);
    const end = (found: boolean): void => {
      clearTimeout(timer);
      settle({ found, ms: ms() });
    };
    lookup(name).then(
      () => end(true),
      () => end(false),
    );
  });
}

async function memory(): Promise<{ totalBytes: number; availableBytes: number }> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const available = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
  return { totalBytes: totalmem(), availableBytes: available };
}

function run(file: string, args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((settle) => {
    execFile(file, args, { timeout: RUN_DEADLINE_MS }, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : 1) : 0;
      settle({ code, output: `${stdout}${stderr}`.trim() });
    });
  });
}
