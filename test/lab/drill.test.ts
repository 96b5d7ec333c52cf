import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  drillTask,
  identical,
  orderDrill,
  resultOf,
  traces,
  untilEnded,
  untilStep,
} from './drill/drilling.ts';
import { Escapes } from './drill/escapes.ts';
import { serviceProcess, signal } from './host-processes.ts';
import { down } from './lab.ts';
import { places } from './places.ts';
import { type FleetPlan, ProtectedFleet } from './protected-fleet.ts';
import { Recorder } from './recorder.ts';
import { waitFor } from './run.ts';

/** The copy of an armed machine tried out on real hosts, while a client writes to the machine. */
const PLACES = places('drilltest');
const MINUTE = 60_000;
const MACHINE = 'erp';
let fleet: ProtectedFleet;

beforeAll(async () => {
  const plan: FleetPlan = { machines: [MACHINE], policy: 'automatic', profile: 'balanced', witness: true };
  fleet = await ProtectedFleet.up(PLACES, plan);
}, 10 * MINUTE);

afterAll(() => down(PLACES));

const noTraces = (host: string): Promise<unknown> =>
  waitFor(`no trace of the drill on ${host}`, MINUTE, async () => (await traces(fleet, host)).length === 0);

test(
  'a drill is passed without setup, lets nothing out, and leaves no trace',
  async () => {
    const { standby } = await fleet.roles(MACHINE);
    const escapes = await Escapes.watch(fleet.lab, standby, fleet.lab.guest(MACHINE).mac);
    const recorder = await Recorder.start(fleet.lab, MACHINE, 5);
    await recorder.waitForMore(50, MINUTE);
    const id = await orderDrill(fleet, MACHINE, 0);
    expect(await untilEnded(fleet, standby, id)).toMatchObject({ state: 'done', problem: null });
    const result = await resultOf(fleet, MACHINE, id);
    expect(result).toMatchObject({
      outcome: 'passed',
      by: 'lab',
      evidence: expect.stringContaining('answer'),
    });
    expect(await escapes.count()).toBe(0);
    expect(await traces(fleet, standby)).toEqual([]);
    await recorder.waitForMore(50, MINUTE);
    await recorder.stop();
    expect(await recorder.verify()).toMatchObject({ missing: 0 });
    expect(await identical(fleet, MACHINE)).toBe(true);
    const { record } = await fleet.settle(MACHINE, MINUTE);
    await waitFor('it to be on record', MINUTE, async () => {
      const { passed } = (await fleet.sight(MACHINE)).record?.drill ?? {};
      return passed?.at === result.at;
    });
    expect(record?.armed).toBe(true);
  },
  8 * MINUTE,
);

test.each(['point', 'stage', 'start', 'answer', 'clear'])(
  'the agent is killed at its step %s, and the next one takes everything down',
  async (step) => {
    const { standby } = await fleet.roles(MACHINE);
    const id = await orderDrill(fleet, MACHINE, step === 'clear' ? 0 : 60);
    await untilStep(fleet, standby, id, step);
    const agent = await serviceProcess(fleet.lab, standby, 'agent');
    if (!agent) throw new Error(`no agent on ${standby}`);
    signal(agent.pid, 'SIGKILL');
    const task = await untilEnded(fleet, standby, id);
    expect(step === 'clear' || task.problem?.kind === 'drill-interrupted').toBe(true);
    await noTraces(standby);
    await fleet.settle(MACHINE, MINUTE);
  },
  6 * MINUTE,
);

test(
  'a failover in the middle of a drill goes first, and loses nothing',
  async () => {
    const { owner, standby } = await fleet.roles(MACHINE);
    const escapes = await Escapes.watch(fleet.lab, standby, fleet.lab.guest(MACHINE).mac);
    const recorder = await Recorder.start(fleet.lab, MACHINE, 5);
    await recorder.waitForMore(50, MINUTE);
    const id = await orderDrill(fleet, MACHINE, 120);
    await untilStep(fleet, standby, id, 'answer', /standing, paused/);
    expect(await escapes.count()).toBe(0);
    await fleet.lab.powerOff(owner);
    await waitFor(`${MACHINE} on ${standby}`, 2 * MINUTE, async () => {
      const sight = await fleet.sight(MACHINE);
      return sight.owner === standby && sight.record?.begun === true;
    });
    await recorder.waitForMore(50, 2 * MINUTE);
    await waitFor('the drill to end', MINUTE, async () => {
      return (await drillTask(fleet, standby, id))?.state === 'cancelled';
    });
    await noTraces(standby);
    await recorder.stop();
    expect(await recorder.verify()).toMatchObject({ missing: 0 });
    const { seconds } = await recorder.outage();
    console.log(`outage with a drill under way: ${seconds.toFixed(2)} s`);
    // The counter counts: now it is the machine itself that speaks from there.
    expect(await escapes.count()).toBeGreaterThan(0);
    await fleet.mend();
    await fleet.settle(MACHINE, 5 * MINUTE);
  },
  12 * MINUTE,
);
