import { agentState } from '../agent-client.ts';
import type { HostEntry } from '../audit-file.ts';
import { type Bench, MACHINE, MINUTE, TWIN } from '../failover/bench.ts';
import { Recorder } from '../recorder.ts';
import { must, waitFor } from '../run.ts';
import type { Lab } from '../running-lab.ts';
import { HttpWatch } from './http-gap.ts';

export type Way = 'live' | 'cold';

export interface SwitchoverRun {
  from: string;
  to: string;
  /** Longest time between two answers of the machine's web server, and between two acknowledged writes. */
  httpGapS: number;
  writeGapS: number;
  /** From the order to the end of its task. */
  taskS: number;
  /** From the end of the task until the pair was in sync again. */
  inSyncS: number;
  /** How the copies came to agree again (CatchUpFigures), and how long the machine stood still for that. */
  caughtUp: { way: string; pauseMs: number } | null;
  /** From the record's word that the new owner has begun to the machine's next instruction there. */
  goOnS: number;
  acked: number;
  missing: number;
}

/** Ordered on the owner; resolves with the time it took, seconds. Throws what the task says when it failed. */
export async function ordered(bench: Bench, owner: string, way: Way): Promise<number> {
  const began = Date.now();
  const taskId = await bench.fleet.order('pair.switchover', MACHINE, owner, { way });
  if (!taskId) throw new Error(`the agent of ${owner} cannot be asked`);
  const task = await waitFor('the switchover to end', 5 * MINUTE, async () => {
    const found = (await agentState(bench.fleet.lab, owner))?.tasks.find(({ id }) => id === taskId);
    return found && found.state !== 'running' ? found : null;
  });
  if (task.state === 'done') return (Date.now() - began) / 1000;
  throw new Error(`switchover ${task.state}: ${task.problem?.kind} ${task.problem?.message}`);
}

export async function switchoverRun(bench: Bench, way: Way): Promise<SwitchoverRun> {
  const { owner, standby } = await bench.fleet.roles(MACHINE);
  const recorder = await bench.record(20, 500);
  const web = await HttpWatch.start(bench.fleet.lab, MACHINE);
  const began = Date.now();
  const moved = async (): Promise<{ taskS: number; done: number }> => {
    const seconds = await ordered(bench, owner, way);
    const at = Date.now();
    await recorder.waitForMore(50, 2 * MINUTE);
    return { taskS: seconds, done: at };
  };
  // A client that nobody stops keeps the next run from measuring anything.
  const { taskS, done } = await moved().catch(async (error) => {
    await Promise.allSettled([web.stop(), recorder.stop()]);
    throw error;
  });
  const { seconds: httpGapS } = await web.stop();
  await recorder.stop();
  const { seconds: writeGapS } = await recorder.outage();
  const { acked, missing } = await recorder.verify();
  const after = await bench.fleet.roles(MACHINE);
  if (after.owner !== standby) throw new Error(`${MACHINE} belongs to ${after.owner}, not to ${standby}`);
  await bench.fleet.settle(MACHINE, 5 * MINUTE);
  const inSyncS = (Date.now() - done) / 1000;
  const told = afterwards(bench.audit(began).filter(({ host }) => host === standby));
  return { from: owner, to: standby, httpGapS, writeGapS, taskS, inSyncS, ...told, acked, missing };
}

/** By the new owner's history. */
function afterwards(history: HostEntry[]): Pick<SwitchoverRun, 'caughtUp' | 'goOnS'> {
  const last = (event: string): HostEntry | undefined => history.findLast((entry) => entry.event === event);
  const caughtUp = last('caught-up')?.evidence;
  const at = (event: string): number => last(event)?.at ?? Number.NaN;
  return {
    caughtUp: caughtUp ? { way: caughtUp.way ?? '', pauseMs: Number(caughtUp.pauseMs) } : null,
    goOnS: (at('guest-continues') - at('begun')) / 1000,
  };
}

/** What a person needs for the same with an unprotected machine: shut down, start again. */
export async function byHand(lab: Lab): Promise<{ httpGapS: number; writeGapS: number }> {
  const { home } = lab.guest(TWIN);
  const recorder = await Recorder.start(lab, TWIN, 20, 500);
  await recorder.waitForMore(50, MINUTE);
  const web = await HttpWatch.start(lab, TWIN);
  await must(lab.sshCommand(home, ['--', `virsh -q shutdown ${TWIN}`]));
  const isDown = async (): Promise<boolean> =>
    (await lab.exec(home, ['virsh', '-q', 'domstate', TWIN])).stdout.includes('shut off');
  await waitFor(`${TWIN} down`, MINUTE, isDown, 20);
  await must(lab.sshCommand(home, ['--', `virsh -q start ${TWIN}`]));
  await recorder.waitForMore(50, MINUTE);
  const { seconds: httpGapS } = await web.stop();
  await recorder.stop();
  return { httpGapS, writeGapS: (await recorder.outage()).seconds };
}
