import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { connectTo, problemIn, valueIn } from './testing/client.ts';
import { startTestServer, type TestServer, type TestServerOptions } from './testing/server.ts';
import type { SshConnection } from './types.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(options: TestServerOptions = {}): Promise<{ server: TestServer; ssh: SshConnection }> {
  const server = await startTestServer({ password: 'right', ...options });
  cleanups.push(() => server.close());
  const ssh = valueIn(await connectTo(server.port));
  cleanups.push(() => ssh.close());
  return { server, ssh };
}

describe('run', () => {
  it('gives the script to a shell by standard input and returns what it says', async () => {
    const { server, ssh } = await open();
    const outcome = valueIn(await ssh.run('echo "out $((1 + 1))"; echo err >&2; exit 3'));
    expect(outcome).toEqual({ code: 3, stdout: 'out 2\n', stderr: 'err\n' });
    expect(server.commands).toEqual(['/bin/sh -s']);
  });

  it('opens at most five channels and lets the others wait', async () => {
    const { server, ssh } = await open();
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, (_, index) => ssh.run(`sleep 0.1; echo ${index}`)),
    );
    expect(outcomes.map((outcome) => valueIn(outcome).stdout)).toEqual(
      Array.from({ length: 12 }, (_, index) => `${index}\n`),
    );
    expect(server.peakChannels()).toBe(5);
  });

  it('gives up on a command that does not end', async () => {
    const { ssh } = await open();
    expect(problemIn(await ssh.run('sleep 60', { timeoutMs: 200 })).kind).toBe('command-timeout');
    expect(valueIn(await ssh.run('echo still here')).stdout).toBe('still here\n');
  });

  it('refuses endless output', async () => {
    const { ssh } = await open();
    expect(problemIn(await ssh.run('yes')).kind).toBe('output-too-long');
  });

  it('says that the connection was lost when the host goes in the middle', async () => {
    const { server, ssh } = await open();
    const running = ssh.run('sleep 60');
    setTimeout(() => server.cut(), 200);
    expect(problemIn(await running).kind).toBe('connection-lost');
    expect(problemIn(await ssh.run('true')).kind).toBe('connection-lost');
  });
});

describe('run by sudo', () => {
  /** Stands in for sudo: asks as `sudo -S -p PROMPT` does, up to three times; the lab has the real one. */
  function fakeSudo(body: string): string {
    const folder = mkdtempSync(join(tmpdir(), 'understudy-sudo-'));
    writeFileSync(join(folder, 'sudo'), `#!/bin/sh\nprompt="$4"\nshift 5\n${body}\n`);
    chmodSync(join(folder, 'sudo'), 0o755);
    return folder;
  }
  const ASKS = `for try in 1 2 3; do
  printf %s "$prompt" >&2
  IFS= read -r given || { echo "sudo: no password was provided" >&2; exit 1; }
  [ "$given" = secret ] && exec "$@"
  echo "Sorry, try again." >&2
done
exit 1`;

  it('feeds the password by standard input only', async () => {
    const { server, ssh } = await open({ path: fakeSudo(ASKS) });
    const outcome = await ssh.run('echo as root', { rights: { kind: 'sudo', password: 'secret' } });
    expect(valueIn(outcome)).toEqual({ code: 0, stdout: 'as root\n', stderr: '' });
    expect(server.commands.join()).not.toContain('secret');
  });

  it('never gives the password to the script where sudo asks for none', async () => {
    const { ssh } = await open({ path: fakeSudo('exec "$@"') });
    const outcome = await ssh.run('cat; echo done', { rights: { kind: 'sudo', password: 'secret' } });
    expect(valueIn(outcome)).toEqual({ code: 0, stdout: 'done\n', stderr: '' });
  });

  it('tells a wrong password after one attempt and runs nothing', async () => {
    const { ssh } = await open({ path: fakeSudo(ASKS) });
    const outcome = await ssh.run('echo as root', { rights: { kind: 'sudo', password: 'wrong' } });
    expect(problemIn(outcome)).toMatchObject({ kind: 'wrong-sudo-password', field: 'sudoPassword' });
  });

  it('asks for the password when sudo needs one and none was given', async () => {
    const { ssh } = await open({ path: fakeSudo(ASKS) });
    const outcome = await ssh.run('true', { rights: { kind: 'sudo', password: null } });
    expect(problemIn(outcome).kind).toBe('sudo-password-needed');
  });

  it('says so when the user may not use sudo', async () => {
    const { ssh } = await open({ path: fakeSudo('echo "eve is not in the sudoers file." >&2; exit 1') });
    const problem = problemIn(await ssh.run('true', { rights: { kind: 'sudo', password: null } }));
    expect(problem.kind).toBe('no-root-no-sudo');
    expect(problem.message).toContain('eve is not in the sudoers file');
  });

  it('says so when there is no sudo', async () => {
    const { ssh } = await open({ path: fakeSudo('exit 127') });
    const problem = problemIn(await ssh.run('true', { rights: { kind: 'sudo', password: null } }));
    expect(problem).toMatchObject({
      kind: 'no-root-no-sudo',
      message: expect.stringContaining('not installed'),
    });
  });
});

