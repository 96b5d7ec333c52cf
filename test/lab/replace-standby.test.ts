import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { agentState, askAgent } from './agent-client.ts';
import { down } from './lab.ts';
import { places } from './places.ts';
import { ProtectedFleet } from './protected-fleet.ts';
import { waitFor } from './run.ts';

/** A standby is lost, another host takes its place, and the lost one comes back. */
const PLACES = places('newstandby');
const MINUTE = 60_000;
let fleet: ProtectedFleet;

/** What it printed; what it complained about is empty. */
const sh = async (host: string, script: string): Promise<string> => {
  const { stdout, stderr } = await fleet.lab.exec(host, ['sh', '-c', script]);
  expect(stderr).toBe('');
  return stdout.trim();
};
const pidOf = (host: string): Promise<string> => sh(host, 'cat /run/libvirt/qemu/erp.pid');

beforeAll(async () => {
  fleet = await ProtectedFleet.up(PLACES, {
    machines: ['erp'],
    policy: 'automatic',
    profile: 'balanced',
    witness: true,
    hypervisors: 3,
  });
}, 10 * MINUTE);

afterAll(() => down(PLACES));

test(
  'a lost standby is replaced, comes back to nothing, and the new one takes over',
  async () => {
    const before = await pidOf('atlas');
    await fleet.lab.powerOff('boreas');
    const given = await askAgent(fleet.lab, 'atlas', 'pair.replaceStandby', {
      requestId: randomUUID(),
      actor: 'lab',
      pairId: fleet.pairId('erp'),
      standby: fleet.idOf('delos'),
    });
    const task = await waitFor('the order at its end', 3 * MINUTE, async () => {
      const tasks = (await agentState(fleet.lab, 'atlas'))?.tasks ?? [];
      const now = tasks.find(({ id }) => id === given?.task.id);
      return now && now.state !== 'running' ? now : null;
    });
    expect(task).toMatchObject({ state: 'done', problem: null });
    const { record } = await fleet.settle('erp', MINUTE);
    expect(record?.members).toEqual([fleet.idOf('atlas'), fleet.idOf('delos')]);

    await fleet.lab.powerOn('boreas');
    const left = async (): Promise<boolean> =>
      (await fleet.lab.exec('boreas', ['sh', '-c', 'ls /var/lib/understudy/votes'])).stdout.trim() === '';
    await waitFor('boreas to have left the pair', 3 * MINUTE, left);
    expect(await sh('boreas', 'ls /var/lib/understudy/pairs')).toBe('');
    expect(await sh('boreas', 'virsh -q list --all | grep -c erp || true')).toBe('0');
    expect(await sh('boreas', 'ls /var/lib/libvirt/images | grep -c erp || true')).toBe('0');
    expect(
      await sh(
        'boreas',
        'grep -c "It starts nothing, and its copy is deleted" /var/lib/understudy/audit.log',
      ),
    ).toBe('1');

    // The guest never stopped, nor was it frozen for a moment.
    expect(await pidOf('atlas')).toBe(before);
    expect(
      await sh(
        'atlas',
        'grep -cE \'"(lease-lapsed|frozen-may-go-on|guest-start)"\' /var/lib/understudy/audit.log || true',
      ),
    ).toBe('0');
    await fleet.settle('erp', MINUTE);

    await fleet.lab.powerOff('atlas');
    await waitFor(
      'delos to have taken over',
      MINUTE,
      async () => (await fleet.guestOn('delos', 'erp'))?.executes === true,
    );
    expect(await fleet.guestOn('boreas', 'erp')).toBeNull();
    expect((await fleet.sight('erp')).record).toMatchObject({
      owner: fleet.idOf('delos'),
      change: 'takeover',
    });
  },
  8 * MINUTE,
);
