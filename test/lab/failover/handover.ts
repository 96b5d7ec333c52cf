import { agentState } from '../agent-client.ts';
import { startedAt } from '../proc.ts';
import { Recorder } from '../recorder.ts';
import { must, waitFor } from '../run.ts';
import type { Lab } from '../running-lab.ts';
import { type Bench, MACHINE, MINUTE, TWIN } from './bench.ts';

export interface HandoverRun {
  outageS: number;
  /** The same guest's twin, shut down and started by hand on one host. */
  byHandS: number;
  overS: number;
  /** One QEMU's end to the next one's start: what of it is not the guest's own shutdown and boot. */
  betweenS: number;
  byHandBetweenS: number;
  acked: number;
  missing: number;
}

/** The outage of an unprotected machine that is stopped in order and started again by hand. */
async function byHand(lab: Lab): Promise<number> {
  const { home } = lab.guest(TWIN);
  const recorder = await Recorder.start(lab, TWIN, 20, 200);
  await recorder.waitForMore(50, MINUTE);
  await must(lab.sshCommand(home, ['--', `virsh -q shutdown ${TWIN}`]));
  await waitFor(
    `${TWIN} down`,
    MINUTE,
    async () => (await lab.exec(home, ['virsh', '-q', 'domstate', TWIN])).stdout.includes('shut off'),
    20,
  );
  await must(lab.sshCommand(home, ['--', `virsh -q start ${TWIN}`]));
  await recorder.waitForMore(20, MINUTE);
  await recorder.stop();
  return (await recorder.outage()).seconds;
}

/** From the end of a machine's process to the start of its next, by what the observer saw since then. */
function between(bench: Bench, machine: string, since: number): number {
  const { uuid } = bench.fleet.lab.guest(machine);
  const changes = bench.observer.changes.filter((change) => change.uuid === uuid && change.at >= since);
  const ended = changes.find(({ to }) => to === 'none');
  const started = changes.find(({ from }) => from === 'none');
  if (!ended || !started) throw new Error(`the observer did not see ${machine} end and start`);
  return (startedAt(started.start) - ended.at) / 1000;
}

async function untilDone(bench: Bench, host: string, taskId: string): Promise<void> {
  const state = await waitFor('the switchover to end', 2 * MINUTE, async () => {
    const found = (await agentState(bench.fleet.lab, host))?.tasks.find(({ id }) => id === taskId);
    return found && found.state !== 'running' ? found : null;
  });
  if (state.state !== 'done') throw new Error(`switchover ${state.state}: ${state.problem?.message}`);
}

export async function handoverRun(bench: Bench): Promise<HandoverRun> {
  const first = Date.now();
  const byHandS = await byHand(bench.fleet.lab);
  const byHandBetweenS = between(bench, TWIN, first);
  const { owner, standby } = await bench.fleet.roles(MACHINE);
  const recorder = await bench.record(20, 500);
  const began = Date.now();
  const taskId = await bench.fleet.order('pair.switchover', MACHINE, owner, { way: 'cold' });
  if (!taskId) throw new Error(`the agent of ${owner} cannot be asked`);
  await bench.startOn(standby, began);
  await recorder.waitForMore(20, 2 * MINUTE);
  await untilDone(bench, owner, taskId);
  await recorder.stop();
  const { acked, missing } = await recorder.verify();
  const { seconds } = await recorder.outage();
  return {
    outageS: seconds,
    byHandS,
    overS: seconds - byHandS,
    betweenS: between(bench, MACHINE, began),
    byHandBetweenS,
    acked,
    missing,
  };
}
