import type { PairRecord, PairStatus, TellingSettings } from '../../protocol/index.ts';
import { advance } from '../advance.ts';
import { type Book, EMPTY_BOOK, type Message } from '../book.ts';
import type { World } from '../condition.ts';
import { conditionsOf } from '../fleet-conditions.ts';
import { endingOf } from '../over.ts';

/** 30 Nov 2026, 03:02:00 UTC. */
export const NIGHT = Date.UTC(2026, 10, 30, 3, 2);

export const SETTINGS: TellingSettings = {
  mail: { host: 'mail', port: 25, tls: 'none', user: '', from: 'u@example.org', to: ['ada@example.org'] },
  hook: null,
  quiet: null,
  zone: 'UTC',
  mostPerHour: 10,
  unprotectedMinutes: 10,
};

const RECORD: PairRecord = {
  pairId: 'p-web',
  version: 1,
  config: 1,
  epoch: { n: 1, by: '' },
  owner: 'h-atlas',
  begun: true,
  policy: 'automatic',
  armed: true,
  replica: { mode: 'sync', state: 'in-sync', point: null, since: NIGHT - 3_600_000 },
  forced: false,
  maintenance: null,
  members: ['h-atlas', 'h-boreas'],
  voters: ['h-atlas', 'h-boreas', 'h-cora'],
  change: 'created',
  former: null,
  paused: false,
  profile: 'balanced',
};

interface PairChange {
  record?: Partial<PairRecord>;
  status?: Partial<PairStatus>;
}

/** A pair as the host `self` sees it: owned by atlas, kept on boreas, all well. */
export function pairAt(
  self: string,
  name = 'web',
  { record = {}, status = {} }: PairChange = {},
): PairStatus {
  const merged: PairRecord = { ...RECORD, pairId: `p-${name}`, ...record };
  const own = merged.owner === self;
  const other = self === 'h-atlas' ? 'h-boreas' : 'h-atlas';
  return {
    spec: {
      pairId: merged.pairId,
      revision: 1,
      workload: { kind: 'vm', uuid: `00000000-0000-4000-8000-${name.padStart(12, '0').slice(0, 12)}`, name },
      members: ['h-atlas', 'h-boreas'],
      disks: [],
      definitions: {},
      autostartBefore: false,
      createdAt: 0,
    },
    record: merged,
    local: own ? { kind: 'primary', vm: 'running' } : { kind: 'standby', exports: 'open' },
    mirror: own
      ? { state: 'in-sync', doneBytes: 0, totalBytes: 0, rateBps: 0, since: 0, problem: null }
      : null,
    lease: {
      leaseMs: 4_000,
      holdMs: 6_000,
      leftMs: null,
      heldMs: null,
      known: true,
      voters: [],
      guard: { fit: true, on: true, why: null },
      hindrances: [],
      at: 0,
    },
    peer: { hostId: other, reachable: true, since: 0 },
    ...status,
  };
}

/** It was taken over by boreas at `at` since atlas was lost. */
export const takenOver = (name: string, at: number, back = false): PairStatus =>
  pairAt('h-boreas', name, {
    record: {
      owner: 'h-boreas',
      epoch: { n: 2, by: '' },
      change: 'takeover',
      armed: false,
      replica: { mode: 'sync', state: 'none', point: null, since: at },
    },
    status: {
      mirror: { state: 'off', doneBytes: 0, totalBytes: 0, rateBps: 0, since: at, problem: null },
      peer: { hostId: 'h-atlas', reachable: back, since: at - 4_000 },
      risk: {
        atRisk: null,
        measures: [{ source: 'takeover', at: at + 3_000, host: 'h-boreas', ms: 7_000, until: 'answer' }],
      },
    },
  });

export const inSyncAgain = (name: string, at: number): PairStatus => {
  const status = takenOver(name, at, true);
  const replica = { mode: 'sync' as const, state: 'in-sync' as const, point: null, since: at };
  return { ...status, record: { ...status.record, replica, armed: true } };
};

const NAMES: Record<string, string> = { 'h-atlas': 'atlas', 'h-boreas': 'boreas', 'h-cora': 'cora' };

export function worldAt(self: string, now: number, change: Partial<World> = {}): World {
  const others = ['h-atlas', 'h-boreas', 'h-cora'].filter((id) => id !== self);
  return {
    self: { hostId: self, name: NAMES[self] ?? self },
    now,
    zone: 'UTC',
    unprotectedMinutes: 10,
    pairs: [],
    tasks: [],
    sights: others.map((hostId) => ({
      hostId,
      name: NAMES[hostId] ?? hostId,
      reachable: true,
      since: 0,
      lastHeardAt: now,
      role: hostId === 'h-cora' ? ('witness' as const) : ('hypervisor' as const),
    })),
    role: self === 'h-cora' ? 'witness' : 'hypervisor',
    unclaimed: [],
    records: [],
    crashed: new Set(),
    nameOf: (hostId) => NAMES[hostId] ?? 'another host',
    open: new Set(),
    ...change,
  };
}

export const silentSince = (world: World, hostId: string, since: number): World['sights'] =>
  world.sights.map((sight) => (sight.hostId === hostId ? { ...sight, reachable: false, since } : sight));

/** An agent's telling under a clock of the spec's own: one look a second. */
export class Teller {
  book: Book = EMPTY_BOOK;
  readonly told: Message[] = [];
  settings: TellingSettings;
  now = NIGHT;
  readonly self: string;
  /** What is so from now on; given the present moment. */
  world: (world: World) => Partial<World> = () => ({});
  #ids = 0;

  constructor(self: string, settings: Partial<TellingSettings> = {}) {
    this.self = self;
    this.settings = { ...SETTINGS, ...settings };
  }

  /** Lets time go by, with a look every `step` seconds; the messages of that time. */
  after(seconds: number, step = 1): Message[] {
    const before = this.told.length;
    for (let second = 0; second < seconds; second += step) {
      this.now += step * 1_000;
      this.look();
    }
    return this.told.slice(before);
  }

  look(): void {
    const plain = worldAt(this.self, this.now, { open: new Set(this.book.open.map(({ id }) => id)) });
    const { zone, unprotectedMinutes } = this.settings;
    const world = { ...plain, zone, unprotectedMinutes, ...this.world(plain) };
    const { book, message } = advance(this.book, {
      conditions: conditionsOf(world),
      settings: this.settings,
      now: this.now,
      self: world.self,
      endingOf: (open) => endingOf(open, world),
      isHeard: (hostId) => world.sights.some((sight) => sight.hostId === hostId && sight.reachable),
      newId: () => this.#newId(),
    });
    this.book = book;
    if (message) this.told.push(message);
  }

  #newId(): string {
    this.#ids += 1;
    return `m${this.#ids}`;
  }

  get titles(): string[] {
    return this.told.map(({ title }) => title);
  }
}
