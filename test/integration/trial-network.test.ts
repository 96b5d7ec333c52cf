import { execFileSync, spawn } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hostCommands } from '../../agent/drill/linux/commands.ts';
import { createLinuxStage } from '../../agent/drill/linux/linux-stage.ts';
import { namespaceOf, TrialNetwork, tapOf } from '../../agent/drill/linux/network.ts';
import { trialCopy } from '../../agent/drill/stage.ts';

const copy = trialCopy('pair-network-test', 'mail');
const GUEST = 'understudy-guest-test';
const ADDRESS = '10.77.9.50';
const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8' });
const stage = createLinuxStage({
  stateDir: '/nonexistent',
  runDir: '/nonexistent',
  hostName: () => 'boreas',
  self: [process.execPath, new URL('../../agent/index.ts', import.meta.url).pathname],
});

/** A namespace in the guest's place, its end of a virtual cable in the place of the guest's network card. Needs root. */
describe('the network of a copy on trial', () => {
  const network = new TrialNetwork(hostCommands);

  beforeEach(async () => {
    expect(await network.build(copy, 1, [ADDRESS])).toMatchObject({ ok: true });
    ip('netns', 'add', GUEST);
    ip('link', 'add', tapOf(copy, 0), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', GUEST);
  });
  afterEach(async () => {
    await network.clear(copy);
    ip('netns', 'delete', GUEST);
  });

  async function connectGuest(): Promise<void> {
    expect(await network.enclose(copy, 1)).toMatchObject({ ok: true });
    ip('-n', GUEST, 'address', 'add', `${ADDRESS}/24`, 'dev', 'eth0');
    ip('-n', GUEST, 'link', 'set', 'lo', 'up');
    ip('-n', GUEST, 'link', 'set', 'eth0', 'up');
    ip('-n', GUEST, 'route', 'add', 'default', 'via', '10.77.9.1');
  }

  it('is asked from inside, at the address the copy has anyway', async () => {
    await connectGuest();
    const script = `require('http').createServer((q,s)=>s.end('here')).listen(80,'${ADDRESS}')`;
    const server = spawn('ip', ['netns', 'exec', GUEST, process.execPath, '-e', script], {
      stdio: 'inherit',
    });
    try {
      const { signal } = new AbortController();
      const page = await stage.ask(copy, { kind: 'http', port: 80, path: '/' }, [ADDRESS], signal);
      expect(page).toEqual({ evidence: `HTTP 200 from ${ADDRESS}:80` });
      const any = await stage.ask(copy, { kind: 'answers' }, [ADDRESS], signal);
      expect(any?.evidence).toContain(ADDRESS);
    } finally {
      server.kill('SIGKILL');
    }
  }, 60_000);

  it('has nothing on the host: no card, no address, no way, and no end', async () => {
    const before = ip('route');
    await connectGuest();
    expect(ip('-o', 'link')).not.toContain(tapOf(copy, 0));
    expect(ip('-o', 'address')).not.toContain('10.77.9.');
    expect(ip('route')).toBe(before);
    // Whatever the copy tries ends on its own wire.
    expect(ip('-n', namespaceOf(copy), 'route')).toBe(`${ADDRESS} dev net0 scope link src 10.77.9.51 \n`);
    expect(await network.clear(copy)).toMatchObject({ ok: true });
    expect(await network.clear(copy)).toMatchObject({ ok: true });
    expect(ip('netns', 'list')).not.toContain(namespaceOf(copy));
  });

  it('ends its question when told to', async () => {
    const quit = new AbortController();
    const asked = stage.ask(copy, { kind: 'tcp', port: 80 }, [ADDRESS], quit.signal);
    setTimeout(() => quit.abort(), 500);
    await expect(asked).rejects.toThrow();
  });
});
