import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { agentState, askAgent } from '../agent-client.ts';
import { Bench, MACHINE, MINUTE } from '../failover/bench.ts';
import { places } from '../places.ts';
import { ProtectedFleet } from '../protected-fleet.ts';
import { waitFor } from '../run.ts';
import { asidesOn, fillDisks, identical } from './images.ts';

/**
 * `npm run lab:return -- [--json] [--keep]`: the host of an armed machine loses its power, the other takes over, the host
 * comes back and becomes the standby on top of its old disk; then the machine goes home and the old disk is discarded.
 */
const { values } = parseArgs({
  args: process.argv.slice(2),
  options: { json: { type: 'boolean', default: false }, keep: { type: 'boolean', default: false } },
});
const say = (line: string): void => console.error(line);

async function untilDone(fleet: ProtectedFleet, host: string, taskId: string | undefined): Promise<void> {
  const task = await waitFor('an order to end', 3 * MINUTE, async () => {
    const found = (await agentState(fleet.lab, host))?.tasks.find(({ id }) => id === taskId);
    return found && found.state !== 'running' ? found : null;
  });
  if (task.state !== 'done') throw new Error(`${task.kind} ${task.state}: ${task.problem?.message}`);
}

async function discard(fleet: ProtectedFleet, host: string): Promise<void> {
  const order = { requestId: randomUUID(), actor: 'lab', pairId: fleet.pairId(MACHINE) };
  const ordered = await askAgent(fleet.lab, host, 'pair.discard', order);
  await untilDone(fleet, host, ordered?.task.id);
}

async function returned(bench: Bench): Promise<Record<string, unknown>> {
  const { fleet } = bench;
  const { owner: old, standby: now } = await fleet.roles(MACHINE);
  const recorder = await bench.record(20);
  await recorder.waitForMore(200, MINUTE);
  const began = Date.now();
  await fleet.lab.powerOff(old);
  await bench.startOn(now, began);
  await recorder.waitForMore(200, 2 * MINUTE);
  await fleet.lab.powerOn(old);
  const ready = await fleet.settle(MACHINE, 5 * MINUTE);
  await recorder.waitForMore(50, MINUTE);
  await recorder.stop();
  const { acked, missing } = await recorder.verify();
  const took = bench.audit(began).findLast(({ event }) => event === 'caught-up')?.evidence;
  if (took?.way !== 'compare') throw new Error(`it was brought up to date by ${took?.way ?? 'a full copy'}`);
  const figure = (name: string): number => Number(took[name]);
  const alike = await identical(fleet, MACHINE);
  await fleet.settle(MACHINE, 2 * MINUTE);
  const asides = await asidesOn(fleet, old, MACHINE);
  await discard(fleet, old);
  const left = await asidesOn(fleet, old, MACHINE);
  await fleet.settle(MACHINE, 2 * MINUTE);
  const alikeAfter = await identical(fleet, MACHINE);
  await fleet.settle(MACHINE, 2 * MINUTE);
  await untilDone(fleet, now, (await fleet.order('pair.switchover', MACHINE, now)) ?? undefined);
  const home = await fleet.settle(MACHINE, 5 * MINUTE);
  return {
    hashMBs: Math.round(figure('hashBytes') / 1e6 / (figure('hashMs') / 1e3)),
    hashBytes: figure('hashBytes'),
    sentOverDiffering: Math.round((figure('sentBytes') / figure('dirtyBytes')) * 1000) / 1000,
    differingBytes: figure('dirtyBytes'),
    pauseMs: figure('pauseMs'),
    acked,
    missing,
    identical: alike && alikeAfter,
    armedAgain: ready.record?.armed === true,
    asideBytes: asides.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0),
    asidesLeft: left.length,
    home: home.owner === old,
  };
}

let figures: Record<string, unknown> = {};
const failures: string[] = [];
let fleet: ProtectedFleet | null = null;
let bench: Bench | null = null;
try {
  fleet = await ProtectedFleet.up(places(process.env.UNDERSTUDY_LAB ?? 'return'), {
    machines: [MACHINE],
    policy: 'automatic',
    profile: 'balanced',
    witness: true,
    say,
  });
  bench = await Bench.open(fleet);
  const { owner } = await fleet.roles(MACHINE);
  await fillDisks(fleet, owner, MACHINE);
  figures = await returned(bench);
} catch (error) {
  failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  say(failures.at(-1) ?? '');
}
const result = { ...figures, violations: bench?.violations ?? 0, failures };
await bench?.observer.stop();
if (fleet && !values.keep) await fleet.down();
if (!values.json) say(JSON.stringify(result, null, 2));
const good =
  failures.length === 0 && figures.missing === 0 && figures.identical === true && result.violations === 0;
process.exitCode = good ? 0 : 1;
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
