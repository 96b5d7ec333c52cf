import type { DesktopNotice, DesktopState, PairHealth, PairView } from '../../contract/index.ts';
import { words } from './words.ts';

type Tone = DesktopNotice['tone'];

/** What each health means for who does not look. Null: nothing. */
const TONES: Record<PairHealth, Tone | 'progress' | null> = {
  'in-sync': null,
  following: null,
  copying: 'progress',
  'stepping-in': 'progress',
  'primary-lost': 'danger',
  unknown: 'danger',
  frozen: 'danger',
  waiting: 'danger',
  held: 'attention',
  stopped: 'attention',
  'standby-lost': 'attention',
  'not-in-sync': 'attention',
  behind: 'attention',
  quarantined: 'attention',
};

/** So long it must have been so: what goes by itself within seconds is no news, ms. */
const RIPE_MS: Record<Tone, number> = { ok: 0, attention: 30_000, danger: 8_000 };

/** The tray's word and sentence. Pure. */
export function desktopState(pairs: readonly PairView[], hosts: number): DesktopState {
  const paused = pairs.filter(({ automation }) => automation.paused).length;
  const base = { pairs: pairs.length, paused };
  const worst = (tone: Tone | 'progress'): PairView[] => pairs.filter(({ health }) => TONES[health] === tone);
  if (hosts === 0) return { ...base, tone: 'idle', text: words.noHosts };
  if (pairs.length === 0) return { ...base, tone: 'idle', text: words.nothing };
  for (const tone of ['danger', 'attention'] as const) {
    const [first, ...rest] = worst(tone);
    if (first)
      return {
        ...base,
        tone,
        text: words.andMore(first.sentence, rest.length),
      };
  }
  if (paused > 0) return { ...base, tone: 'paused', text: words.paused(paused, pairs.length) };
  const copying = worst('progress').length;
  if (copying > 0) return { ...base, tone: 'progress', text: words.copying(copying) };
  return {
    ...base,
    tone: 'ok',
    text: words.protected(pairs.length),
  };
}

interface Known {
  health: PairHealth;
  owner: string;
  /** Wall clock (ms) since which the health is so, as seen here. */
  since: number;
  /** It was told of, and is not well since. */
  told: Tone | null;
}

/**
 * Says once what has become so, and once that all is well again. What was so when it first looked is no news. Fed with
 * every pair from time to time; several machines of which the same is so are one notice.
 */
export class DesktopNews {
  readonly #known = new Map<string, Known>();
  #count = 0;

  look(pairs: readonly PairView[], nameOf: (hostId: string) => string, now: number): DesktopNotice[] {
    const moved: PairView[] = [];
    const worse = new Map<Tone, PairView[]>();
    let recovered = false;
    for (const id of this.#known.keys()) if (!pairs.some((pair) => pair.id === id)) this.#known.delete(id);
    for (const pair of pairs) {
      const known = this.#note(pair, now);
      if (known.owner !== pair.primary) {
        known.owner = pair.primary;
        // By an order of somebody at a console it is no news to him.
        if (pair.automation.lastChange === 'takeover') moved.push(pair);
      }
      const tone = TONES[pair.health];
      if (tone === null) {
        recovered ||= known.told !== null;
        known.told = null;
      } else if (tone !== 'progress' && isWorse(tone, known.told) && now - known.since >= RIPE_MS[tone]) {
        known.told = tone;
        worse.set(tone, [...(worse.get(tone) ?? []), pair]);
      }
    }
    const still = [...this.#known.values()].some(({ told }) => told !== null);
    return [
      ...this.#notice('danger', worse.get('danger') ?? []),
      ...this.#moved(moved, nameOf),
      ...this.#notice(
        'attention',
        (worse.get('attention') ?? []).filter((pair) => !moved.includes(pair)),
      ),
      ...(recovered && !still ? [this.#made('ok', words.wellAgain, desktopState(pairs, 1).text, '#/')] : []),
    ];
  }

  #note(pair: PairView, now: number): Known {
    const before = this.#known.get(pair.id);
    if (!before) {
      const tone = TONES[pair.health];
      const told = tone === 'progress' ? null : tone;
      const first: Known = { health: pair.health, owner: pair.primary, since: now, told };
      this.#known.set(pair.id, first);
      return first;
    }
    if (before.health !== pair.health) {
      before.health = pair.health;
      before.since = now;
    }
    return before;
  }

  #moved(pairs: PairView[], nameOf: (hostId: string) => string): DesktopNotice[] {
    return [...new Set(pairs.map(({ primary }) => primary))].map((host) => {
      const here = pairs.filter(({ primary }) => primary === host);
      const title = words.runsOn(namesOf(here), nameOf(host));
      return this.#made('danger', title, here[0]?.sentence ?? '', placeOf(here));
    });
  }

  #notice(tone: Tone, pairs: PairView[]): DesktopNotice[] {
    const [first] = pairs;
    if (!first) return [];
    const title = words.several(namesOf(pairs));
    return [this.#made(tone, title, first.sentence, placeOf(pairs))];
  }

  #made(tone: Tone, title: string, text: string, place: string): DesktopNotice {
    this.#count += 1;
    return { id: `n${this.#count}`, tone, title, text, place };
  }
}

const RANK: Record<Tone, number> = { ok: 0, attention: 1, danger: 2 };
const isWorse = (tone: Tone, told: Tone | null): boolean => told === null || RANK[tone] > RANK[told];

const placeOf = (pairs: PairView[]): string =>
  pairs.length === 1 ? `#/pairs/${encodeURIComponent(pairs[0]?.id ?? '')}` : '#/';

const namesOf = (pairs: readonly PairView[]): string[] => pairs.map(({ name }) => name);
