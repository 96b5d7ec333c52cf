import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { CHUNK, digestOf, NO_DATA, readRuns, runsOf } from './chunks.ts';
import type { HashJob, Source } from './jobs.ts';
import { ALLOCATION, NbdSource } from './nbd-source.ts';
import { throttle } from './throttle.ts';

const DIAL_TRIES = 100;
const DIAL_PAUSE_MS = 50;
/** Zero digests written at once. */
const BLANK = Buffer.alloc(NO_DATA.length * 4096);

/** Writes one digest for every chunk of every disk. @returns bytes that were read for it */
export async function hashDisks(
  job: HashJob,
  progress: (doneBytes: number, totalBytes: number) => void,
): Promise<number> {
  const opened: { source: NbdSource; out: string; end(): void }[] = [];
  try {
    for (const { source, out } of job.disks) opened.push({ ...(await openSource(source, out)), out });
    const totalBytes = opened.reduce((sum, { source }) => sum + source.sizeBytes, 0);
    let [seen, read] = [0, 0];
    for (const { source, out } of opened) {
      read += await hashOne(source, out, (bytes) => {
        seen += bytes;
        progress(seen, totalBytes);
      });
    }
    return read;
  } finally {
    for (const { end } of opened) end();
  }
}

async function hashOne(source: NbdSource, out: string, seen: (bytes: number) => void): Promise<number> {
  const file = createWriteStream(out, { mode: 0o600 });
  const put = async (digests: Buffer): Promise<void> => {
    if (!file.write(digests)) await once(file, 'drain');
  };
  let read = 0;
  for await (const { run, data } of readRuns(source, runsOf(source.extents(), source.sizeBytes))) {
    const chunks = Math.ceil(run.length / CHUNK);
    if (data === null) {
      for (let left = chunks * NO_DATA.length; left > 0; left -= BLANK.length)
        await put(BLANK.subarray(0, Math.min(left, BLANK.length)));
    } else {
      read += data.length;
      await throttle.take(data.length);
      const digests: Buffer[] = [];
      for (let at = 0; at < data.length; at += CHUNK) digests.push(digestOf(data.subarray(at, at + CHUNK)));
      await put(Buffer.concat(digests));
    }
    seen(run.length);
  }
  file.end();
  await finished(file);
  return read;
}

async function openSource(source: Source, out: string): Promise<{ source: NbdSource; end(): void }> {
  if (source.kind === 'socket') {
    const opened = await NbdSource.open(source.path, source.exportName, ALLOCATION);
    return { source: opened, end: () => opened.close() };
  }
  if (source.kind === 'remote') {
    const opened = await NbdSource.openRemote(source.remote, source.tls, source.exportName, ALLOCATION);
    return { source: opened, end: () => opened.close() };
  }
  const socket = `${out}.sock`;
  await rm(socket, { force: true });
  const server = serve(source.path, source.format, socket);
  try {
    const opened = await dialed(socket, server);
    return {
      source: opened,
      end: () => {
        opened.close();
        server.child.kill();
      },
    };
  } catch (error) {
    server.child.kill();
    throw error;
  }
}

interface Server {
  child: ChildProcess;
  ended: boolean;
  words: string;
}

/** qemu-nbd ends by itself when its only client has left, so also after a crash of this process. */
function serve(image: string, format: string, socket: string): Server {
  const argv = ['--read-only', '--format', format, '--socket', socket, '--export-name', 'image', image];
  const child = spawn('qemu-nbd', argv, { stdio: ['ignore', 'ignore', 'pipe'] });
  const server: Server = { child, ended: false, words: '' };
  child.stderr?.on('data', (text) => {
    server.words = (server.words + String(text)).slice(0, 500);
  });
  child.on('error', (error) => Object.assign(server, { ended: true, words: error.message }));
  child.on('exit', () => {
    server.ended = true;
  });
  return server;
}

async function dialed(socket: string, server: Server): Promise<NbdSource> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await NbdSource.open(socket, 'image', ALLOCATION);
    } catch (error) {
      if (server.ended) throw new Error(`qemu-nbd: ${server.words.trim()}`);
      if (tried === DIAL_TRIES) throw error;
    }
    await new Promise((done) => setTimeout(done, DIAL_PAUSE_MS));
  }
}
