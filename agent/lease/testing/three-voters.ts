import { freshState, type VoterState } from '../acceptor.ts';
import type { Envelope } from '../messages.ts';
import { PairNode } from '../node.ts';
import { founding, type LeaseRecord, type Versioned } from '../record.ts';
import { type Timing, timingOf } from '../timing.ts';
import { createRecord } from '../transitions.ts';
import { FakeSite } from './fake-site.ts';

export const VOTERS = ['h1', 'h2', 'w'] as const;
/** Another host that may be made the standby; not there before `newcomer`. */
export const SPARE = 'h3';
export type VoterName = (typeof VOTERS)[number] | typeof SPARE;
const EVERYBODY: readonly VoterName[] = [...VOTERS, SPARE];

/** An armed pair of h1 (owner) and h2, in sync, with w as its witness. */
export function armedRecord(): LeaseRecord {
  const created = createRecord({
    pairId: 'p',
    members: ['h1', 'h2'],
    voters: [...VOTERS],
    owner: 'h1',
    wall: 0,
  });
  const replica = { mode: 'sync', state: 'in-sync', point: null, since: 0 } as const;
  return { ...created, policy: 'automatic', replica, armed: true };
}

export const versioned = (record: LeaseRecord): Versioned => founding(record);

/** Three voters without a host behind them, on a clock that stands until it is moved; messages take 1 ms. */
export class ThreeVoters {
  now = 1_000_000;
  readonly timing: Timing = timingOf('fast', 100);
  readonly nodes = new Map<VoterName, PairNode>();
  readonly disks = new Map<VoterName, VoterState>();
  readonly cut = new Set<string>();
  readonly sent: Envelope[] = [];
  diskFails = new Set<string>();
  /** Messages that are lost. */
  drop: (envelope: Envelope) => boolean = () => false;
  readonly sites = new Map<string, FakeSite>();
  readonly told: { at: number; who: string; event: string; text: string }[] = [];
  #queue: { at: number; run: () => void }[] = [];

  /** `withSites`: members have a host behind them, whose guard looks at every ms that something happens. */
  constructor(record: LeaseRecord, withSites = false) {
    const chosen = versioned(record);
    for (const member of withSites ? record.members : []) {
      const site = new FakeSite(() => this.now, member === record.owner);
      site.permission = member === record.owner ? { kind: 'standing', epoch: record.epoch } : null;
      this.sites.set(member, site);
    }
    for (const name of VOTERS) {
      this.disks.set(name, { ...freshState(true), promised: chosen.ballot, accepted: chosen, chosen });
      this.start(name, false);
    }
    this.advance(5);
  }

  node(name: VoterName): PairNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`${name} does not run`);
    return node;
  }

  /** A node without any history is shown a record, as by `record.keep`: a member's when `hosts`, else only a vote. */
  newcomer(name: VoterName, hosts: boolean): void {
    const chosen = this.node('h1').voter.chosen;
    if (chosen === null) throw new Error('h1 knows no record');
    if (hosts) this.sites.set(name, new FakeSite(() => this.now, false));
    this.disks.set(name, { ...freshState(true), promised: chosen.ballot, accepted: chosen, chosen });
    this.start(name, true);
  }

  start(name: VoterName, restarted: boolean): void {
    const life: { node: PairNode | null } = { node: null };
    const node = new PairNode(
      {
        pairId: 'p',
        self: name,
        timing: this.timing,
        state: this.disks.get(name) ?? freshState(false),
        restarted,
        site: this.sites.get(name) ?? null,
      },
      {
        now: () => this.now,
        send: (envelope) => this.#send(envelope),
        save: (state, done) => this.#after(0, () => this.#save(name, state, done)),
        after: (ms, run) => this.#after(ms, () => this.nodes.get(name) === life.node && run()),
        random: () => 0.5,
        audit: (event, text) => this.told.push({ at: this.now, who: name, event, text }),
      },
    );
    life.node = node;
    this.nodes.set(name, node);
    node.start();
  }

  site(name: VoterName): FakeSite {
    const site = this.sites.get(name);
    if (site === undefined) throw new Error(`${name} has no host`);
    return site;
  }

  /** The node is gone; its site and disk stay. */
  stop(name: VoterName): void {
    this.nodes.delete(name);
  }

  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      this.#queue.sort((a, b) => a.at - b.at);
      const next = this.#queue[0];
      if (next === undefined || next.at > end) break;
      this.#queue.shift();
      this.now = next.at;
      next.run();
      for (const site of this.sites.values()) site.guard();
    }
    this.now = end;
    for (const site of this.sites.values()) site.guard();
  }

  #save(name: VoterName, state: VoterState, done: (durable: boolean) => void): void {
    const fails = this.diskFails.has(name);
    if (!fails) this.disks.set(name, state);
    done(!fails);
  }

  #send(envelope: Envelope): void {
    this.sent.push(envelope);
    if (this.cut.has(envelope.from) || this.cut.has(envelope.to) || this.drop(envelope)) return;
    const to = EVERYBODY.find((name) => name === envelope.to);
    if (to !== undefined) this.#after(1, () => this.nodes.get(to)?.receive(envelope));
  }

  #after(ms: number, run: () => void): void {
    this.#queue.push({ at: this.now + ms, run });
  }
}
