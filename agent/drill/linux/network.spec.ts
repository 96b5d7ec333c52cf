import { expect, it } from 'vitest';
import { ok } from '../../protocol/index.ts';
import { isTrial, trialCopy } from '../stage.ts';
import { namespaceOf, neighbourOf, TrialNetwork, tapOf } from './network.ts';
import { isComplete } from './probe.ts';

const copy = trialCopy('pair-1', 'Web Shop/1');

it.each([
  ['10.0.0.50', '10.0.0.51'],
  ['10.0.0.51', '10.0.0.50'],
  ['10.0.0.1', '10.0.0.2'],
  ['10.0.0.254', '10.0.0.253'],
])('%s has %s as its neighbour', (address, neighbour) => {
  expect(neighbourOf(address)).toBe(neighbour);
});

it('names a copy so that nobody takes it for the machine, and always alike', () => {
  expect(copy).toEqual(trialCopy('pair-1', 'Web Shop/1'));
  expect(copy.name).toMatch(/^drill-Web-Shop-1-[0-9a-f]{6}$/);
  expect(isTrial(copy.uuid)).toBe(true);
  expect(isTrial('a0000000-0000-4000-8000-000000000000')).toBe(false);
  expect(copy.uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(tapOf(copy, 0).length).toBeLessThanOrEqual(15);
});

it('gives nothing of the network an address or a way on the host', async () => {
  const orders: string[][] = [];
  const network = new TrialNetwork({
    run: async (program, args) => {
      orders.push([program, ...args]);
      return ok('');
    },
  });
  await network.build(copy, 2, ['10.0.0.50', 'fd00::1']);
  await network.enclose(copy, 2);
  const namespace = namespaceOf(copy);
  const outside = orders.filter(([first]) => first === 'ip').map((order) => order.join(' '));
  expect(outside).toEqual([
    'ip netns list',
    `ip netns add ${namespace}`,
    `ip link set ${tapOf(copy, 0)} netns ${namespace}`,
    `ip link set ${tapOf(copy, 1)} netns ${namespace}`,
  ]);
  const inside = orders.filter(([first]) => first === 'nsenter').map((order) => order.slice(1).join(' '));
  const within = `--net=/run/netns/${namespace} -- ip`;
  expect(inside.every((order) => order.startsWith(within))).toBe(true);
  expect(inside).toContain(`${within} address replace 10.0.0.51/32 dev net0`);
  expect(inside.filter((order) => order.includes('fd00'))).toEqual([]);
});

it('takes only a complete entry for an answer', () => {
  const table = `IP address       HW type     Flags       HW address            Mask     Device
10.0.0.50        0x1         0x2         52:54:00:00:00:01     *        net0
10.0.0.60        0x1         0x0         00:00:00:00:00:00     *        net0`;
  expect(isComplete(table, '10.0.0.50')).toBe(true);
  expect(isComplete(table, '10.0.0.60')).toBe(false);
  expect(isComplete(table, '10.0.0.5')).toBe(false);
});
