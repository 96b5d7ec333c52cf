import { randomUUID } from 'node:crypto';
import { ProblemError, type ReplicationMode } from '../../agent/protocol/index.ts';
import { askAgent } from '../lab/agent-client.ts';
import { type Kind, nothingToUndo, type Roles, type Scene, type Undo } from './scene.ts';

/** Every way of keeping a copy that can be changed to and fro. Short times: a fault comes every few seconds. */
export const WAYS: readonly ReplicationMode[] = [
  { kind: 'sync' },
  { kind: 'sync', memory: true },
  { kind: 'sync', goOnMs: 500 },
  { kind: 'sync', memory: true, goOnMs: 500 },
  { kind: 'async', rpoS: 8 },
  { kind: 'interval', everyS: 30, retention: { last: 3, hourly: 0, daily: 0, weekly: 0 } },
];

export const FIRST_WAY: ReplicationMode = { kind: 'async', rpoS: 8 };

async function monitor(scene: Scene, { owner, machine }: Roles, command: unknown): Promise<unknown> {
  const said = await scene.run(
    owner,
    'virsh',
    '-q',
    'qemu-monitor-command',
    machine,
    JSON.stringify(command),
  );
  return said.code === 0 ? (JSON.parse(said.stdout) as { return?: unknown }).return : null;
}

/** One of the machine's mirror jobs, past everything that knows of it. */
async function cancelJob(scene: Scene, roles: Roles): Promise<Undo | null> {
  const jobs = await monitor(scene, roles, { execute: 'query-block-jobs' });
  const [job] = Array.isArray(jobs) ? (jobs as { device: string; type: string }[]) : [];
  if (job?.type !== 'mirror') return null;
  const order = { execute: 'block-job-cancel', arguments: { device: job.device, force: true } };
  return (await monitor(scene, roles, order)) === null ? null : nothingToUndo;
}

/** An operator changes how the copy of a machine is kept, in the middle of everything else. Not of one that is armed. */
export const MODE_KINDS: Kind[] = [
  { name: 'job-cancel', weight: 1, holdMs: [100, 1_500], strike: cancelJob },
  {
    name: 'mode',
    weight: 4,
    holdMs: [100, 1_500],
    async strike(scene, { machine, owner }, random) {
      const way = random.pick(WAYS);
      if (!scene.fleet.isLoose(machine)) return null;
      const order = { requestId: randomUUID(), actor: 'lab', pairId: scene.fleet.pairId(machine) };
      try {
        const given = await askAgent(scene.fleet.lab, owner, 'pair.mode', { ...order, replication: way });
        scene.say(`${machine} is to be kept ${way.kind}: ${given ? 'begun' : 'no answer'}`);
        return given ? nothingToUndo : null;
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error;
        scene.say(`${machine} is not to be kept ${way.kind}: ${error.problem.message}`);
        return null;
      }
    },
  },
];
