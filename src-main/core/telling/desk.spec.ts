import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type {
  DesktopChoice,
  DesktopNotice,
  DesktopState,
  HostView,
  PairHealth,
  PairView,
} from '../../contract/index.ts';
import { Desk } from './desk.ts';

const states: DesktopState[] = [];
const notices: DesktopNotice[] = [];
let choice: DesktopChoice = 'all';
let desk: Desk;

beforeEach(() => {
  vi.useFakeTimers();
  states.length = 0;
  notices.length = 0;
  choice = 'all';
  desk = new Desk({
    practice: true,
    choice: () => choice,
    now: Date.now,
    emitState: (state) => states.push(state),
    emitNotice: (notice) => notices.push(notice),
  });
});
afterEach(() => {
  desk.close();
  vi.useRealTimers();
});

const host = { name: 'atlas' } as HostView;
function tell(health: PairHealth): void {
  const automation = { paused: false, lastChange: 'created' };
  // Only what is told of is played.
  const pair = { id: 'p1', name: 'web', primary: 'h', health, sentence: `web is ${health}.`, automation };
  desk.take({ hosts: { h: host }, pairs: { p1: pair as unknown as PairView } });
}

test('the state is told when it becomes another, and once at the beginning', () => {
  vi.advanceTimersByTime(10_000);
  expect(states.map(({ tone }) => tone)).toEqual(['idle']);
  tell('in-sync');
  vi.advanceTimersByTime(10_000);
  tell('held');
  vi.advanceTimersByTime(10_000);
  expect(states.map(({ tone }) => tone)).toEqual(['idle', 'ok', 'attention']);
  // Another fleet is shown: everything of this one goes.
  desk.take({ hosts: { h: null }, pairs: { p1: null } });
  vi.advanceTimersByTime(2_000);
  expect(desk.state).toMatchObject({ tone: 'idle', pairs: 0 });
});

test('notices name the practice, and who wants only what is urgent gets no other', () => {
  tell('in-sync');
  vi.advanceTimersByTime(2_000);
  tell('held');
  vi.advanceTimersByTime(60_000);
  expect(notices.map(({ title }) => title)).toEqual(['Practice: web']);
  choice = 'urgent';
  tell('in-sync');
  vi.advanceTimersByTime(4_000);
  tell('held');
  vi.advanceTimersByTime(60_000);
  expect(notices).toHaveLength(1);
  tell('primary-lost');
  vi.advanceTimersByTime(60_000);
  expect(notices.at(-1)).toMatchObject({ tone: 'danger', place: '#/pairs/p1' });
});
