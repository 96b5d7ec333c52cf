import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askAgent } from './agent-client.ts';
import { down } from './lab.ts';
import { places } from './places.ts';
import { type FleetPlan, ProtectedFleet } from './protected-fleet.ts';
import { waitFor } from './run.ts';

/** What an armed machine must not notice: its host's services being stopped, replaced, away for a while. */
const PLACES = places('armed');
const MINUTE = 60_000;
const LIBVIRT = 'libvirtd.service libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket';
let fleet: ProtectedFleet;

const sh = async (host: string, script: string): Promise<string> => {
  const { code, stdout, stderr } = await fleet.lab.exec(host, ['sh', '-c', script]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout.trim();
};

/** Its record as it was, and not a single entry about a freeze or a change in the owner's audit log. */
const standing = async () => {
  const { record, owner } = await fleet.sight('erp');
  const noted = 'grep -c -E \'"(stale|disarmed|lease-lapsed|frozen-may-go-on|guest-start)"\'';
  return {
    owner,
    armed: record?.armed,
    version: record?.version,
    process: await sh('atlas', 'cat /run/libvirt/qemu/erp.pid'),
    noted: await sh('atlas', `${noted} /var/lib/understudy/audit.log || true`),
  };
};

/** A beginning and an end, and the time between to notice: several leases. */
const unnoticed = async (fault: () => Promise<unknown>): Promise<void> => {
  const before = await standing();
  expect(before.armed).toBe(true);
  await fault();
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  await waitFor('the owner answers', MINUTE, async () => (await fleet.sight('erp')).owner !== null);
  expect(await standing()).toEqual(before);
};

beforeAll(async () => {
  const plan: FleetPlan = { machines: ['erp'], policy: 'automatic', profile: 'balanced', witness: true };
  fleet = await ProtectedFleet.up(PLACES, plan);
}, 10 * MINUTE);

afterAll(() => down(PLACES));

test.each(['atlas', 'boreas', 'cora'])(
  'the agent on %s is stopped in order and comes back a moment later',
  async (host) => {
    await unnoticed(async () => {
      await sh(host, 'systemctl stop understudy-agent');
      // Ended by itself, not by systemd's limit.
      expect(await sh(host, 'systemctl show -p Result --value understudy-agent')).toBe('success');
      await sh(host, 'sleep 1; systemctl start understudy-agent');
    });
  },
  MINUTE,
);

test.each(['atlas', 'boreas'])(
  'libvirtd is restarted on %s',
  (host) => unnoticed(() => sh(host, 'systemctl restart libvirtd')),
  MINUTE,
);

test(
  "the owner's agent is replaced while libvirtd is away",
  async () => {
    await sh('atlas', `systemctl stop ${LIBVIRT}`);
    await unnoticed(() => sh('atlas', 'systemctl restart understudy-agent'));
    await unnoticed(() => sh('atlas', 'systemctl start libvirtd.socket libvirtd.service'));
  },
  MINUTE,
);

test(
  'a witness that leaves keeps no vote, and the pair arms again with it as a newcomer',
  async () => {
    const votes = (): Promise<string> => sh('cora', 'ls /var/lib/understudy/votes');
    const about = { actor: 'lab', pairId: fleet.pairId('erp') };
    const order = (witness: string | null) =>
      askAgent(fleet.lab, 'atlas', 'pair.witness', { ...about, requestId: randomUUID(), witness });
    await order(null);
    await waitFor('no vote there', MINUTE, async () => (await votes()) === '');
    expect((await fleet.sight('erp')).record).toMatchObject({ armed: false, owner: fleet.idOf('atlas') });
    await order(fleet.idOf('cora'));
    await fleet.settle('erp', MINUTE);
    expect(await votes()).toBe('lab-erp.json');
  },
  3 * MINUTE,
);
