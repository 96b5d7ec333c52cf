import { freshState, type VoterState } from '../../agent/lease/acceptor.ts';
import type { Envelope } from '../../agent/lease/messages.ts';
import { PairNode } from '../../agent/lease/node.ts';
import type { Site } from '../../agent/lease/site.ts';
import { timingOf } from '../../agent/lease/timing.ts';
import type { World } from './world.ts';

/** What every node runs on, the witness too: power, a clock, a disk that may be ill, and the agent's process. */
export abstract class Machine {
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
  /** When it last came back from anything that kept it from hearing others (true time). */
  wellSince = 0;
  /** The same machine as another pair on it sees it: shares power, freezing and the agent's process. */
  twin: Machine | null = null;

  /** Clock: local = true * rate + offset. */
  protected readonly rate: number;
  #offset: number;

  disk: VoterState;
  backup: VoterState | null = null;
  fsync: 'well' | 'slow' | 'hangs' | 'fails' = 'well';
  #hanging: (() => void)[] = [];
  ran = false;
  /** When the agent last wrote to the audit log (true time), and how often it has. */
  auditedAt = -1;
  /** Events of its audit log, since they were last forgotten. */
  readonly told = new Set<string>();
  #parked: (() => void)[] = [];

  constructor(world: World, id: string, isMember: boolean) {
    this.isMember = isMember;
    this.world = world;
    this.id = id;
    this.rate = 1 + world.random.between(-0.0045, 0.0045);
    this.#offset = world.random.between(1_000, 1_000_000);
    this.disk = freshState(true);
  }

  protected abstract makeSite(): Site | null;
  protected abstract onPowerOff(): void;
  protected abstract onThaw(): void;

  clock(): number {
    return this.world.kernel.now * this.rate + this.#offset;
  }

  /** Nothing is wrong with this machine that a message could meet. */
  get well(): boolean {
    return (
      this.power === 'on' && this.node !== null && !this.frozen && !this.agentFrozen && this.fsync === 'well'
    );
  }

  /** Runs now, or when the host and its agent are thawed; never in another life of the agent. */
  inAgent(life: number, run: () => void): void {
    if (life !== this.life || this.power !== 'on') return;
    if (this.frozen || this.agentFrozen) this.#parked.push(() => this.inAgent(life, run));
    else run();
  }

  afterLocal(life: number, ms: number, run: () => void): void {
    this.world.kernel.after(ms / this.rate, () => this.inAgent(life, run));
  }

  receive(envelope: Envelope): void {
    this.inAgent(this.life, () => this.node?.receive(envelope));
  }

  thawAgent(): void {
    this.wellSince = this.world.kernel.now;
    const parked = this.#parked;
    this.#parked = [];
    for (const run of parked) run();
  }

  startAgent(): void {
    this.twin?.startAgent();
    if (this.power !== 'on' || this.node !== null) return;
    // Of this life for ever: what it left behind must not run in the next.
    const { world, life } = this;
    this.wellSince = world.kernel.now;
    this.node = new PairNode(
      {
        pairId: 'pair',
        self: this.id,
        timing: (profile) => timingOf(profile, 100),
        rules: world.rules,
        state: this.disk,
        restarted: this.ran,
        site: this.makeSite(),
      },
      {
        now: () => Math.floor(this.clock() / 10) * 10,
        send: (envelope) => world.send(envelope),
        save: (state, done) => this.#save(life, state, done),
        after: (ms, run) => this.afterLocal(life, ms, run),
        random: () => world.random.next(),
        audit: (event, text) => {
          this.auditedAt = world.kernel.now;
          this.told.add(event);
          world.note(this.id, `${event}: ${text}`);
        },
      },
    );
    this.ran = true;
    this.node.start();
  }

  killAgent(): void {
    this.twin?.killAgent();
    this.life += 1;
    this.node = null;
    this.#parked = [];
    this.agentFrozen = false;
  }

  /** Durable after a moment; a crash in between leaves the old or the new state. */
  #save(life: number, state: VoterState, done: (durable: boolean) => void): void {
    const { world } = this;
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
      this.inAgent(life, () => done(!failed));
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
    this.wellSince = this.world.kernel.now;
    const hanging = this.#hanging;
    this.#hanging = [];
    for (const finish of hanging) finish();
  }

  powerOff(): void {
    this.twin?.powerOff();
    if (this.power !== 'on') return;
    this.killAgent();
    this.power = 'off';
    this.frozen = false;
    this.fsync = 'well';
    this.#hanging = [];
    this.onPowerOff();
  }

  powerOn(): void {
    this.twin?.powerOn();
    if (this.power !== 'off') return;
    this.power = 'on';
    this.boots += 1;
    this.#offset = -this.world.kernel.now * this.rate + this.world.random.between(5_000, 20_000);
    this.world.kernel.after(this.world.random.between(200, 3000), () => this.startAgent());
  }

  /** For good. */
  lose(): void {
    this.twin?.lose();
    this.powerOff();
    this.power = 'gone';
    this.world.gone = this;
  }

  freeze(): void {
    this.twin?.freeze();
    if (this.power === 'on') this.frozen = true;
  }

  thaw(): void {
    this.twin?.thaw();
    if (!this.frozen) return;
    this.frozen = false;
    this.thawedAt = this.world.kernel.now;
    this.onThaw();
    this.thawAgent();
    this.world.watch();
  }
}
