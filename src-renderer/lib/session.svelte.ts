import type { NoticeOf } from '../../agent/protocol/method.ts';
import type { Problem } from '../../agent/protocol/problem.ts';
import { createClient } from '../../src-main/contract/client.ts';
import type { AppInfo, FleetSnapshot, PageEvents, Settings } from '../../src-main/contract/index.ts';
import { emptyFleet, patched } from '../../src-main/contract/patch.ts';
import { Gathered } from './gathered.ts';
import { m } from './messages.ts';
import { openWire } from './wire.ts';

/** The page's link to the core and what it has learnt over it. One per window. */
class Session {
  link = $state<'connecting' | 'open' | 'lost'>('connecting');
  /** Wall clock (ms) since which `link` holds. */
  since = $state(Date.now());
  info = $state<AppInfo | null>(null);
  settings = $state<Settings | null>(null);
  /** Replaced as a whole: entities that did not change stay the same objects. */
  fleet = $state.raw<FleetSnapshot>(emptyFleet());
  /** True once the fleet was read; it stays readable while the link is lost. */
  loaded = $state(false);
  /** Why the fleet could not be read, if so. */
  trouble = $state<Problem | null>(null);

  readonly client = createClient((message) => this.#wire.post(message), m.problem);
  readonly #changes = new Gathered((patch) => {
    this.fleet = patched(this.fleet, patch);
  });
  readonly #wire = openWire({
    onMessage: (message) => this.client.receive(message),
    onOpen: () => this.#opened(),
    onLost: () => this.#lost(),
  });

  constructor() {
    this.client.on('fleet', (patch) => this.#changes.add(patch));
    this.client.on('app', (info) => this.#adopt(info));
    this.client.on('settings', (settings) => {
      this.settings = settings;
    });
  }

  /** Why nothing can be ordered now; null while the console is there. */
  get offline(): string | null {
    return this.link === 'open' ? null : m.pairs.reasons.offline;
  }

  /** The browser noticed another network. */
  hurry(): void {
    if (this.link === 'open') void this.client.call('fleet.hurry', {});
  }

  async reload(): Promise<void> {
    const [info, settings, fleet] = await Promise.all([
      this.client.call('app.info', {}),
      this.client.call('settings.get', {}),
      this.client.call('fleet.snapshot', {}),
    ]);
    if (info.ok) this.info = info.value;
    if (settings.ok) this.settings = settings.value;
    this.trouble = fleet.ok ? null : fleet.problem;
    if (!fleet.ok) return;
    // It has in it whatever was told before.
    this.#changes.drop();
    this.fleet = fleet.value;
    this.loaded = true;
  }

  /** Practice and the real fleet are different worlds: nothing of the other may stay on screen. */
  #adopt(info: AppInfo): void {
    const changed = this.info !== null && this.info.practice !== info.practice;
    this.info = info;
    if (!changed) return;
    this.#changes.drop();
    this.fleet = emptyFleet();
    this.loaded = false;
    void this.reload();
  }

  #opened(): void {
    this.client.opened();
    this.link = 'open';
    this.since = Date.now();
    void this.reload();
  }

  #lost(): void {
    if (this.link !== 'lost') this.since = Date.now();
    this.link = 'lost';
    this.client.lost();
  }
}

export const session = new Session();
export const call = session.client.call;

/** Deploy steps of hosts being added, by draft. */
export type DeployStep = NoticeOf<PageEvents, 'deploy'>;
