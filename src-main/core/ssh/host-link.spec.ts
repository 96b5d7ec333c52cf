import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { PROTOCOL_VERSION, ProblemError } from '../../../agent/protocol/index.ts';
import type { HostLink, HostLinkEvent, HostTarget } from '../fleet/host-link.ts';
import { probeHostKey } from './connect.ts';
import { createHostLinks, type HostLinkServices } from './host-link.ts';
import { speakAsAgent } from './testing/agent.ts';
import { problemIn, testServices } from './testing/client.ts';
import { startTestServer, type TestServer } from './testing/server.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Bench {
  server: TestServer;
  link: HostLink;
  target: HostTarget;
  events: HostLinkEvent[];
  /** The next event, seen or to come, that fits. */
  until(fits: (event: HostLinkEvent) => boolean): Promise<HostLinkEvent>;
}

type Agent = (stream: Duplex) => unknown;

async function bench(
  agent: Agent,
  extra: Partial<HostLinkServices> = {},
  password = 'right',
): Promise<Bench> {
  const server = await startTestServer({
    password: 'right',
    onSocket: (_path, stream) => void agent(stream),
  });
  cleanups.push(() => server.close());
  const { services: ssh } = testServices();
  const offer = await probeHostKey(ssh, { name: 'atlas', address: '127.0.0.1', port: server.port });
  const target: HostTarget = {
    hostId: 'atlas-1',
    name: 'atlas',
    address: '127.0.0.1',
    port: server.port,
    user: 'root',
    login: { method: 'password', password },
    sudoPassword: null,
    fingerprint: offer.ok ? offer.value.fingerprint : null,
  };
  const link = createHostLinks({ ssh, consoleVersion: '0.1.0', random: () => 0, ...extra })(target);
  cleanups.push(() => link.close());
  const events: HostLinkEvent[] = [];
  const waiting: { fits: (event: HostLinkEvent) => boolean; resolve: (event: HostLinkEvent) => void }[] = [];
  link.subscribe((event) => {
    events.push(event);
    for (const wait of waiting.splice(0)) {
      if (wait.fits(event)) wait.resolve(event);
      else waiting.push(wait);
    }
  });
  const until: Bench['until'] = (fits) => {
    const seen = events.find(fits);
    return seen ? Promise.resolve(seen) : new Promise((resolve) => waiting.push({ fits, resolve }));
  };
  return { server, link, target, events, until };
}

const state = (wanted: string) => (event: HostLinkEvent) =>
  event.kind === 'connection' && event.connection.state === wanted;
const offlineBy = (kind: string) => (event: HostLinkEvent) =>
  event.kind === 'connection' &&
  event.connection.state === 'offline' &&
  event.connection.problem.kind === kind;

