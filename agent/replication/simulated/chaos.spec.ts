import { afterEach, describe, expect, it } from 'vitest';
import { guestDraft, MAIL } from '../../hypervisor/simulated/spec-world.ts';
import type { ReplicationMode } from '../../protocol/index.ts';
import { type Box, Rig, until } from './spec-rig.ts';

const PAIR = 'pair-mail';
const ROUNDS = 12;
/** More of them with CHAOS_SEEDS=n. */
const SEEDS = Number(process.env.CHAOS_SEEDS ?? 2);
const WAYS: ReplicationMode[] = [
  { kind: 'sync' },
  { kind: 'sync', memory: true },
  { kind: 'interval', everyS: 30, retention: { last: 3, hourly: 0, daily: 0, weekly: 0 } },
];

/**
 * Power losses, cuts, agent restarts and orders in a random order (the same for the same seed). The person is truthful: a
 * failover is forced only when the old host has no power.
 */
describe('a protected machine under random faults', () => {
  let rig: Rig;
  let writer: ReturnType<typeof setInterval>;

  afterEach(async () => {
    clearInterval(writer);
    await rig.close();
  });

  it.each(
    WAYS.flatMap((way) =>
      Array.from({ length: SEEDS }, (_, seed) => ({ way, kind: way.kind, seed: seed + 1 })),
    ),
  )(
    'never runs twice and loses nothing that was promised (kept by $way, seed $seed)',
    async ({ way, seed }) => {
      rig = await Rig.open([{ name: 'atlas', guests: [{ ...guestDraft() }] }, { name: 'boreas' }]);
      // Quick copies: what happens while both agree is what matters here.
      rig.world.pace.copyBps = 60e9;
      const boxes = [rig.box('atlas'), rig.box('boreas')] as const;
      writer = setInterval(() => {
        for (const box of boxes) if (box.host.runs(MAIL)) box.host.write(MAIL);
      }, 2);
      const chaos = new Chaos(rig, boxes, seed, way);
      await chaos.protect();
      for (let round = 0; round < ROUNDS; round++) await chaos.round();
      await chaos.settle();
      expect(rig.world.violations).toEqual([]);
      expect(rig.warnings).toEqual([]);
    },
    120_000,
  );
});

type Act = [name: string, act: () => Promise<unknown>];

class Chaos {
  readonly story: string[] = [];
  private readonly way: ReplicationMode;
  private readonly rig: Rig;
  private readonly boxes: readonly [Box, Box];
  private state: number;
  /** The owner went on alone since both copies last agreed: the other copy may be behind, and a person is told so. */
  private apart = false;
  private cut = false;

  constructor(rig: Rig, boxes: readonly [Box, Box], seed: number, way: ReplicationMode) {
    this.way = way;
    this.rig = rig;
    this.boxes = boxes;
    this.state = seed;
  }

  async protect(): Promise<void> {
    const order = { pairId: PAIR, vmUuid: MAIL, standby: 'boreas', replication: this.way };
    await this.boxes[0].order('protect.start', order);
  }

  async round(): Promise<void> {
    if (this.healthy()) this.apart = false;
    const off = this.boxes.find((each) => !each.host.powered);
    const box = this.pick(this.boxes);
    const power: Act = [`power ${(off ?? box).host.name}`, () => this.power(off ?? box)];
    const orders: Act[] = [
      [this.cut ? 'mend the network' : 'cut the network', () => this.network(this.cut)],
      [`restart agent of ${box.host.name}`, () => restartAgent(box)],
      [`resync from ${box.host.name}`, () => this.quietly(box, 'pair.resync')],
      [`switch over from ${box.host.name}`, () => this.quietly(box, 'pair.switchover')],
      [`drill on ${box.host.name}`, () => this.drill(box)],
    ];
    // While a host is dark a person fails over, or waits for it.
    const survivor = off && this.other(off);
    const acts: Act[] = survivor
      ? [power, [`fail over to ${survivor.host.name}`, () => this.failover(survivor)], ...orders]
      : [power, power, power, ...orders];
    const [name, act] = this.pick(acts);
    this.story.push(name);
    // Some orders are interrupted by the next fault, some are waited for.
    const done = act().catch((error: unknown) => this.story.push(`  ${String(error)}`));
    if (this.random() < 0.6 || name.startsWith('power') || name.startsWith('restart')) await done;
    await new Promise((resolve) => setTimeout(resolve, this.random() * 400));
  }

