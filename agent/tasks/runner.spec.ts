import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { beforeEach, expect, it } from 'vitest';
import { ProblemError, type Task } from '../protocol/index.ts';
import { type StepIo, TaskRunner } from './runner.ts';

const clock = { now: () => 5, bootMs: () => 0, setTimeout: () => ({ cancel() {} }) };
const Data = v.object({ log: v.array(v.string()) });
type Data = v.InferOutput<typeof Data>;
type Run = (data: Data, io: StepIo) => Promise<void>;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'understudy-tasks-'));
});

function runner(
  first: Run,
  second: Run,
  options: { firstCancellable?: boolean; undo?: (data: Data) => Promise<void> } = {},
) {
  const tasks = new TaskRunner({ directory, clock, log: () => undefined });
  tasks.register<Data>({
    kind: 'protect',
    data: Data,
    steps: [
      { id: 'one', label: () => 'One', cancellable: options.firstCancellable ?? true, run: first },
      { id: 'two', label: () => 'Two', cancellable: false, run: second },
    ],
    ...(options.undo ? { undo: options.undo } : {}),
  });
  return tasks;
}
const order = (tasks: TaskRunner, id = 't1', pairId = 'p1') =>
  tasks.order<Data>('protect', { id, pairId, subject: 'erp', data: { log: [] } });
const quick: Run = async (data) => void data.log.push('ran');
const untilAborted: Run = (_data, io) =>
  new Promise((_resolve, reject) => io.signal.addEventListener('abort', () => reject(new Error('aborted'))));

it('runs the steps in order and ends done', async () => {
  const seen: Task[] = [];
  const tasks = runner(quick, quick);
  tasks.subscribe((task) => seen.push(task));
  await order(tasks);
  const task = await tasks.settled('t1');
  expect(task).toMatchObject({ state: 'done', steps: [{ state: 'done' }, { state: 'done' }] });
  expect(seen.at(0)?.state).toBe('running');
});

it('leaves out the steps that an order does without', async () => {
  const tasks = new TaskRunner({ directory, clock, log: () => undefined });
  const run: Run = async (data) => void data.log.push('ran');
  tasks.register<Data>({
    kind: 'protect',
    data: Data,
    steps: [
      { id: 'some', label: () => 'Some', cancellable: true, run, when: ({ log }) => log.length > 0 },
      { id: 'all', label: () => 'All', cancellable: false, run },
    ],
  });
  await order(tasks);
  const without = await tasks.settled('t1');
  expect(without).toMatchObject({ state: 'done', steps: [{ id: 'all', state: 'done' }] });
  // What it began with counts, not what its data are by then.
  await tasks.order<Data>('protect', { id: 't2', pairId: 'p2', subject: 'erp', data: { log: ['with'] } });
  expect(await tasks.settled('t2')).toMatchObject({ steps: [{ id: 'some' }, { id: 'all', state: 'done' }] });
});

it('carries out a repeated request once', async () => {
  let runs = 0;
  const tasks = runner(async () => {
    runs += 1;
  }, quick);
  await order(tasks);
  await tasks.settled('t1');
  await order(tasks);
  await tasks.settled('t1');
  expect(runs).toBe(1);
});

it('refuses a second task for a busy pair and names the first', async () => {
  const tasks = runner(untilAborted, quick);
  await order(tasks);
  expect(await order(tasks, 't2')).toMatchObject({ ok: false, problem: { kind: 'pair-busy' } });
  expect((await order(tasks, 't3', 'p2')).ok).toBe(true);
  await tasks.stop();
});

it('resumes at the interrupted step, with what earlier steps wrote down', async () => {
  const before = runner(quick, untilAborted);
  await order(before);
  await new Promise<void>((resolve) => {
    before.subscribe((task) => task.steps[1]?.state === 'running' && resolve());
    if (before.list()[0]?.steps[1]?.state === 'running') resolve();
  });
  await before.stop();
  await before.settled('t1');

  const second: { data: string[]; resumed: boolean }[] = [];
  const after = runner(
    async () => {
      throw new Error('step one must not run again');
    },
    async (data, io) => void second.push({ data: [...data.log], resumed: io.resumed }),
  );
  await after.load();
  after.resume();
  expect(await after.settled('t1')).toMatchObject({ state: 'done', resumed: 1 });
  expect(second).toEqual([{ data: ['ran'], resumed: true }]);
});

it('cancels in a cancellable step, undoes, and says so', async () => {
  let undone = 0;
  const tasks = runner(untilAborted, quick, {
    undo: async () => {
      undone += 1;
    },
  });
  await order(tasks);
  expect(tasks.cancel('t1').ok).toBe(true);
  expect(await tasks.settled('t1')).toMatchObject({ state: 'cancelled', problem: { kind: 'cancelled' } });
  expect(undone).toBe(1);
});

it('refuses to cancel past the point of return', async () => {
  const tasks = runner(untilAborted, quick, { firstCancellable: false });
  await order(tasks);
  expect(tasks.cancel('t1')).toMatchObject({ ok: false, problem: { kind: 'past-return' } });
  await tasks.stop();
});

it('ends failed with the problem of the step and skips the rest', async () => {
  const problem = { kind: 'disk-full', message: 'Full.', next: 'Free some space.' };
  const tasks = runner(async () => {
    throw new ProblemError(problem);
  }, quick);
  await order(tasks);
  expect(await tasks.settled('t1')).toMatchObject({
    state: 'failed',
    problem,
    steps: [{ state: 'failed' }, { state: 'skipped' }],
  });
});
