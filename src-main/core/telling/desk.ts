import type {
  DesktopChoice,
  DesktopNotice,
  DesktopState,
  FleetPatch,
  PairView,
} from '../../contract/index.ts';
import { DesktopNews, desktopState } from './desktop.ts';
import { words } from './words.ts';

/** How often it is looked what has become news, ms. */
const LOOK_MS = 2_000;

/** What tray and desktop notifications tell, out of what the pages are told anyway. */
export class Desk {
  readonly #pairs = new Map<string, PairView>();
  readonly #hosts = new Map<string, string>();
  readonly #news = new DesktopNews();
  readonly #options: DeskOptions;
  readonly #timer: NodeJS.Timeout;
  /** Null until it was told once: what was told of another fleet before counts no more. */
  #state: DesktopState | null = null;

  constructor(options: DeskOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  get state(): DesktopState {
    return this.#state ?? desktopState([...this.#pairs.values()], this.#hosts.size);
  }

  take({ pairs = {}, hosts = {} }: FleetPatch): void {
    for (const [id, pair] of Object.entries(pairs))
      if (pair === null) this.#pairs.delete(id);
      else this.#pairs.set(id, pair);
    for (const [id, host] of Object.entries(hosts))
      if (host === null) this.#hosts.delete(id);
      else this.#hosts.set(id, host.name);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { emitState, emitNotice, choice, practice, now } = this.#options;
    const pairs = [...this.#pairs.values()];
    const state = desktopState(pairs, this.#hosts.size);
    if (JSON.stringify(state) !== JSON.stringify(this.#state)) {
      this.#state = state;
      emitState(state);
    }
    const nameOf = (hostId: string): string => this.#hosts.get(hostId) ?? words.otherHost;
    // Looked at also when nothing is to be told: it is no news later.
    const chosen = choice();
    for (const notice of this.#news.look(pairs, nameOf, now()))
      if (chosen === 'all' || (chosen === 'urgent' && notice.tone === 'danger'))
        emitNotice(practice ? { ...notice, title: words.practice(notice.title) } : notice);
  }
}

interface DeskOptions {
  practice: boolean;
  choice(): DesktopChoice;
  now(): number;
  emitState(state: DesktopState): void;
  emitNotice(notice: DesktopNotice): void;
}
