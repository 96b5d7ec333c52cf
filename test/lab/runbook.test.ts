import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { MODE_DEFAULTS, ProblemError, type ReplicationMode } from '../../agent/protocol/index.ts';
import { LabConsole } from './core-client.ts';
import { down, type Lab, up } from './lab.ts';
import { places } from './places.ts';
import { Recorder } from './recorder.ts';
import { waitFor } from './run.ts';
import { commandsFor, findAgent, follow, loseAgent, printed } from './runbook/by-hand.ts';

/** The offline runbook, as it lies in the console's folder, done on real hosts line by line. */
const PLACES = places('byhand');
const MINUTE = 60_000;
let lab: Lab;
let desk: LabConsole;
const recorders = new Set<Recorder>();
const say = (line: string): void => console.log(line);

const pairOf = (machine: string) => {
  const pair = desk.pair(machine);
  if (!pair) throw new Error(`no pair of ${machine}`);
  return pair;
};

async function record(machine: string): Promise<Recorder> {
  const recorder = await Recorder.start(lab, machine, 10);
  recorders.add(recorder);
  await recorder.waitForMore(50, 3 * MINUTE);
  return recorder;
}

async function missingOf(recorder: Recorder): Promise<number> {
  await recorder.waitForMore(20, 2 * MINUTE);
  await recorder.stop();
  recorders.delete(recorder);
  const { acked, missing } = await recorder.verify();
  console.log(`${acked} acknowledged, ${missing} missing`);
  return missing;
}

/** The page that is there when things go wrong: it knows the pair as it is now. */
async function pageOf(machine: string): Promise<{ html: string; pairId: string }> {
  const pair = pairOf(machine);
  const from = desk.host('atlas').id === pair.primary ? 'atlas' : 'boreas';
  const to = from === 'atlas' ? 'boreas' : 'atlas';
  const html = await waitFor('the runbook to know where it runs', MINUTE, () => {
    const text = printed(desk);
    return text.includes(`start ${machine} on ${to}`) ? text : null;
  });
  return { html, pairId: pair.id };
}

async function protect(machine: string, standby: string, replication: ReplicationMode): Promise<void> {
  const view = Object.values(desk.fleet.vms).find(({ vm }) => vm.name === machine);
  if (!view) throw new Error(`no ${machine}`);
  const order = { requestId: randomUUID(), hostId: view.hostId, vmUuid: view.vm.uuid };
  await desk.call('protect.start', { ...order, standby: desk.host(standby).id, replication });
}

/** What is left to the product: the host that keeps the machine becomes its owner, by itself or by order. */
async function becomesOwner(machine: string, host: string): Promise<void> {
  const own = () => pairOf(machine).primary === desk.host(host).id && pairOf(machine).members;
  await waitFor(`${machine} to be owned by ${host}`, 3 * MINUTE, async () => {
    if (own()) return true;
    await desk.failover(machine).catch(async (error: unknown) => {
      if (error instanceof ProblemError && error.problem.kind === 'copy-touched')
        await desk.call('pair.trustCopy', { pairId: pairOf(machine).id });
      say(`not yet: ${error instanceof Error ? error.message : String(error)}`);
    });
    return false;
  });
}

beforeAll(async () => {
  await down(PLACES);
  lab = await up({}, PLACES);
  desk = await LabConsole.open(lab);
  for (const host of ['atlas', 'boreas']) await desk.addHost(lab, host);
  await desk.addHost(lab, 'cora', 'witness');
  await protect('erp', 'boreas', { kind: 'sync' });
  await desk.inSync('erp');
  const pairIds = [pairOf('erp').id];
  const requestId = randomUUID();
  await desk.call('witness.set', { requestId, pairIds, witness: desk.host('cora').id });
  await desk.call('automation.set', {
    requestId: randomUUID(),
    scope: { kind: 'pairs', pairIds },
    change: { policy: 'automatic', drill: 'waived' },
  });
  await desk.until('armed', () => pairOf('erp').automation.armed);
}, 10 * MINUTE);

afterEach(async () => {
  for (const recorder of recorders) await recorder.stop();
  recorders.clear();
});

afterAll(async () => {
  await desk?.close();
  await down(PLACES);
});

test(
  'agents and owner gone: the copy is started by hand with every write, and comes back under the product',
  async () => {
    const { html, pairId } = await pageOf('erp');
    const recorder = await record('erp');
    await loseAgent(lab, 'boreas');
    await lab.powerOff('atlas');

    await follow(lab, commandsFor(html, pairId, 'on-standby'), say);
    await recorder.waitForMore(50, 3 * MINUTE);
    console.log(`by hand: ${JSON.stringify(await recorder.outage())}`);

    await findAgent(lab, 'boreas');
    await follow(lab, commandsFor(html, pairId, 'back-from-standby'), say);
    await becomesOwner('erp', 'boreas');
    await recorder.waitForMore(20, 3 * MINUTE);
    await lab.powerOn('atlas');
    await desk.until('the old copy aside', () => pairOf('erp').health === 'quarantined', 3 * MINUTE);
    await desk.order('pair.resync', 'erp');
    await desk.inSync('erp');
    expect(await missingOf(recorder)).toBe(0);
  },
  15 * MINUTE,
);

test(
  'the owner is well, its agent is not: the machine is started again where it was, and nothing is missing',
  async () => {
    const { html, pairId } = await pageOf('erp');
    const owner = desk.host('boreas').id === pairOf('erp').primary ? 'boreas' : 'atlas';
    const other = owner === 'atlas' ? 'boreas' : 'atlas';
    const recorder = await record('erp');
    // The other host must not take over first.
    await loseAgent(lab, other);
    await loseAgent(lab, owner);
    await follow(lab, commandsFor(html, pairId, 'on-owner', [other]), say);
    await recorder.waitForMore(50, 3 * MINUTE);

    await findAgent(lab, owner);
    await findAgent(lab, other);
    await follow(lab, commandsFor(html, pairId, 'back-from-owner'), say);
    await recorder.waitForMore(20, 3 * MINUTE);
    await lab.ssh(other, 'systemctl enable --now understudy-agent.service');
    await desk.inSync('erp');
    expect(await missingOf(recorder)).toBe(0);
  },
  15 * MINUTE,
);

test(
  'a copy kept by points is started from the newest, and what is written then is not lost on the way back',
  async () => {
    await protect('shop', 'atlas', MODE_DEFAULTS.async);
    await desk.until('points', () => desk.pair('shop')?.health === 'following');
    const { html, pairId } = await pageOf('shop');
    await loseAgent(lab, 'atlas');
    await lab.powerOff('boreas');
    await follow(lab, commandsFor(html, pairId, 'on-standby'), say);
    const recorder = await record('shop');

    await findAgent(lab, 'atlas');
    await follow(lab, commandsFor(html, pairId, 'back-from-standby'), say);
    await becomesOwner('shop', 'atlas');
    expect(await missingOf(recorder)).toBe(0);
    await lab.powerOn('boreas');
  },
  15 * MINUTE,
);