describe('upload', () => {
  it('writes the whole file with its mode and tells how far it is', async () => {
    const { ssh } = await open();
    const folder = mkdtempSync(join(tmpdir(), 'understudy-upload-'));
    const content = randomBytes(3_000_000);
    writeFileSync(join(folder, 'from'), content);
    const progress: number[] = [];
    valueIn(
      await ssh.upload(
        { from: join(folder, 'from'), to: join(folder, 'to'), mode: 0o755 },
        { onProgress: (done) => progress.push(done) },
      ),
    );
    const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    expect(digest(readFileSync(join(folder, 'to')))).toBe(digest(content));
    expect(statSync(join(folder, 'to')).mode & 0o777).toBe(0o755);
    expect(progress.at(-1)).toBe(3_000_000);
  });

  it('names a file that is missing here', async () => {
    const { ssh } = await open();
    const problem = problemIn(await ssh.upload({ from: '/nonexistent', to: '/tmp/x', mode: 0o644 }));
    expect(problem.message).toContain('/nonexistent is missing on this workstation');
  });

  it('can be called off', async () => {
    const { ssh } = await open();
    const folder = mkdtempSync(join(tmpdir(), 'understudy-upload-'));
    writeFileSync(join(folder, 'from'), randomBytes(5_000_000));
    const controller = new AbortController();
    const uploading = ssh.upload(
      { from: join(folder, 'from'), to: join(folder, 'to'), mode: 0o644 },
      { signal: controller.signal, onProgress: () => controller.abort() },
    );
    expect(problemIn(await uploading).kind).toBe('cancelled');
    expect(valueIn(await ssh.run('echo goes on')).stdout).toBe('goes on\n');
  });

  it('names the path that could not be written', async () => {
    const { ssh } = await open();
    const folder = mkdtempSync(join(tmpdir(), 'understudy-upload-'));
    writeFileSync(join(folder, 'from'), 'x');
    const to = join(folder, 'missing', 'to');
    const problem = problemIn(await ssh.upload({ from: join(folder, 'from'), to, mode: 0o644 }));
    expect(problem.kind).toBe('upload-failed');
    expect(problem.message).toContain(to);
  });
});

describe('openSocket', () => {
  async function echoSocket(): Promise<string> {
    const path = join(mkdtempSync(join(tmpdir(), 'understudy-sock-')), 'agent.sock');
    const server = createServer((socket) => socket.pipe(socket));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    cleanups.push(() => new Promise((resolve) => server.close(resolve)));
    return path;
  }

  it('carries bytes both ways to a unix socket on the host', async () => {
    const { ssh } = await open();
    const stream = valueIn(await ssh.openSocket(await echoSocket()));
    const answer = new Promise<string>((resolve) => stream.once('data', (chunk) => resolve(String(chunk))));
    stream.write('hello');
    expect(await answer).toBe('hello');
    const closed = new Promise<void>((resolve) => stream.once('close', resolve));
    stream.destroy();
    await closed;
  });

  it('tells a missing socket from a server that forbids forwarding', async () => {
    const { ssh } = await open();
    expect(problemIn(await ssh.openSocket('/nowhere/agent.sock')).kind).toBe('socket-unavailable');
  });

  it('gives its place back when the stream closes', async () => {
    const { ssh } = await open();
    const path = await echoSocket();
    const streams = await Promise.all(
      Array.from({ length: 5 }, async () => valueIn(await ssh.openSocket(path))),
    );
    const sixth = ssh.run('echo now');
    streams[0]?.destroy();
    expect(valueIn(await sixth).stdout).toBe('now\n');
    for (const stream of streams) stream.destroy();
  });
});

describe('the end of a connection', () => {
  it('is noticed when the host stops answering', async () => {
    const server = await startTestServer({ password: 'right' });
    cleanups.push(() => server.close());
    const ssh = valueIn(await connectTo(server.port, { keepAlive: { intervalMs: 200, countMax: 2 } }));
    const ended = new Promise((resolve) => ssh.onClose(resolve));
    server.freeze();
    expect(await ended).toMatchObject({
      kind: 'connection-lost',
      message: expect.stringContaining('no longer answers'),
    });
  });

  it('is told apart when this console closed it', async () => {
    const { ssh } = await open();
    const ended = new Promise((resolve) => ssh.onClose(resolve));
    ssh.close();
    expect(await ended).toMatchObject({ kind: 'closed' });
  });
});
