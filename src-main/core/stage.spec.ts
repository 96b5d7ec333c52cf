import { expect, test } from 'vitest';
import { ProblemError } from '../../agent/protocol/index.ts';
import type { AppInfo } from '../contract/index.ts';
import { App } from './app.ts';
import type { Session } from './session.ts';
import { Stage } from './stage.ts';
import { type Bench, openBench, problemOf } from './testing/bench.ts';
import { hostRecord } from './testing/fake-link.ts';

const info: AppInfo = {
  version: '0',
  shell: 'headless',
  platform: 'linux',
  secrets: { kind: 'memory', reason: '' },
  practice: false,
  notices: [],
};

/** A stage whose fleets are benches; `failing` practice cannot be started. */
function stageWith(options: { failing?: boolean } = {}) {
  const app = new App(info, () => undefined);
  const opened: Bench[] = [];
  const emitted: unknown[] = [];
  const powered: string[] = [];
  const open = async (name: string): Promise<Session> => {
    const bench = await openBench([hostRecord(name)]);
    opened.push(bench);
    return bench.session;
  };
  const stage = new Stage({
    openReal: () => open('real'),
    openPractice: async () => {
      if (options.failing)
        throw new ProblemError({ kind: 'practice-not-ready', message: 'No.', next: 'Retry.' });
      const session = await open('practice');
      const power = async (name: string, on: boolean): Promise<void> => void powered.push(`${name} ${on}`);
      const change = (name: string, vmUuid: string, what: string): void =>
        void powered.push(`${name} ${vmUuid} ${what}`);
      return { session, power, change, close: async () => undefined };
    },
    app,
    emit: (_event, data) => emitted.push(data),
  });
  const shown = () => stage.session.fleet.hosts().map((host) => host.record.name);
  return { stage, app, opened, emitted, powered, shown };
}

test('awake again, hosts that were waited for are tried at once', async () => {
  const { stage, opened } = stageWith();
  await stage.open(false);
  await stage.sleep(true);
  expect(opened[0]?.link('real').hurried).toBe(0);
  await stage.sleep(false);
  expect(opened[0]?.link('real').hurried).toBe(1);
  await stage.close();
});

test('one fleet is connected at a time; what is left is taken off the pages', async () => {
  const { stage, app, opened, emitted, shown } = stageWith();
  await stage.open(false);
  expect(shown()).toEqual(['real']);
  await stage.startPractice();
  expect([shown(), app.info.practice]).toEqual([['practice'], true]);
  expect(opened[0]?.link('real').closed).toBe(true);
  expect(emitted).toEqual([{ hosts: { 'h-real': null }, vms: {}, pairs: {}, tasks: {} }]);
  await stage.stopPractice();
  expect([shown(), app.info.practice]).toEqual([['real'], false]);
  expect(opened[1]?.link('practice').closed).toBe(true);
  await stage.close();
});

test('two requests at once switch once', async () => {
  const { stage, opened, shown } = stageWith();
  await stage.open(false);
  await Promise.all([stage.startPractice(), stage.startPractice()]);
  expect(opened).toHaveLength(2);
  await Promise.all([stage.stopPractice(), stage.startPractice()]);
  expect(shown()).toEqual(['practice']);
  await stage.close();
});

test('when practice cannot be started, the own fleet is back', async () => {
  const { stage, app, shown } = stageWith({ failing: true });
  await stage.open(false);
  expect(await problemOf(stage.startPractice())).toMatchObject({ kind: 'practice-not-ready' });
  expect([shown(), app.info.practice]).toEqual([['real'], false]);
  await stage.close();
});

test('only practice hosts can be switched off from here', async () => {
  const { stage, powered } = stageWith();
  await stage.open(false);
  expect(await problemOf(stage.power('h-real', false))).toMatchObject({ kind: 'no-practice-host' });
  await stage.startPractice();
  expect(() => stage.change('h-real', 'vm', 'attach-disk')).toThrow();
  await stage.power('h-practice', false);
  stage.change('h-practice', 'vm', 'attach-disk');
  expect(powered).toEqual(['practice false', 'practice vm attach-disk']);
  await stage.close();
});

test('before and after, a call is told that the console is switching', async () => {
  const { stage } = stageWith();
  expect(() => stage.session).toThrow(ProblemError);
  await stage.open(false);
  await stage.close();
  expect(() => stage.session).toThrow(ProblemError);
});
