import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  NO_OBJECTIVES,
  type RiskHistory,
  type RiskStatus,
  rpoStanding,
  secondsAtRisk,
} from '../../agent/protocol/index.ts';
import { measureOf } from '../../src-main/core/pairs/objectives.ts';
import { askAgent } from './agent-client.ts';
import { orderDrill, resultOf, untilEnded } from './drill/drilling.ts';
import { serviceProcess, signal } from './host-processes.ts';
import { down } from './lab.ts';
import { places } from './places.ts';
import { ProtectedFleet } from './protected-fleet.ts';
import { Recorder } from './recorder.ts';
import { must, waitFor } from './run.ts';

/** What a failure would cost, on real hosts: nothing in sync, what was written since while the standby is gone; and for how long. */
const PLACES = places('objectivestest');
const MINUTE = 60_000;
const MACHINE = 'erp';
const SERVICES = ['understudy-agent', 'understudy-storage'];
let fleet: ProtectedFleet;

beforeAll(async () => {
  fleet = await ProtectedFleet.up(PLACES, {
    machines: [MACHINE],
    policy: 'automatic',
    profile: 'balanced',
    witness: true,
  });
}, 10 * MINUTE);

afterAll(() => down(PLACES));

async function risk(host: string): Promise<RiskStatus | null> {
  return (await fleet.sight(MACHINE)).members[host]?.risk ?? null;
}

async function atRisk(host: string): Promise<number | null> {
  const found = (await risk(host))?.atRisk;
  return found ? secondsAtRisk(found, Date.now()) : null;
}

async function history(host: string): Promise<RiskHistory> {
  return waitFor(`the history of ${host}`, MINUTE, () =>
    askAgent(fleet.lab, host, 'pair.riskHistory', { pairId: fleet.pairId(MACHINE) }),
  );
}

/** Its QEMU notes what is written, and that is known to be relied on: from then on bytes can be told after a break. */
async function tracked(host: string): Promise<boolean> {
  const path = `/var/lib/understudy/mirrors/${fleet.pairId(MACHINE)}.mirror`;
  return (await fleet.lab.exec(host, ['cat', path])).stdout.includes('"tracked":true');
}

const services = (host: string, verb: 'start' | 'stop'): Promise<string> =>
  must(fleet.lab.sshCommand(host, ['--', `systemctl ${verb} ${SERVICES.join(' ')}`]));

test(
  'nothing in sync; what was written since while the standby is gone, kept on the host; nothing again once it is back',
  async () => {
    const { owner, standby } = await fleet.roles(MACHINE);
    expect(await atRisk(owner)).toBe(0);
    const objectives = { rpoS: 30, rtoS: 300 };
    const order = { requestId: 'lab-objectives', actor: 'lab', pairId: fleet.pairId(MACHINE), objectives };
    await askAgent(fleet.lab, owner, 'pair.objectives', order);
    expect((await fleet.sight(MACHINE)).members[owner]?.spec.objectives).toEqual(objectives);

    const recorder = await Recorder.start(fleet.lab, MACHINE, 5);
    await recorder.waitForMore(50, MINUTE);
    await waitFor('what the machine writes to be noted', 2 * MINUTE, () => tracked(owner));
    const stoppedAt = Date.now();
    await services(standby, 'stop');
    await recorder.waitForMore(50, 2 * MINUTE);
    await waitFor('70 s at risk', 3 * MINUTE, async () => ((await atRisk(owner)) ?? 0) > 70);
    const known = (await risk(owner))?.atRisk ?? null;
    expect(known).toMatchObject({ kind: 'since' });
    expect(known?.wholeUntil).toBeGreaterThan(stoppedAt);
    expect(known?.bytes).toBeGreaterThan(0);
    expect(rpoStanding(objectives, known, Date.now())).toBe('missed');
    expect(rpoStanding(NO_OBJECTIVES, known, Date.now())).toBe('no-target');
    await waitFor('it to be in the history', 2 * MINUTE, async () =>
      (await history(owner)).minutes.some(({ seconds }) => (seconds ?? 0) > 40),
    );

    const before = await history(owner);
    const agent = await serviceProcess(fleet.lab, owner, 'agent');
    if (!agent) throw new Error(`no agent on ${owner}`);
    signal(agent.pid, 'SIGKILL');
    const next = await waitFor('the next agent to count on', MINUTE, async () => {
      const found = (await risk(owner))?.atRisk;
      return found?.kind === 'since' ? found : null;
    });
    expect(next.wholeUntil).toBe(known?.wholeUntil);
    const kept = (await history(owner)).minutes;
    for (const sample of before.minutes) expect(kept).toContainEqual(sample);

    await services(standby, 'start');
    await fleet.settle(MACHINE, 4 * MINUTE);
    await waitFor('nothing at risk', MINUTE, async () => (await atRisk(owner)) === 0);
    await recorder.waitForMore(20, MINUTE);
    await recorder.stop();
    expect((await recorder.verify()).missing).toBe(0);
    const worst = Math.max(...(await history(owner)).minutes.map(({ seconds }) => seconds ?? 0));
    console.log(`worst minute: ${worst.toFixed(1)} s, ${known?.bytes} bytes at risk when looked at`);
    expect((await history(standby)).minutes).toEqual([]);
  },
  12 * MINUTE,
);

test(
  'a drill says how long it takes until the copy answers; a takeover is measured by itself',
  async () => {
    const { owner, standby } = await fleet.roles(MACHINE);
    const id = await orderDrill(fleet, MACHINE, 0);
    expect(await untilEnded(fleet, standby, id)).toMatchObject({ state: 'done', problem: null });
    const drilled = measureOf(await resultOf(fleet, MACHINE, id), 'answers');
    expect(drilled).toMatchObject({ source: 'drill', host: fleet.idOf(standby), until: 'answer' });
    expect(drilled?.ms).toBeGreaterThan(0);

    const lostAt = Date.now();
    await fleet.lab.powerOff(owner);
    const taken = await waitFor('the takeover to be measured', 5 * MINUTE, async () => {
      const found = (await risk(standby))?.measures ?? [];
      return found.find(({ source }) => source === 'takeover') ?? null;
    });
    expect(taken).toMatchObject({ host: fleet.idOf(standby) });
    // Its fault is dated by the last word of the lost host, which comes at least once a second.
    expect(Math.abs(taken.at - taken.ms - lostAt)).toBeLessThan(5_000);
    console.log(`drill: ${drilled?.ms} ms; takeover: ${taken.ms} ms until ${taken.until}`);
    expect((await risk(standby))?.atRisk?.kind).toBe('no-copy');
    await fleet.mend();
    await fleet.settle(MACHINE, 5 * MINUTE);
    await waitFor('nothing at risk', MINUTE, async () => (await atRisk(standby)) === 0);
  },
  14 * MINUTE,
);
