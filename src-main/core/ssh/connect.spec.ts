import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterEach, describe, expect, it } from 'vitest';
import type { Login } from '../../contract/index.ts';
import { connectSsh, probeHostKey } from './connect.ts';
import { fingerprintOf } from './fingerprint.ts';
import { generateOpensshKey, opensshPublicKey } from './openssh-key.ts';
import { problemIn, target, testServices, valueIn } from './testing/client.ts';
import { startTestServer, type TestServerOptions } from './testing/server.ts';
import { startSshAgent } from './testing/ssh-agent.ts';

const { utils } = ssh2;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(options: TestServerOptions): Promise<number> {
  const server = await startTestServer(options);
  cleanups.push(() => server.close());
  return server.port;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 0;
}

const PASSWORD: Login = { method: 'password', password: 'right' };

/** Logs in with the host key confirmed beforehand. */
async function logIn(port: number, login: Login, user = 'root', bench = testServices()) {
  const offer = valueIn(await probeHostKey(bench.services, target(port)));
  const order = { target: target(port), login: { user, login }, expected: offer.fingerprint };
  const result = await connectSsh(bench.services, order);
  if (result.ok) cleanups.push(() => result.value.close());
  return result;
}

describe('reaching a host', () => {
  const attempt = (port: number, address = '127.0.0.1') =>
    probeHostKey(testServices().services, target(port, address));

  it('names an address nobody knows', async () => {
    const problem = problemIn(await attempt(22, 'atlas.invalid'));
    expect(['address-not-found', 'unreachable']).toContain(problem.kind);
    expect(problem.field).toBe('address');
  });

  it('tells a refused port', async () => {
    const server = createServer();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    const problem = problemIn(await attempt(port));
    expect(problem).toMatchObject({ kind: 'port-refused', field: 'port' });
    expect(problem.message).toContain(String(port));
  });

  it('tells something else than an SSH server', async () => {
    const port = await listen(
      createServer((socket) => socket.resume().end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    );
    expect(problemIn(await attempt(port)).kind).toBe('not-ssh');
  });

  it('gives up on a server that says nothing', async () => {
    const port = await listen(createServer((socket) => socket.resume()));
    const order = {
      target: target(port),
      login: { user: 'root', login: PASSWORD },
      expected: null,
      timeoutMs: 1200,
    };
    expect(problemIn(await connectSsh(testServices().services, order)).kind).toBe('not-ssh');
  });

  it('can be called off', async () => {
    const port = await listen(createServer((socket) => socket.resume()));
    const controller = new AbortController();
    const probing = probeHostKey(testServices().services, target(port), controller.signal);
    controller.abort();
    expect(problemIn(await probing).kind).toBe('cancelled');
  });
});

describe('logging in by password', () => {
  it('lets in', async () => {
    expect((await logIn(await serve({ password: 'right' }), PASSWORD)).ok).toBe(true);
  });

  it('answers a server that only knows keyboard-interactive', async () => {
    const port = await serve({ password: 'right', methods: ['keyboard-interactive'] });
    expect((await logIn(port, PASSWORD)).ok).toBe(true);
  });

  it.each(['password', 'keyboard-interactive'] as const)(
    'names the field of a wrong one (%s)',
    async (method) => {
      const port = await serve({ password: 'right', methods: [method] });
      const problem = problemIn(await logIn(port, { method: 'password', password: 'wrong' }, 'admin'));
      expect(problem).toMatchObject({ kind: 'wrong-password', field: 'password' });
      expect(problem.message).toContain('admin');
    },
  );

  it('names what the server accepts instead', async () => {
    const port = await serve({ methods: ['publickey'] });
    const problem = problemIn(await logIn(port, PASSWORD));
    expect(problem).toMatchObject({ kind: 'auth-refused', field: 'method' });
    expect(problem.message).toContain('It accepts: key.');
  });
});

describe('logging in by key file', () => {
  function keyFile(type: 'ed25519' | 'rsa', sshDir: string): { path: string; publicKey: string } {
    const pair = type === 'rsa' ? utils.generateKeyPairSync('rsa', { bits: 2048 }) : generateOpensshKey();
    const path = join(sshDir, `id_${type}`);
    writeFileSync(path, pair.private);
    return { path, publicKey: pair.public };
  }

  it.each(['ed25519', 'rsa'] as const)('lets in (%s)', async (type) => {
    const bench = testServices();
    const { path, publicKey } = keyFile(type, bench.sshDir);
    const port = await serve({ methods: ['publickey'], publicKey });
    expect((await logIn(port, { method: 'key', path }, 'root', bench)).ok).toBe(true);
  });

  it('lets in with a PKCS#8 key, converted in memory', async () => {
    const bench = testServices();
    const { privateKey } = generateKeyPairSync('ed25519');
    const path = join(bench.sshDir, 'pkcs8');
    writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const port = await serve({ methods: ['publickey'], publicKey: opensshPublicKey(privateKey) });
    expect((await logIn(port, { method: 'key', path }, 'root', bench)).ok).toBe(true);
  });

  it('says that the server does not know the key', async () => {
    const bench = testServices();
    const { path } = keyFile('ed25519', bench.sshDir);
    const other = generateOpensshKey().public;
    const port = await serve({ methods: ['publickey'], publicKey: other });
    const problem = problemIn(await logIn(port, { method: 'key', path }, 'root', bench));
    expect(problem).toMatchObject({ kind: 'auth-refused', field: 'keyPath' });
    expect(problem.next).toContain('authorized_keys');
  });
});

describe('logging in by SSH agent', () => {
  const AGENT: Login = { method: 'agent' };

  async function benchWith(privateKeys: string[]) {
    const agent = await startSshAgent(privateKeys);
    cleanups.push(() => agent.close());
    return testServices('', agent.socket);
  }

  it('lets in with any of its keys', async () => {
    const [other, key] = [generateOpensshKey(), generateOpensshKey()];
    const port = await serve({ methods: ['publickey'], publicKey: key.public });
    const bench = await benchWith([other.private, key.private]);
    expect((await logIn(port, AGENT, 'root', bench)).ok).toBe(true);
  });

  it('says that the server knows none of its keys', async () => {
    const port = await serve({ methods: ['publickey'], publicKey: generateOpensshKey().public });
    const bench = await benchWith([generateOpensshKey().private]);
    const problem = problemIn(await logIn(port, AGENT, 'root', bench));
    expect(problem).toMatchObject({ kind: 'auth-refused', field: 'method' });
  });

  it('tells an empty agent from none', async () => {
    const port = await serve({ password: 'right' });
    expect(problemIn(await logIn(port, AGENT, 'root', await benchWith([]))).kind).toBe('agent-empty');
    expect(problemIn(await logIn(port, AGENT)).kind).toBe('ssh-agent-missing');
    const gone = testServices('', '/nonexistent/agent.sock');
    expect(problemIn(await logIn(port, AGENT, 'root', gone)).kind).toBe('ssh-agent-missing');
  });
});

describe('host keys', () => {
  const ED = generateOpensshKey();
  const ECDSA = utils.generateKeyPairSync('ecdsa', { bits: 256 });
  const fingerprint = (publicKey: string) =>
    fingerprintOf(Buffer.from(publicKey.split(' ')[1] ?? '', 'base64'));
  const order = (port: number, expected: string | null) => ({
    target: target(port),
    login: { user: 'root', login: PASSWORD },
    expected,
  });

  it('offers ed25519 first, with the command that shows the same', async () => {
    const port = await serve({ hostKeys: [ECDSA.private, ED.private] });
    expect(valueIn(await probeHostKey(testServices().services, target(port)))).toEqual({
      algorithm: 'ssh-ed25519',
      fingerprint: fingerprint(ED.public),
      known: 'new',
      before: null,
      knownFrom: null,
      compareCommand: 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub',
    });
  });

  it('asks for the type known_hosts remembers, so that it can be compared', async () => {
    const port = await serve({ hostKeys: [ECDSA.private, ED.private] });
    const { services } = testServices(`[127.0.0.1]:${port} ${ECDSA.public}\n`);
    expect(valueIn(await probeHostKey(services, target(port)))).toMatchObject({
      algorithm: 'ecdsa-sha2-nistp256',
      known: 'known',
      knownFrom: 'known_hosts',
      compareCommand: 'ssh-keygen -lf /etc/ssh/ssh_host_ecdsa_key.pub',
    });
  });

  it('does not log in to a host nobody has confirmed', async () => {
    const port = await serve({ hostKeys: [ED.private], password: 'right' });
    expect(problemIn(await connectSsh(testServices().services, order(port, null))).kind).toBe(
      'host-key-unknown',
    );
  });

  it('remembers what was confirmed', async () => {
    const port = await serve({ hostKeys: [ED.private], password: 'right' });
    const { services, store } = testServices();
    valueIn(await connectSsh(services, order(port, fingerprint(ED.public)))).close();
    expect(store.get('127.0.0.1', port)?.fingerprint).toBe(fingerprint(ED.public));
    valueIn(await connectSsh(services, order(port, null))).close();
  });

  it('refuses a changed key, and takes it only by the deliberate path', async () => {
    const port = await serve({ hostKeys: [ED.private], password: 'right' });
    const { services } = testServices(`[127.0.0.1]:${port} ${generateOpensshKey().public}\n`);
    const problem = problemIn(await connectSsh(services, order(port, null)));
    expect(problem.kind).toBe('host-key-changed');
    expect(problem.details).toMatchObject({ now: fingerprint(ED.public) });
    expect(valueIn(await probeHostKey(services, target(port))).known).toBe('changed');
    const key = { algorithm: 'ssh-ed25519', fingerprint: fingerprint(ED.public) };
    services.hostKeys.trust('127.0.0.1', port, key);
    valueIn(await connectSsh(services, order(port, null))).close();
  });

  it('refuses another key than the one just confirmed', async () => {
    const port = await serve({ hostKeys: [ED.private], password: 'right' });
    const result = await connectSsh(testServices().services, order(port, 'SHA256:something-else'));
    expect(problemIn(result).kind).toBe('host-key-changed');
  });

  it('never takes a revoked key, confirmed or not', async () => {
    const port = await serve({ hostKeys: [ED.private], password: 'right' });
    const { services } = testServices(`@revoked * ${ED.public}\n`);
    const bench = testServices(`@revoked [127.0.0.1]:${port} ${ED.public}\n`);
    for (const each of [services, bench.services]) {
      const result = await connectSsh(each, order(port, fingerprint(ED.public)));
      expect(problemIn(result).kind).toBe('host-key-revoked');
    }
  });
});

describe('~/.ssh/config', () => {
  it('resolves an alias, its port and the name its key is known by', async () => {
    const pair = generateOpensshKey();
    const port = await serve({ hostKeys: [pair.private], password: 'right' });
    const { services, sshDir } = testServices(`[hidden]:${port} ${pair.public}\n`);
    writeFileSync(
      join(sshDir, 'config'),
      `Host atlas\n  HostName 127.0.0.1\n  Port ${port}\n  HostKeyAlias hidden\n`,
    );
    const login = { user: 'root', login: PASSWORD };
    const ssh = valueIn(await connectSsh(services, { target: target(22, 'atlas'), login, expected: null }));
    expect(ssh.target).toMatchObject({ address: '127.0.0.1', port });
    ssh.close();
  });

  it('says plainly that a jump host is not supported yet', async () => {
    const { services, sshDir } = testServices();
    writeFileSync(join(sshDir, 'config'), 'Host far\n  ProxyJump gate.example.org\n');
    const problem = problemIn(await probeHostKey(services, target(22, 'far')));
    expect(problem.kind).toBe('jump-not-supported');
    expect(problem.message).toContain('gate.example.org');
  });
});
