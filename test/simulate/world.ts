import type { VoterState } from '../../agent/lease/acceptor.ts';
import type { Envelope } from '../../agent/lease/messages.ts';
import { founding, type LeaseRecord, newest, type Versioned } from '../../agent/lease/record.ts';
import type { Rules } from '../../agent/lease/rules.ts';
import { holdOf, type Timing, timingOf } from '../../agent/lease/timing.ts';
import { createRecord } from '../../agent/lease/transitions.ts';
import { compareEpoch, type Profile } from '../../agent/protocol/index.ts';
import { Host } from './host.ts';
import { Kernel } from './kernel.ts';
import type { Machine } from './machine.ts';
import { Network } from './network.ts';
import { Random } from './random.ts';
import { Reach } from './reach.ts';

const WRITE_MS = 250;

export interface Violation {
  invariant: string;
  what: string;
  atMs: number;
}

/**
 * Who keeps the copy (docs/external.md): we do; nobody, since both hosts reach the very same disks, and a process on one keeps the
 * other from starting; or a synchronous replication of somebody else's, which one host at a time may write to.
 */
export type Keeper = 'ours' | 'shared' | 'external';
const MODES = { ours: 'sync', shared: 'shared', external: 'external-sync' } as const;

export interface Shape {
  seed: number;
  rules: Rules;
  telling?: boolean;
  /** Without a witness only the owner votes. */
  witness?: boolean;
  /** A second pair on the machines of `first`, the other way round: shares time, network, power and agents. */
  first?: World;
  keeper?: Keeper;
}

/** Two hosts and a witness with one protected guest, and the eyes that judge them. */
export class World {
  readonly kernel: Kernel;
  readonly random: Random;
  readonly network: Network;
  /** Of the slowest profile this schedule uses: how long everything has to be waited for. */
  timing: Timing;
  readonly name: string;
  readonly rules: Rules;
  readonly keeper: Keeper;
  readonly guardPollMs = 95;
  readonly hosts: Host[] = [];
  /** By the record, as of the last look at it. */
  members: [Host, Host];
  /** These, and a standby that another has replaced: it is judged like everybody else. */
  readonly everMembers: Host[];
  readonly violations: Violation[];
  readonly story: string[];
  readonly #telling: boolean;
  /** Stands by to replace the witness. */
  readonly spare: Host;
  /** Highest write any client was told is safe. */
  acked = 0;
  writes = 0;
  thawOverlapMs = 0;
  /** A person overrode the majority: from here on two copies and lost writes are his. */
  forced = false;
  /** One voter lost its state or went for good: no second one does in the same schedule. */
  lossUsed = false;
  gone: Machine | null = null;
  wallJump = 0;
  lastWitness = 'w';
  /** The standby acknowledges from memory. */
  readonly inMemory: boolean;
  readonly reach = new Reach(this);
  /** Runs at the next audit line that contains this: a second fault in the middle of something. */
  readonly ambushes: { word: string; run: () => void }[] = [];
  /** No further fault before. */
  quietUntil = 0;
  /** Whose guest was started last. */
  serving: Host | null = null;
  #overlapSince: number | null = null;

  constructor({ seed, rules, telling = false, witness = true, first, keeper = 'ours' }: Shape) {
    this.kernel = first?.kernel ?? new Kernel();
    this.random = first?.random ?? new Random(seed);
    this.network = first?.network ?? new Network(this.kernel, this.random);
    this.rules = rules;
    this.inMemory = first?.inMemory ?? seed % 3 === 0;
    this.keeper = keeper;
    this.name = first === undefined ? '' : '2:';
    this.story = first?.story ?? [];
    this.violations = first?.violations ?? [];
    this.#telling = telling;
    const profile = this.random.chance(0.5) ? 'fast' : 'balanced';
    this.timing = timingOf(profile, 100);
    this.members = [new Host(this, 'h1', true), new Host(this, 'h2', true)];
    this.hosts.push(...this.members);
    this.everMembers = [...this.members];
    if (witness) this.hosts.push(new Host(this, 'w', false));
    this.spare = new Host(this, 'w2', false);
    this.#found(profile, first === undefined ? this.members : [this.members[1], this.members[0]]);
    for (const host of first?.hosts ?? []) host.twin = this.host(host.id) ?? null;
  }

  send(envelope: Envelope): void {
    this.network.send(envelope, (late) => this.host(late.to)?.receive(late));
  }

