import { m } from '../../lib/messages.ts';
import type { MarkIcon, Tone } from '../../lib/pair-state.ts';
import { clock, span } from '../../lib/time.ts';
import type { Story, StoryLine, Turn } from './story.ts';

const words = m.mapView.story;

/** One station of the story, in words. */
export interface StoryStep {
  key: string;
  tone: Tone;
  icon: MarkIcon;
  /** "14:02:03", "14:02:09 · after 6 s", "now". */
  when: string;
  text: string;
  /** Where a person is asked: the first machine, its pair, and by what order it is settled. */
  asks: 'failover' | 'return' | null;
  first: string | null;
  pairId: string | null;
}

type NameOf = (hostId: string) => string;

/** What was, in the order of time; then what is; then what is to come. */
export function storySteps(story: Story, nameOf: NameOf, now: number): StoryStep[] {
  const host = story.host.name;
  const lost =
    story.lostAt === null
      ? plain('back', 'neutral', 'check', words.now, words.back(host))
      : plain('lost', 'danger', 'unlinked', clock(story.lostAt, now), words.lost(host));
  return [
    ...(story.lostAt === null ? [] : [lost, ...lease(story, now)]),
    ...cameBack(story, nameOf, now),
    ...(story.lostAt === null ? [lost] : []),
    ...coming(story, nameOf, now),
    ...told(story, 'asks', 'danger', 'question', words.asks, 'failover'),
    ...told(story, 'down', 'danger', 'cross', words.down, null),
    ...told(story, 'aside', 'attention', 'aside', words.aside, 'return'),
    ...(story.withoutStandby > 0
      ? [plain('without', 'attention', 'alert', words.now, words.withoutStandby(story.withoutStandby))]
      : []),
  ];
}

const plain = (key: string, tone: Tone, icon: MarkIcon, when: string, text: string): StoryStep => ({
  ...{ key, tone, icon, when, text, asks: null, first: null, pairId: null },
});

function lease({ leaseOutAt }: Story, now: number): StoryStep[] {
  if (leaseOutAt === null) return [];
  const out = leaseOutAt <= now;
  const text = out ? words.leaseOut : words.leaseRuns;
  return [plain('lease', out ? 'neutral' : 'progress', 'clock', clock(leaseOutAt, now), text)];
}

/** By the host where they came back, each with its last: then all of them were there. */
function cameBack({ lines, lostAt }: Story, nameOf: NameOf, now: number): StoryStep[] {
  return byHost(lines, 'came-back').map(([hostId, on]) => {
    const at = Math.max(...on.map((line) => line.at ?? 0));
    const after = lostAt !== null && at > lostAt ? ` · ${words.after(span(at - lostAt))}` : '';
    const when = `${clock(at, now)}${after}`;
    return plain(`back-${hostId}`, 'ok', 'play', when, words.cameBack(names(on), nameOf(hostId)));
  });
}

function coming({ lines }: Story, nameOf: NameOf, now: number): StoryStep[] {
  return byHost(lines, 'coming').map(([hostId, on]) => {
    const at = Math.min(...on.map((line) => line.at ?? now));
    const left = at - now;
    const when = left > 0 ? `${words.next} · ${span(Math.ceil(left / 1_000) * 1_000)}` : words.now;
    return plain(`coming-${hostId}`, 'progress', 'clock', when, words.coming(names(on), nameOf(hostId)));
  });
}

function told(
  { lines }: Story,
  turn: Turn,
  tone: Tone,
  icon: MarkIcon,
  say: (names: readonly string[]) => string,
  asks: StoryStep['asks'],
): StoryStep[] {
  const mine = lines.filter((line) => line.turn === turn);
  const [first] = mine;
  if (!first) return [];
  const step = plain(turn, tone, icon, words.now, say(names(mine)));
  return [asks === null ? step : { ...step, asks, first: first.name, pairId: first.pairId }];
}

function byHost(lines: readonly StoryLine[], turn: Turn): [string, StoryLine[]][] {
  const hosts = new Map<string, StoryLine[]>();
  for (const line of lines)
    if (line.turn === turn && line.hostId !== null)
      hosts.set(line.hostId, [...(hosts.get(line.hostId) ?? []), line]);
  return [...hosts];
}

const names = (lines: readonly StoryLine[]): string[] => lines.map(({ name }) => name);
