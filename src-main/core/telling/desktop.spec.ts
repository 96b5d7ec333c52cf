import { expect, test } from 'vitest';
import type { PairHealth, PairView } from '../../contract/index.ts';
import { DesktopNews, desktopState } from './desktop.ts';

const pair = (name: string, health: PairHealth, change: Partial<PairView> = {}): PairView =>
  // Only what is told of is played.
  ({
    id: `p-${name}`,
    name,
    primary: 'h-atlas',
    standby: 'h-boreas',
    health,
    sentence: `${name} is ${health}.`,
    onStageSince: null,
    automation: { paused: false, lastChange: 'created' },
    ...change,
  }) as unknown as PairView;

const nameOf = (hostId: string): string => hostId.slice(2);
const paused = { automation: { paused: true, lastChange: 'created' } } as unknown as Partial<PairView>;
const taken = {
  primary: 'h-boreas',
  automation: { paused: false, lastChange: 'takeover' },
} as unknown as Partial<PairView>;

test('the tray says the worst of all, and counts the rest', () => {
  expect(desktopState([], 0)).toMatchObject({ tone: 'idle' });
  expect(desktopState([pair('web', 'in-sync')], 2)).toMatchObject({
    tone: 'ok',
    text: 'The machine is protected.',
  });
  const bad = [pair('web', 'in-sync'), pair('mail', 'standby-lost'), pair('db', 'held')];
  expect(desktopState(bad, 2)).toMatchObject({
    tone: 'attention',
    text: 'mail is standby-lost. And 1 more.',
  });
  expect(desktopState([...bad, pair('crm', 'primary-lost')], 2).tone).toBe('danger');
  expect(desktopState([pair('web', 'in-sync', paused), pair('db', 'in-sync')], 2)).toMatchObject({
    tone: 'paused',
    text: 'Automation is paused for 1 of 2 machines.',
    paused: 1,
  });
  expect(desktopState([pair('web', 'copying')], 2).tone).toBe('progress');
});

test('news is told once, several machines together, and its end once', () => {
  const news = new DesktopNews();
  const look = (health: PairHealth, at: number) =>
    news.look(
      ['web', 'mail'].map((name) => pair(name, health)),
      nameOf,
      at * 1000,
    );
  expect(look('in-sync', 0)).toEqual([]);
  expect(look('standby-lost', 1)).toEqual([]);
  expect(look('standby-lost', 32)).toMatchObject([
    { tone: 'attention', title: 'web and mail: 2 machines', place: '#/' },
  ]);
  expect(look('standby-lost', 500)).toEqual([]);
  expect(look('primary-lost', 501)).toEqual([]);
  expect(look('primary-lost', 510)).toMatchObject([{ tone: 'danger' }]);
  expect(look('in-sync', 520)).toMatchObject([{ tone: 'ok', title: 'All is well again' }]);
  expect(look('in-sync', 900)).toEqual([]);
});

test('a takeover is told with where the machine runs; what was so at the start is no news', () => {
  const news = new DesktopNews();
  news.look([pair('web', 'in-sync'), pair('mail', 'not-in-sync')], nameOf, 0);
  const [notice, ...more] = news.look(
    [pair('web', 'standby-lost', taken), pair('mail', 'not-in-sync')],
    nameOf,
    60_000,
  );
  expect(more).toEqual([]);
  expect(notice).toMatchObject({ tone: 'danger', title: 'web runs on boreas now', place: '#/pairs/p-web' });
  // Held for seconds goes by itself.
  expect(news.look([pair('web', 'held', taken)], nameOf, 61_000)).toEqual([]);
  expect(news.look([pair('web', 'in-sync', taken)], nameOf, 62_000)).toEqual([]);
});
