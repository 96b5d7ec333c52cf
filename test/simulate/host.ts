import { freshState, type VoterState } from '../../agent/lease/acceptor.ts';
import type { Permission } from '../../agent/lease/deadline-file.ts';
import type { Envelope } from '../../agent/lease/messages.ts';
import { PairNode } from '../../agent/lease/node.ts';
import type { GuestState, Wanted } from '../../agent/lease/site.ts';
import { SimulatedSite } from './site.ts';
import type { World } from './world.ts';

/** One simulated machine: power, clock, disk, agent process; for members also guard, guest, mirror and image. */
export class Host {
  readonly id: string;
  readonly world: World;
  readonly isMember: boolean;
  power: 'on' | 'off' | 'gone' = 'on';
  frozen = false;
  agentFrozen = false;
  node: PairNode | null = null;
  /** Rises whenever the agent process ends, so that what it left behind is recognised. */
  life = 0;
  boots = 0;
  thawedAt = Number.NEGATIVE_INFINITY;

  /** Clock: local = true * rate + offset. */
  readonly #rate: number;
  #offset: number;

  disk: VoterState;
  backup: VoterState | null = null;
  fsync: 'well' | 'slow' | 'hangs' | 'fails' = 'well';
  #hanging: (() => void)[] = [];
  ran = false;

  guest: GuestState = 'none';
  wanted: Wanted = 'run';
  #begunGuest = false;
  #stoppedFrom: GuestState = 'running';
  permission: Permission | null = null;
  /** When the permission was written, on the local clock. */
  permittedAt = 0;
  guardAt = Number.POSITIVE_INFINITY;
  /** Highest acknowledged write this image contains, in the lineage it follows. */
  image = 0;
  /** False while a copy onto this image is under way. */
  whole = true;
  exportOpen = false;
  quarantined = false;
  mirror: 'off' | 'copying' | 'active' = 'off';
  /** Mistake `thaw-in-sync` only: QEMU's own timer has let the mirror go, and nobody noticed. */
  leaking = false;
  #stoppedAt = 0;
  #stoppedAtLocal = 0;
  unreachableSince: number | null = null;
  copies = 0;
  startsFail = 0;
  capacity = true;
  targetBroken = false;
  #parked: (() => void)[] = [];

  constructor(world: World, id: string, isMember: boolean) {
    this.world = world;
    this.id = id;
    this.isMember = isMember;
    this.#rate = 1 + world.random.between(-0.0045, 0.0045);
    this.#offset = world.random.between(1_000, 1_000_000);
    this.disk = freshState(true);
  }

  clock(): number {
    return this.world.kernel.now * this.#rate + this.#offset;
  }

  get running(): boolean {
    return this.guest === 'running' && this.power === 'on' && !this.frozen;
  }

  /** Nothing is wrong with this machine that a message could meet. */
  get well(): boolean {
    return (
      this.power === 'on' && this.node !== null && !this.frozen && !this.agentFrozen && this.fsync === 'well'
    );
  }

