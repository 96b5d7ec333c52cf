import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { host, pair } from '../../src-main/contract/testing-fleet.ts';
import { Gathered } from './gathered.ts';

let frames: (() => void)[] = [];
beforeEach(() => {
  vi.useFakeTimers();
  frames = [];
  vi.stubGlobal('requestAnimationFrame', (run: () => void) => frames.push(run));
  vi.stubGlobal('cancelAnimationFrame', (id: number) => {
    frames[id - 1] = () => undefined;
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const atlas = host('atlas');
const mail = pair('mail', 'atlas', 'boreas');

it('takes what was told since the last frame as one change, the later word winning', () => {
  const taken: unknown[] = [];
  const gathered = new Gathered((patch) => taken.push(patch));
  gathered.add({ hosts: { atlas }, pairs: { mail } });
  gathered.add({ hosts: { atlas: null } });
  expect(taken).toEqual([]);
  for (const frame of frames) frame();
  expect(taken).toEqual([{ hosts: { atlas: null }, pairs: { mail } }]);
  vi.runAllTimers();
  expect(taken).toHaveLength(1);
});

it('waits for no frame where none comes, and forgets what is dropped', () => {
  const taken: unknown[] = [];
  const gathered = new Gathered((patch) => taken.push(patch));
  gathered.add({ hosts: { atlas } });
  vi.advanceTimersByTime(100);
  expect(taken).toEqual([{ hosts: { atlas } }]);
  gathered.add({ hosts: { atlas: null } });
  gathered.drop();
  vi.advanceTimersByTime(1_000);
  for (const frame of frames) frame();
  expect(taken).toHaveLength(1);
});