  /** Faults stop: everything has power; what the person is asked for is answered until both copies agree. */
  async settle(): Promise<void> {
    await this.network(true);
    for (const box of this.boxes) {
      if (!box.host.powered) await box.powerOn();
      if (!box.running) await box.startAgent();
    }
    await until(() =>
      this.boxes.every((box) => box.service.tasks().every((task) => task.state !== 'running')),
    );
    const started = Date.now();
    while (!this.healthy()) {
      for (const box of this.boxes) {
        const local = box.pair()?.local;
        if (local?.kind === 'primary' && local.vm === 'running' && box.pair()?.peer.reachable)
          // The agent may have begun by itself.
          await this.quietly(box, 'pair.resync').catch((error: unknown) => this.story.push(String(error)));
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (Date.now() - started > 30_000)
        throw new Error(`not healthy again after:\n${this.story.join('\n')}\n${this.view()}`);
    }
  }

  private healthy(): boolean {
    return this.boxes.some((box) => {
      if (!box.running || !box.host.runs(MAIL)) return false;
      const pair = box.pair();
      const { mode, state } = pair?.record.replica ?? {};
      if (mode !== this.way.kind) return false;
      return mode === 'sync'
        ? pair?.mirror?.state === 'in-sync' && state === 'in-sync'
        : pair?.mirror?.state === 'following' && state === 'stale';
    });
  }

  private other(box: Box): Box {
    return box === this.boxes[0] ? this.boxes[1] : this.boxes[0];
  }

  private async power(box: Box): Promise<void> {
    if (!box.host.powered) return box.powerOn();
    if (this.other(box).host.runs(MAIL)) this.apart = true;
    await box.powerOff();
  }

  private async network(connected: boolean): Promise<void> {
    this.cut = !connected;
    if (this.cut) this.apart = true;
    this.rig.world.cable('atlas', 'boreas', connected);
  }

  private view(): string {
    return this.boxes
      .map((box) => {
        const pair = box.pair();
        return `${box.host.name}: guest ${box.host.guest(MAIL)?.state}, ${JSON.stringify(pair?.local)}, record ${JSON.stringify(pair?.record)}, mirror ${JSON.stringify(pair?.mirror)}`;
      })
      .join('\n');
  }

  private async failover(to: Box): Promise<void> {
    // Told that it may lack what was acknowledged, a person waits for the other host.
    if (to.host.unclean.has(PAIR)) return;
    if (this.other(to).host.powered || !to.running) return;
    const { epoch: expected, replica } = to.pair()?.record ?? {};
    // From a point a person may start whenever he likes: what it promises is known. A mirror that was cut off promises nothing.
    if (!expected || (replica?.mode === 'sync' && (this.apart || replica.state !== 'in-sync'))) return;
    await to.order('pair.failover', { pairId: PAIR, expected, forced: true, evidence: {} });
  }

  private async quietly(box: Box, method: 'pair.resync' | 'pair.switchover'): Promise<void> {
    if (box.running && box.pair()) await box.order(method, { pairId: PAIR });
  }

  private async drill(box: Box): Promise<void> {
    if (box.running && box.pair()) await box.order('pair.drill', { pairId: PAIR, standS: 0 });
  }

  private pick<T>(from: readonly T[]): T {
    const found = from[Math.floor(this.random() * from.length)];
    if (found === undefined) throw new Error('nothing to pick from');
    return found;
  }

  /** Mulberry32. */
  private random(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
}

async function restartAgent(box: Box): Promise<void> {
  if (!box.running) return;
  await box.stopAgent();
  await box.startAgent();
}