  /** I6: what a host does is in its audit log, at the very moment. */
  acted(host: Host, what: string): void {
    const at = this.kernel.now;
    this.kernel.after(0, () => {
      if (host.auditedAt !== at)
        this.violate('I6', `${host.id} did "${what}" without an entry in its audit log`);
    });
  }

  host(id: string): Host | undefined {
    return id === this.spare.id ? this.spare : this.hosts.find((host) => host.id === id);
  }

  other(host: Machine): Host {
    const [a, b] = this.members;
    return host === a ? b : a;
  }

  note(who: string, text: string): void {
    const at = this.ambushes.findIndex((one) => text.includes(one.word));
    if (at >= 0) {
      const [ambush] = this.ambushes.splice(at, 1);
      if (ambush !== undefined) this.kernel.after(this.random.between(0, 60), ambush.run);
    }
    if (this.#telling) this.story.push(`${(this.kernel.now / 1000).toFixed(3)} ${this.name}${who} ${text}`);
  }

  violate(invariant: string, what: string): void {
    if (this.violations.length >= 20) return;
    this.violations.push({ invariant, what: this.name + what, atMs: Math.round(this.kernel.now) });
    this.note('!!!', `${invariant}: ${what}`);
  }

  /** Newest record that any node knows to be chosen. */
  truth(): LeaseRecord | null {
    let top: Versioned | null = null;
    for (const host of [...this.hosts, this.spare])
      top = newest(top, host.node?.voter.chosen ?? host.disk.chosen);
    return top?.record ?? null;
  }

  /** Whether a write of `host`'s guest reaches the other copy now. A storage daemon started anew offers nothing of before. */
  replicates(host: Host): boolean {
    return !this.other(host).unclean && this.reaches(host);
  }

  /** Whether the other copy could be written to from there. */
  reaches(host: Host): boolean {
    const other = this.other(host);
    const takes = this.attended || (other.exportOpen && !other.targetBroken && !other.diskFault);
    const up = other.power === 'on' && !other.frozen && takes;
    return up && this.network.open(host.id, other.id) && this.network.open(other.id, host.id);
  }

  /** Nothing is copied by us: what is written is on both sides. */
  get attended(): boolean {
    return this.keeper !== 'ours';
  }

  /** A process of the other host, running or not, has the shared disks open. */
  keepsDisks(host: Host): boolean {
    return (
      this.keeper === 'shared' && this.everMembers.some((each) => each !== host && each.guest !== 'none')
    );
  }

  /** Of an external replication, before every start: what the other host has open takes no writes any more, whatever comes of the start. */
  promote(host: Host): void {
    if (this.keeper !== 'external') return;
    for (const each of this.everMembers) if (each !== host && each.guest !== 'none') each.demoted = true;
  }

  /** The witness of the present configuration. */
  witness(): Host {
    const record = this.truth();
    const id = record?.voters.find((voter) => !record.members.includes(voter));
    return this.host(id ?? this.lastWitness) ?? this.spare;
  }

  /** I2, at everything a voter writes down. */
  epochsRise(host: Machine, state: VoterState): void {
    const before = host.disk.chosen?.record.epoch;
    const after = state.chosen?.record.epoch;
    if (before === undefined || after === undefined || compareEpoch(after, before) >= 0) return;
    this.violate('I2', `${host.id} goes back from epoch ${before.n} ${before.by} to ${after.n} ${after.by}`);
  }

  /** I1, at every change of who runs. */
  watch(): void {
    const running = (): Host[] => this.everMembers.filter((host) => host.running);
    if (running().length < 2) {
      this.#endOverlap();
      return;
    }
    if (this.#overlapSince !== null || this.forced) return;
    this.#overlapSince = this.kernel.now;
    const excused = Math.max(...running().map((host) => host.excusedUntil)) - this.kernel.now;
    if (excused <= 0) {
      this.violate('I1', 'both hosts run the guest');
      return;
    }
    this.kernel.after(excused, () => {
      if (running().length > 1 && this.#overlapSince !== null && !this.forced) {
        this.violate('I1', 'both hosts run the guest, longer than the guard needs after a thaw');
      }
    });
  }

  #endOverlap(): void {
    if (this.#overlapSince === null) return;
    // One that a person has prolonged by forcing is his.
    if (!this.forced) this.thawOverlapMs = Math.max(this.thawOverlapMs, this.kernel.now - this.#overlapSince);
    this.#overlapSince = null;
  }

  /** I4 at the first instruction of a guest: all that was acknowledged is on the copy that serves now. */
  firstInstruction(host: Host): void {
    this.note(host.id, 'guest runs');
    if (!this.forced && (!host.whole || host.image < this.acked)) {
      const missing = host.whole
        ? `${this.acked - host.image} acknowledged writes are missing`
        : 'the copy is partial';
      this.violate('I4', `the guest starts on ${host.id}: ${missing}`);
    }
    this.acked = host.image;
    this.serving = host;
  }

  #found(profile: Profile, [a, b]: readonly [Host, Host]): void {
    const voters = this.hosts.length > 2 ? this.hosts.map((host) => host.id) : [a.id];
    const record: LeaseRecord = {
      ...createRecord({
        pairId: 'pair',
        members: [a.id, b.id],
        voters,
        owner: a.id,
        wall: 0,
        profile,
      }),
      policy: 'automatic',
      replica: { mode: MODES[this.keeper], state: 'in-sync', point: null, since: 0 },
    };
    const chosen = founding(record);
    for (const host of this.hosts) {
      host.disk = { ...host.disk, promised: chosen.ballot, accepted: chosen, chosen };
      host.startAgent();
    }
    a.beginWith({ kind: 'standing', epoch: record.epoch });
    b.exportOpen = !this.attended;
    this.serving = a;
    for (const host of this.members) this.#client(host);
  }

  /** Another host that may become the standby: there, and nothing more. */
  newcomer(id: string): Host {
    const host = new Host(this, id, true);
    host.whole = false;
    this.hosts.push(host);
    this.everMembers.push(host);
    this.#client(host);
    return host;
  }

  /** The guest writes; its client counts what was acknowledged. */
  #client(host: Host): void {
    if (host.running && !host.intruder && !host.hung) this.#write(host);
    this.kernel.after(WRITE_MS, () => this.#client(host));
  }

  #write(host: Host): void {
    const other = this.other(host);
    if (host.diskFault) {
      host.setGuest('faulted');
      return;
    }
    if (host.demoted) return;
    this.writes += 1;
    const written = host.image + 1;
    if (this.attended) for (const each of this.everMembers) each.image = written;
    else if (host.mirror === 'active') {
      if (!this.replicates(host)) return;
      other.image = written;
      if (!this.inMemory) other.flushed = written;
    }
    host.image = written;
    host.flushed = written;
    if (this.serving !== host && !this.forced) {
      this.violate('I4', `${host.id} acknowledged a write after ${other.id} had begun`);
    }
    this.acked = Math.max(this.acked, host.image);
    this.#permitted(host);
  }

  /** I3: nothing runs without permission for longer than the guard's bound. */
  #permitted(host: Host): void {
    const { permission } = host;
    const since =
      permission?.kind === 'deadline' ? host.clock() - Math.max(permission.ms, host.permittedAt) : 0;
    if (this.kernel.now <= host.excusedUntil) return;
    if (permission === null || since > this.guardPollMs + 10) {
      this.violate('I3', `the guest on ${host.id} runs ${Math.round(since)} ms after its deadline`);
    }
  }

