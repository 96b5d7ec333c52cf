import type { Task } from '../../../agent/protocol/index.ts';
import type { FleetSnapshot } from '../../contract/index.ts';
import type { Console } from '../console.ts';
import { EXIT, type Outcome, refused } from '../outcome.ts';
import { words } from '../words.ts';

export interface Given {
  command: string;
  machine: string;
  taskId: string;
  hostId: string;
}

export interface Waiting {
  wait: boolean;
  /** How long a host may be silent in the middle of it, ms. */
  timeoutMs: number;
  say(line: string): void;
}

const taskOf = (fleet: FleetSnapshot, taskId: string): Task | null =>
  Object.values(fleet.tasks).find(({ task }) => task.id === taskId)?.task ?? null;

const brief = ({ id, kind, state, startedAt, endedAt }: Task) => ({ id, kind, state, startedAt, endedAt });

/** Waits for the end of an order, telling its steps. `more`: what else the JSON says once it is done. */
export async function follow(
  console: Console,
  given: Given,
  waiting: Waiting,
  more: (task: Task) => Record<string, unknown> = () => ({}),
): Promise<Outcome> {
  const { command, machine, taskId, hostId } = given;
  const about = { machine, taskId, host: console.fleet.hosts[hostId]?.name ?? hostId };
  if (!waiting.wait)
    return { code: EXIT.done, json: { command, ok: true, ...about }, text: words.started(machine) };
  const task = await untilEnded(console, given, waiting);
  if (task === null) return refused(command, words.hostSilent(about.host), EXIT.unanswered, about);
  const facts = { ...about, task: brief(task), seconds: secondsOf(task) };
  if (task.state === 'done')
    return {
      code: EXIT.done,
      json: { command, ok: true, ...facts, ...more(task) },
      text: words.done(machine, command, secondsOf(task)),
    };
  return refused(command, task.problem ?? words.client.cancelled, EXIT.refused, facts);
}

const secondsOf = ({ startedAt, endedAt }: Task): number => ((endedAt ?? startedAt) - startedAt) / 1000;

async function untilEnded(
  console: Console,
  { taskId, hostId }: Given,
  waiting: Waiting,
): Promise<Task | null> {
  let told = '';
  for (;;) {
    const seen = await console.until<Task | 'silent'>((fleet) => {
      const task = taskOf(fleet, taskId);
      const step = task?.steps.find(({ state }) => state === 'running')?.label;
      if (step !== undefined && step !== told) {
        told = step;
        waiting.say(`${step} ...`);
      }
      if (task && task.state !== 'running') return task;
      return fleet.hosts[hostId]?.connection.state === 'online' ? null : 'silent';
    });
    if (seen !== 'silent') return seen;
    const back = await console.until(
      (fleet) => (fleet.hosts[hostId]?.connection.state === 'online' ? true : null),
      waiting.timeoutMs,
    );
    if (back === null) return null;
  }
}