describe('a link to a host', () => {
  it('connects, greets, gives the state, then what came behind it', async () => {
    const { link, events, until } = await bench(speakAsAgent);
    link.start();
    await until((event) => event.kind === 'notice');
    expect(events.map((event) => event.kind)).toEqual([
      'connection',
      'connection',
      'hello',
      'state',
      'notice',
    ]);
    expect(events.slice(0, 2)).toMatchObject([
      { connection: { state: 'connecting', attempt: 1 } },
      { connection: { state: 'online' } },
    ]);
    expect(events.at(-1)).toMatchObject({ notice: { notice: 'load', value: { cpu: 0.5 } } });
  });

  it('carries calls while it is up, and says so while it is not', async () => {
    const { link } = await bench((stream) =>
      speakAsAgent(stream, { 'agent.peers': async () => ({ peers: [] }) }),
    );
    expect(problemIn(await link.call('agent.peers', {})).kind).toBe('host-offline');
    expect((await link.retry()).ok).toBe(true);
    expect(await link.call('agent.peers', {})).toEqual({ ok: true, value: { peers: [] } });
  });

  it('comes back by itself after the host was cut off', async () => {
    const { link, server, events, until } = await bench(speakAsAgent);
    await link.retry();
    server.cut();
    await until(offlineBy('connection-lost'));
    events.length = 0;
    await until(state('online'));
    // Not one "connecting" in between: the map keeps showing why the host is away.
    expect(events.some(state('connecting'))).toBe(false);
  });

  it('tries at once when it is told to hurry, however long it would have waited', async () => {
    // Days: by itself it would not come back within this spec.
    const { link, server, events, until } = await bench(speakAsAgent, { random: () => 1e6 });
    await link.retry();
    server.cut();
    await until(offlineBy('connection-lost'));
    events.length = 0;
    link.hurry();
    await until(state('online'));
  });

  it('notices a host that stops answering', async () => {
    const keepAlive = { intervalMs: 200, countMax: 2 };
    const { link, server, until } = await bench(speakAsAgent, { keepAlive });
    await link.retry();
    server.freeze();
    const event = await until(state('offline'));
    expect(event).toMatchObject({ connection: { problem: { kind: 'connection-lost' } } });
  });

  it('tells a dead agent from a dead host, and finds it again when it is back', async () => {
    const streams: Duplex[] = [];
    const { link, until, events } = await bench((stream) => {
      streams.push(stream);
      speakAsAgent(stream);
    });
    await link.retry();
    streams[0]?.end();
    await until(offlineBy('agent-missing'));
    events.length = 0;
    await until(state('online'));
  });

  it('reports an agent that is not there', async () => {
    const { link } = await bench((stream) => stream.end());
    expect(problemIn(await link.retry()).kind).toBe('agent-missing');
  });

  it.each([
    ['agent-too-old', PROTOCOL_VERSION - 1],
    ['console-too-old', PROTOCOL_VERSION + 1],
  ])('waits for the person: %s', async (kind, protocol) => {
    const { link } = await bench((stream) => speakAsAgent(stream, {}, { protocol }));
    expect(problemIn(await link.retry()).kind).toBe(kind);
    expect(link.connection).toMatchObject({ state: 'offline', retryAt: null });
  });

  it.each(['agent-too-old', 'console-too-old'])('names the host when its agent refuses: %s', async (kind) => {
    const refusal = { kind, message: 'This host.', next: 'Mend it.', details: { version: '7.0.0' } };
    const hello = (): Promise<never> => Promise.reject(new ProblemError(refusal));
    const { link } = await bench((stream) => speakAsAgent(stream, { 'agent.hello': hello }));
    const problem = problemIn(await link.retry());
    expect(problem.kind).toBe(kind);
    expect(problem.message).toMatch(/^The agent on atlas is version 7\.0\.0/);
  });

  it('greets again after an older agent was replaced', async () => {
    const found: unknown[] = [];
    let version = '0.0.9';
    const { link, events } = await bench((stream) => speakAsAgent(stream, {}, { version }), {
      replaceIfOlder: async (_target, agent) => {
        found.push(agent);
        version = '0.1.0';
        return true;
      },
    });
    expect((await link.retry()).ok).toBe(true);
    expect(found).toEqual([{ version: '0.0.9', tooOld: false }]);
    expect(events.find((event) => event.kind === 'hello')).toMatchObject({ hello: { version: '0.1.0' } });
  });

  it('offers an agent of an older protocol for replacement', async () => {
    let protocol = PROTOCOL_VERSION - 1;
    const { link } = await bench((stream) => speakAsAgent(stream, {}, { protocol }), {
      replaceIfOlder: async (_target, { tooOld }) => {
        protocol = PROTOCOL_VERSION;
        return tooOld;
      },
    });
    expect((await link.retry()).ok).toBe(true);
  });

  it('waits for the person when the password is wrong, and takes the right one', async () => {
    const { link, target } = await bench(speakAsAgent, {}, 'wrong');
    expect(problemIn(await link.retry()).kind).toBe('wrong-password');
    expect(link.connection).toMatchObject({ state: 'offline', retryAt: null });
    expect((await link.retry({ ...target, login: { method: 'password', password: 'right' } })).ok).toBe(true);
    expect(link.connection.state).toBe('online');
  });

  it('asks for a log-in that is no longer known', async () => {
    const { link, target } = await bench(speakAsAgent);
    expect(problemIn(await link.retry({ ...target, login: null })).kind).toBe('login-needed');
  });

  it('refuses a changed host key and waits for the person', async () => {
    const { link, target } = await bench(speakAsAgent);
    expect(problemIn(await link.retry({ ...target, fingerprint: 'SHA256:before' })).kind).toBe(
      'host-key-changed',
    );
    expect(link.connection).toMatchObject({ retryAt: null });
  });

  it('stays quiet after it was closed', async () => {
    const { link, events, server } = await bench(speakAsAgent);
    await link.retry();
    await link.close();
    const count = events.length;
    server.cut();
    expect(problemIn(await link.retry()).kind).toBe('host-offline');
    expect(events.length).toBe(count);
  });
});
