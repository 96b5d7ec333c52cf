import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { TELLING_DEFAULTS, type TellingSettings } from '../../agent/protocol/index.ts';
import { signature } from '../../agent/telling/webhook.ts';
import { askAgent } from './agent-client.ts';
import { serviceProcess, signal } from './host-processes.ts';
import { NETWORK, places } from './places.ts';
import { ProtectedFleet } from './protected-fleet.ts';
import { waitFor } from './run.ts';
import { HOOK_PORT, LOGIN, SMTP_PORT } from './telling/ports.ts';
import { Sinks } from './telling/sinks.ts';

/** What happens is told to people by the hosts themselves: no console is open in any of this. */
const PLACES = places('tellingtest');
const MINUTE = 60_000;
const MACHINE = 'erp';
const KEY = 'lab-key';
const BOOK = '/var/lib/understudy/telling/book.json';
const SETTINGS_FILE = '/var/lib/understudy/telling/settings.json';
let fleet: ProtectedFleet;
let sinks: Sinks;

const settings: TellingSettings = {
  ...TELLING_DEFAULTS,
  mail: {
    host: NETWORK.client,
    port: SMTP_PORT,
    tls: 'none',
    user: '',
    from: 'understudy@example.org',
    to: ['ada@example.org'],
  },
  hook: { url: `http://${NETWORK.client}:${HOOK_PORT}/hook`, header: '' },
};
const order = () => ({ requestId: randomUUID(), actor: 'lab' });
const secrets = { signingKey: KEY };

beforeAll(async () => {
  fleet = await ProtectedFleet.up(PLACES, {
    machines: [MACHINE],
    policy: 'automatic',
    profile: 'balanced',
    witness: true,
  });
  sinks = await Sinks.open(fleet.lab);
  const { owner } = await fleet.roles(MACHINE);
  await askAgent(fleet.lab, owner, 'telling.set', { ...order(), base: null, settings, secrets });
}, 10 * MINUTE);

afterEach(async () => {
  await fleet.mend();
  await fleet.settle(MACHINE);
}, 5 * MINUTE);

afterAll(async () => {
  sinks?.close();
  await fleet?.down();
});

const view = (host: string) => askAgent(fleet.lab, host, 'telling.get', {});

test('settings given to one agent reach all of them, and lie where only root reads them', async () => {
  for (const host of [...fleet.hypervisors, fleet.witness]) {
    const has = await waitFor(`${host} to have them`, MINUTE, async () => {
      const told = await view(host);
      return told?.revision ? told : null;
    });
    expect(has).toMatchObject({ settings, has: { signingKey: true, password: false } });
    const { stdout } = await fleet.lab.exec(host, ['stat', '-c', '%a %U', SETTINGS_FILE]);
    expect(stdout.trim()).toBe('600 root');
  }
});

test('a test from a named host arrives; a wrong password is said, and is nowhere in the log', async () => {
  const test = { ...order(), settings, secrets };
  const mailed = await askAgent(fleet.lab, fleet.witness, 'telling.test', { ...test, channel: 'mail' });
  expect(mailed?.answer).toContain('250');
  expect(sinks.subjects.at(-1)).toBe(`[Understudy] Test from ${fleet.witness}`);
  await askAgent(fleet.lab, fleet.witness, 'telling.test', { ...test, channel: 'hook' });
  const call = await waitFor('the call', MINUTE, async () => sinks.calls.at(-1) ?? null);
  const given = String(call.headers['understudy-signature']);
  expect(given).toBe(signature(KEY, Number(/^t=(\d+),/.exec(given)?.[1]), call.body));

  const [user = '', password = ''] = LOGIN.split(':');
  const locked = { ...settings, mail: settings.mail && { ...settings.mail, port: SMTP_PORT + 1, user } };
  // Readable on the way: refused before anything is sent.
  const readable = { ...test, channel: 'mail' as const, settings: locked, secrets: { password } };
  await expect(askAgent(fleet.lab, fleet.witness, 'telling.test', readable)).rejects.toMatchObject({
    problem: { kind: 'mail-password-readable' },
  });
  const log = await fleet.lab.exec(fleet.witness, ['journalctl', '-u', 'understudy-agent', '--no-pager']);
  expect(log.stdout).not.toContain(password);
});

test(
  'an automatic failover is one mail that tells what happened, and one when all is protected again',
  async () => {
    const { owner, standby } = await fleet.roles(MACHINE);
    const before = sinks.mails.length;
    const calls = sinks.calls.length;
    const lostAt = Date.now();
    await fleet.lab.powerOff(owner);
    const story = await waitFor('the mail', 2 * MINUTE, async () => sinks.mails[before] ?? null);
    console.log(`told ${((Date.now() - lostAt) / 1000).toFixed(1)} s after the loss:\n${story.text}`);
    expect(story.headers.subject).toBe(`[Understudy] ${MACHINE} runs on ${standby} now`);
    expect(story.text).toContain(`on ${owner}, which has not answered since`);
    expect(story.text).toContain('Every write that was confirmed is there.');
    expect(story.text).toContain(`Told by the Understudy agent on ${standby}`);
    await waitFor('the webhook', MINUTE, async () => sinks.calls.length === calls + 1);
    // The witness knows that the loss of the host was told, and by whom.
    const id = fleet.idOf(owner);
    await waitFor('the witness to know', MINUTE, async () => {
      const { stdout } = await fleet.lab.exec(fleet.witness, ['cat', BOOK]);
      return stdout.includes(`"silent:${id}":{"by":"${fleet.idOf(standby)}"`);
    });

    await fleet.lab.powerOn(owner);
    await fleet.settle(MACHINE);
    const end = await waitFor('the second mail', 2 * MINUTE, async () => sinks.mails[before + 1] ?? null);
    expect(end.headers.subject).toBe(`[Understudy] ${MACHINE} is protected again`);
    expect(end.text).toContain(`with a current copy on ${owner}`);
    expect(sinks.subjects.slice(before)).toHaveLength(2);
  },
  8 * MINUTE,
);

test(
  'an agent that is killed while it tells loses nothing, and repeats it once at most',
  async () => {
    const { owner, standby } = await fleet.roles(MACHINE);
    const before = sinks.mails.length;
    const known = sinks.different;
    // The server takes the mail and is gone before it says so.
    await sinks.setMode('vanish');
    await fleet.lab.powerOff(owner);
    await waitFor('the first attempt', 2 * MINUTE, async () => sinks.mails.length > before);
    const agent = await serviceProcess(fleet.lab, standby, 'agent');
    if (!agent) throw new Error(`no agent on ${standby}`);
    signal(agent.pid, 'SIGKILL');
    await sinks.setMode('take');
    await waitFor('it to be delivered', 2 * MINUTE, async () => {
      const [last] = (await view(standby))?.messages ?? [];
      return (
        last?.title === `${MACHINE} runs on ${standby} now` && last.deliveries.mail?.state === 'delivered'
      );
    });
    expect(sinks.different - known).toBe(1);
    expect(sinks.mails.length - before).toBe(2);
    // Nothing of it is told again by the next life of the agent.
    await fleet.lab.powerOn(owner);
    await fleet.settle(MACHINE);
    await waitFor(
      'the end',
      2 * MINUTE,
      async () => sinks.subjects.at(-1)?.includes('is protected again') ?? false,
    );
    expect(sinks.different - known).toBe(2);
  },
  8 * MINUTE,
);
