import { expect, it } from 'vitest';
import { at, host, offline } from '../../../src-main/contract/testing-fleet.ts';
import type { Story, StoryLine } from './story.ts';
import { storySteps } from './story-steps.ts';

const line = (
  name: string,
  turn: StoryLine['turn'],
  hostId: string | null,
  when: number | null,
): StoryLine => ({
  ...{ key: name, name, pairId: `pair-${name}`, turn, hostId, at: when },
});
const story: Story = {
  host: host('atlas', { connection: offline }),
  lostAt: at,
  leaseOutAt: at + 4_000,
  lines: [
    line('db', 'asks', 'cora', null),
    line('print', 'down', null, null),
    line('mail', 'came-back', 'boreas', at + 6_000),
    line('files', 'came-back', 'boreas', at + 5_000),
  ],
  withoutStandby: 2,
};
const said = (given: Story, now: number): string[] =>
  storySteps(given, (id) => id, now).map(({ text }) => text);

it('tells what was, then what is, and what asks for a decision', () => {
  expect(said(story, at + 10_000)).toEqual([
    'atlas is not heard any more.',
    'Its last lease ran out: nothing that is armed runs there.',
    'mail and files came back on boreas.',
    'db waits for your decision.',
    'print stays down until it returns.',
    '2 machines run on without a standby.',
  ]);
  const steps = storySteps(story, (id) => id, at + 10_000);
  expect(steps.find(({ key }) => key === 'back-boreas')?.when).toMatch(/ · after 6 s$/);
  expect(steps.find(({ asks }) => asks === 'failover')).toMatchObject({ first: 'db', pairId: 'pair-db' });
});

it('while it happens it says what comes next, and why nothing starts yet', () => {
  const soon = { ...story, withoutStandby: 0, lines: [line('mail', 'coming', 'boreas', at + 4_600)] };
  const [, lease, next] = storySteps(soon, (id) => id, at + 1_000);
  expect(lease?.text).toBe('Its lease still runs: until then nothing is started elsewhere.');
  expect(next).toMatchObject({ when: 'next · 4 s', text: 'mail starts on boreas by itself.' });
});

it('afterwards it ends with what is left to decide', () => {
  const back = {
    ...{ host: host('atlas'), lostAt: null, leaseOutAt: null, withoutStandby: 0 },
    lines: [line('shop', 'aside', 'boreas', null)],
  };
  expect(said(back, at)).toEqual([
    'atlas is back.',
    'Old copy of shop set aside: decide what becomes of it.',
  ]);
});
