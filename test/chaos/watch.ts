/*
 * What the observer makes of its samples. Pure: samples in, findings out.
 */

/** `runs`: a thread may execute and libvirt does not call the guest paused. */
export type GuestState = 'runs' | 'paused' | 'stopped' | 'frozen';

export interface Sight {
  host: string;
  uuid: string;
  pid: number;
  /** Ticks since boot; with the pid it names the process. */
  start: number;
  state: GuestState;
  /** How long its permission had run out when it was seen; null: it has none that runs out, or it has not run out. */
  lateMs: number | null;
}

export interface Sample {
  /** Unix ms, with fractions. */
  at: number;
  /** Hosts that are frozen as a whole. */
  frozen: string[];
  sights: Sight[];
  /** Guests found running on two hosts, looked at twice to be sure. */
  both: string[];
}

export interface Change {
  t: 'change';
  at: number;
  host: string;
  uuid: string;
  pid: number;
  start: number;
  from: GuestState | 'none';
  to: GuestState | 'none';
}

export interface Overlap {
  t: 'overlap';
  uuid: string;
  /** Seen running twice from `first` to `last`; not at `after` and `before`. */
  after: number;
  first: number;
  last: number;
  before: number;
  hosts: string[];
  /** The host that had just been thawed (or whose guest the tester himself had continued), when that explains it. */
  thawed: string | null;
}

export interface Late {
  t: 'late';
  at: number;
  host: string;
  uuid: string;
  lateMs: number;
}

export type Finding = Change | Overlap | Late;

const identity = ({ host, pid, start }: { host: string; pid: number; start: number }): string =>
  `${host}/${pid}/${start}`;

interface Open {
  after: number;
  first: number;
  last: number;
  hosts: string[];
}

export class Watch {
  readonly #boundMs: number;
  #known = new Map<string, Sight>();
  #last = Number.NEGATIVE_INFINITY;
  readonly #frozen = new Set<string>();
  /** When each host was first seen thawed, or its guest was continued by the tester. */
  readonly #woken = new Map<string, number>();
  readonly #open = new Map<string, Open>();
  readonly #late = new Set<string>();

  /** `boundMs`: how long a guest may go on after its host was thawed, or its permission ran out. */
  constructor(boundMs: number) {
    this.#boundMs = boundMs;
  }

  /** The tester itself let a guest go on that it had stopped: as with a thawed host. */
  continued(host: string, at: number): void {
    this.#woken.set(host, at);
  }

  take(sample: Sample): Finding[] {
    this.#thaws(sample);
    const findings = [...this.#changes(sample), ...this.#overlaps(sample), ...this.#lateness(sample)];
    this.#last = sample.at;
    return findings;
  }

  /** Overlaps that go on at the end. */
  end(at: number): Overlap[] {
    return this.#ended(at, []);
  }

  #thaws(sample: Sample): void {
    for (const host of this.#frozen) {
      if (sample.frozen.includes(host)) continue;
      this.#frozen.delete(host);
      this.#woken.set(host, sample.at);
    }
    for (const host of sample.frozen) this.#frozen.add(host);
  }

  #changes(sample: Sample): Change[] {
    const now = new Map(sample.sights.map((sight) => [identity(sight), sight]));
    const change = (sight: Sight, from: Change['from'], to: Change['to']): Change => {
      const { host, uuid, pid, start } = sight;
      return { t: 'change', at: sample.at, host, uuid, pid, start, from, to };
    };
    const gone = [...this.#known.values()].filter((sight) => !now.has(identity(sight)));
    const changed = [...now.values()].filter(
      (sight) => this.#known.get(identity(sight))?.state !== sight.state,
    );
    const changes = [
      ...gone.map((sight) => change(sight, sight.state, 'none')),
      ...changed.map((sight) =>
        change(sight, this.#known.get(identity(sight))?.state ?? 'none', sight.state),
      ),
    ];
    this.#known = now;
    return changes;
  }

  #overlaps(sample: Sample): Overlap[] {
    for (const uuid of sample.both) {
      const hosts = sample.sights
        .filter((sight) => sight.uuid === uuid && sight.state === 'runs')
        .map(({ host }) => host);
      const open = this.#open.get(uuid) ?? { after: this.#last, first: sample.at, last: sample.at, hosts };
      this.#open.set(uuid, { ...open, last: sample.at });
    }
    return this.#ended(sample.at, sample.both);
  }

  #ended(at: number, goingOn: string[]): Overlap[] {
    const ended = [...this.#open].filter(([uuid]) => !goingOn.includes(uuid));
    return ended.map(([uuid, open]) => {
      this.#open.delete(uuid);
      return { t: 'overlap', uuid, ...open, before: at, thawed: this.#explained(open) };
    });
  }

  /** The host whose waking explains the overlap: all of it lies within the bound after that. */
  #explained({ hosts, last, after }: Open): string | null {
    const woken = hosts.find((host) => {
      const at = this.#woken.get(host);
      return at !== undefined && last - Math.max(at, after) <= this.#boundMs && last - at <= this.#boundMs;
    });
    return woken ?? null;
  }

  #lateness(sample: Sample): Late[] {
    const found: Late[] = [];
    for (const sight of sample.sights) {
      const { host, uuid, lateMs, state } = sight;
      const woken = this.#woken.get(host) ?? Number.NEGATIVE_INFINITY;
      const excess =
        state === 'runs' && lateMs !== null && Math.min(lateMs, sample.at - woken) > this.#boundMs;
      if (!excess) this.#late.delete(identity(sight));
      else if (!this.#late.has(identity(sight))) {
        this.#late.add(identity(sight));
        found.push({ t: 'late', at: sample.at, host, uuid, lateMs });
      }
    }
    return found;
  }
}
