import { describe, expect, it, vi } from 'vitest';
import type { Clock } from '../../ports.ts';
import { fail, ok, type Result } from '../../protocol/index.ts';
import { StandStill, type StandStillPorts } from './stand-still.ts';

const refused = fail({ kind: 'qmp-error', message: 'No.', next: 'Wait.' });

/** Everything that happens, in order. */
function rig(over: Partial<StandStillPorts> = {}) {
  const story: string[] = [];
  let now = 1_000;
  const timers: (() => void)[] = [];
  const clock: Clock = {
    now: () => now++,
    bootMs: () => now,
    setTimeout(run) {
      timers.push(run);
      return { cancel: () => void timers.splice(timers.indexOf(run), 1) };
    },
  };
  const note =
    <T>(what: string, value: T) =>
    async (): Promise<T> => {
      story.push(what);
      return value;
    };
  const ports: StandStillPorts = {
    clock,
    log: () => undefined,
    running: async () => true,
    stop: note('stop', ok({})),
    goOn: note('go on', undefined),
    answers: async () => true,
    quiesce: note('freeze', 'frozen' as const),
    thaw: note('thaw', undefined),
    journal: async ({ frozen, stopped }) => void story.push(`journal ${frozen} ${stopped}`),
    ...over,
  };
  return { story, timers, still: new StandStill(ports), work: note<Result<unknown>>('work', ok({})) };
}

describe('the moment a point is of', () => {
  it('comes with the file systems at rest, written down before, and undone in order', async () => {
    const { still, story, work } = rig();
    expect(await still.whileStopped(work)).toMatchObject({ ok: true, value: { quiesced: true } });
    expect(story).toEqual([
      'journal true true',
      'freeze',
      'stop',
      'work',
      'go on',
      'thaw',
      'journal false false',
    ]);
  });

  it('does without a guest agent, and says so', async () => {
    const { still, story, work } = rig({ answers: async () => false });
    expect(await still.whileStopped(work)).toMatchObject({ ok: true, value: { quiesced: false } });
    expect(story).toEqual(['journal false true', 'stop', 'work', 'go on', 'journal false false']);
  });

  it('thaws what may have frozen after all, and does not call it at rest', async () => {
    const { still, story, work } = rig({ quiesce: async () => 'doubtful' });
    expect(await still.whileStopped(work)).toMatchObject({ ok: true, value: { quiesced: false } });
    expect(story).toContain('thaw');
  });

  it.each(['stop', 'work'])('lets the guest go on and thaws it when it fails: %s', async (what) => {
    const { still, story, work } = rig(what === 'stop' ? { stop: async () => refused } : {});
    const done = await still.whileStopped(what === 'work' ? async () => refused : work);
    expect(done).toEqual(refused);
    expect(story.slice(-3)).toEqual(['go on', 'thaw', 'journal false false']);
  });

  it('gives up what takes too long, and the guest goes on', async () => {
    const { still, story, timers } = rig();
    const standing = still.whileStopped(() => new Promise(() => undefined));
    await vi.waitUntil(() => timers.length === 1);
    timers[0]?.();
    expect(await standing).toMatchObject({ ok: false, problem: { kind: 'stood-still-too-long' } });
    expect(story.slice(-3)).toEqual(['go on', 'thaw', 'journal false false']);
  });

  it('leaves alone a guest that somebody paused, and one that does not answer', async () => {
    const paused = rig({ running: async () => false });
    expect(await paused.still.whileStopped(paused.work)).toMatchObject({ ok: true, value: { gapMs: 0 } });
    expect(paused.story).toEqual(['work']);
    const silent = rig({ running: async () => null });
    expect(await silent.still.whileStopped(silent.work)).toMatchObject({
      problem: { kind: 'monitor-silent' },
    });
    expect(silent.story).toEqual([]);
  });

  it('is dated before it: nothing of later is promised', async () => {
    let stoppedAt = 0;
    const { still, work } = rig();
    const done = await still.whileStopped(async () => {
      stoppedAt = 1_001;
      return work();
    });
    expect(done).toMatchObject({ value: { at: 1_000 } });
    expect(stoppedAt).toBeGreaterThan(1_000);
  });
});