  /** Wall clock as the hosts see it. */
  wall(): number {
    return this.kernel.now + this.wallJump;
  }

  /** A profile changes: from now on everything is waited for as with the longest lease. */
  slowest(): void {
    this.timing = timingOf('balanced', 100);
  }

  /** I3 of a process that an admin started or continued past the hook. */
  intrusion(host: Host): void {
    const { process } = host;
    const look = (): void => {
      if (host.process !== process || !host.running || !host.intruder) return;
      if (this.kernel.now <= host.excusedUntil)
        this.kernel.after(host.excusedUntil - this.kernel.now + 1, look);
      else this.violate('I3', `what an admin started on ${host.id} still runs`);
    };
    this.kernel.after(2 * this.guardPollMs + 12, look);
  }

  /** Rule *disarm before the next loss*: what froze `host` must not be a second loss, long after the first. */
  frozenBy(host: Host): void {
    const onPurpose = host.permission?.kind === 'deadline' && host.permission.ms === 0;
    if (host.id !== this.truth()?.owner || this.forced || onPurpose || host.intruder) return;
    const since = this.reach.lost(host);
    if (since === null) return;
    this.violate('I7', `${host.id} is frozen by a second loss, ${Math.round(since)} ms after the first`);
  }

  /** Longest time in which everything has to be well again once the faults stopped (I7). */
  settleMs(): number {
    return 12 * holdOf(this.timing) + 20_000;
  }
}