  /** Runs now, or when the host and its agent are thawed; never in another life of the agent. */
  #inAgent(life: number, run: () => void): void {
    if (life !== this.life || this.power !== 'on') return;
    if (this.frozen || this.agentFrozen) this.#parked.push(() => this.#inAgent(life, run));
    else run();
  }

  afterLocal(ms: number, run: () => void): void {
    const { life } = this;
    this.world.kernel.after(ms / this.#rate, () => this.#inAgent(life, run));
  }

  receive(envelope: Envelope): void {
    this.#inAgent(this.life, () => this.node?.receive(envelope));
  }

  thawAgent(): void {
    const parked = this.#parked;
    this.#parked = [];
    for (const run of parked) run();
  }

  startAgent(): void {
    if (this.power !== 'on' || this.node !== null) return;
    const { world } = this;
    const { life } = this;
    const site = this.isMember ? new SimulatedSite(this, life) : null;
    this.node = new PairNode(
      {
        pairId: 'pair',
        self: this.id,
        timing: world.timing,
        rules: world.rules,
        state: this.disk,
        restarted: this.ran,
        site,
      },
      {
        now: () => Math.floor(this.clock() / 10) * 10,
        send: (envelope) => world.network.send(envelope),
        save: (state, done) => this.#save(state, done),
        after: (ms, run) => this.afterLocal(ms, run),
        random: () => world.random.next(),
        audit: (event, text) => world.note(this.id, `${event}: ${text}`),
      },
    );
    this.ran = true;
    this.node.start();
  }

  killAgent(): void {
    this.life += 1;
    this.node = null;
    this.#parked = [];
    this.agentFrozen = false;
  }

  /** Durable after a moment; a crash in between leaves the old or the new state. */
  #save(state: VoterState, done: (durable: boolean) => void): void {
    const { world, life } = this;
    const finish = (): void => {
      if (life !== this.life) {
        if (world.random.chance(0.5) && this.#newer(state)) this.disk = state;
        return;
      }
      if (this.fsync === 'hangs') {
        this.#hanging.push(finish);
        return;
      }
      const failed = this.fsync === 'fails';
      if (!failed || world.random.chance(0.5)) {
        world.epochsRise(this, state);
        this.disk = state;
      }
      this.#inAgent(life, () => done(!failed));
    };
    const ms = this.fsync === 'slow' ? world.random.between(100, 900) : world.random.between(0.3, 4);
    world.kernel.after(ms, finish);
  }

  /** A write of a life that ended lands late only when nothing of a later life is there. */
  #newer(state: VoterState): boolean {
    return (
      this.disk.incarnation <= state.incarnation && this.disk.writes < state.writes && this.node === null
    );
  }

  diskWell(): void {
    this.fsync = 'well';
    const hanging = this.#hanging;
    this.#hanging = [];
    for (const finish of hanging) finish();
  }

  /** The guest this world begins with. */
  beginWith(permission: Permission): void {
    this.permission = permission;
    this.guest = 'running';
    this.#begunGuest = true;
    this.mirror = 'active';
  }

  powerOff(): void {
    if (this.power !== 'on') return;
    this.killAgent();
    this.power = 'off';
    this.frozen = false;
    this.setGuest('none');
    this.permission = null;
    this.exportOpen = false;
    this.mirror = 'off';
    this.fsync = 'well';
    this.#hanging = [];
  }

  powerOn(): void {
    if (this.power !== 'off') return;
    this.power = 'on';
    this.boots += 1;
    this.#offset = -this.world.kernel.now * this.#rate + this.world.random.between(5_000, 20_000);
    this.world.kernel.after(this.world.random.between(200, 3000), () => this.startAgent());
  }

  freeze(): void {
    if (this.power === 'on') this.frozen = true;
  }

  thaw(): void {
    if (!this.frozen) return;
    this.frozen = false;
    this.thawedAt = this.world.kernel.now;
    this.guardSoon();
    this.thawAgent();
    this.world.watch();
  }

  setGuest(state: GuestState): void {
    if (this.guest === state) return;
    const before = this.guest;
    this.guest = state;
    this.world.note(this.id, `guest: ${before} -> ${state}`);
    if (state === 'stopped') this.#stoppedAt = this.world.kernel.now;
    if (before === 'stopped' && state === 'running')
      this.#timerRanOn(this.world.kernel.now - this.#stoppedAt);
    if (state === 'none' || before === 'none') {
      this.mirror = 'off';
      this.leaking = false;
      this.#begunGuest = false;
    }
    if (state === 'running' && !this.#begunGuest) {
      this.#begunGuest = true;
      this.world.firstInstruction(this);
    }
    if (state !== 'none') this.guardSoon();
    this.world.watch();
    this.tellAgent();
  }

  /** An event of the hypervisor or the mirror reaches the agent, when it runs. */
  tellAgent(): void {
    this.#inAgent(this.life, () => this.node?.look());
  }

  /** QEMU's reconnect-delay runs on while it is stopped; the forwarder of docs/replication.md has no such timer. */
  #timerRanOn(stoppedMs: number): void {
    const timer = !this.world.rules.staleBeforeThaw && this.mirror === 'active';
    if (!timer || stoppedMs < 100 || this.world.replicates(this)) return;
    this.mirror = 'off';
    this.leaking = true;
  }

  permit(permission: Permission): void {
    const extends_ =
      permission.kind === 'deadline' && permission.ms > this.clock() && this.guest === 'running';
    this.permission = permission;
    this.permittedAt = this.clock();
    if (!extends_ || this.guardAt === Number.POSITIVE_INFINITY) this.guardSoon();
  }

  /** The guard's next round: somewhere within its poll. */
  guardSoon(): void {
    this.#guardAfter(this.world.random.between(1, this.world.guardPollMs));
  }

  #guardAfter(ms: number): void {
    const at = this.world.kernel.now + ms;
    if (at >= this.guardAt) return;
    this.guardAt = at;
    this.world.kernel.after(ms, () => {
      if (this.guardAt !== at) return;
      this.guardAt = Number.POSITIVE_INFINITY;
      this.#guard();
    });
  }

  /** FORMAT.md's table. */
  #guard(): void {
    if (this.power !== 'on' || this.frozen || this.guest === 'none') return;
    const { permission } = this;
    if (permission === null || permission.kind === 'ended') {
      this.setGuest('none');
      return;
    }
    if (permission.kind === 'deadline') {
      const left = permission.ms - this.clock();
      if (left <= 0) {
        if (this.guest === 'stopped') return;
        this.#stoppedFrom = this.guest;
        this.#stoppedAtLocal = this.clock();
        this.setGuest('stopped');
        return;
      }
      this.#guardAfter(left / this.#rate + this.world.random.between(1, this.world.guardPollMs));
    }
    // A live permission alone continues nothing; its order does, of what was stopped before it.
    const resumed = permission.resumed ?? Number.NEGATIVE_INFINITY;
    if (this.guest === 'stopped' && this.#stoppedAtLocal < resumed) this.setGuest(this.#stoppedFrom);
  }
}
