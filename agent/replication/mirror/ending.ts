import type { Clock, Log } from '../../ports.ts';
import { ok, type Problem, type Result } from '../../protocol/index.ts';
import type { InTurn } from '../in-turn.ts';
import type { Blocks } from './block-layer.ts';
import { RELEASE_LOOKS, takeApart } from './build.ts';
import type { Forwarder } from './forwarder-client.ts';
import { lastWords } from './last-words.ts';
import type { MirrorFacts } from './mirror-facts.ts';
import { guestEnded, jobEnded } from './problems.ts';
import type { StatusKeeper } from './status-keeper.ts';

export interface EndingPorts {
  forwarder: Forwarder;
  blocks: Blocks;
  clock: Clock;
  log: Log;
  guestLives(): boolean;
  inTurn: InTurn;
  /** For what nobody waits for: a failure is only noted. */
  quietly(work: () => Promise<void>): Promise<void>;
  /** Nothing of it is watched any more. */
  unwatch(): void;
  /** Makes durable what a later agent must know. */
  keep(): Promise<void>;
}

/** The ways in which a mirror ends. Two things never are left: a guest whose writes wait for ever, and a copy called whole that is not. */
export class Ending {
  readonly #facts: MirrorFacts;
  readonly #keeper: StatusKeeper;
  readonly #ports: EndingPorts;

  constructor(facts: MirrorFacts, keeper: StatusKeeper, ports: EndingPorts) {
    this.#facts = facts;
    this.#keeper = keeper;
    this.#ports = ports;
  }

  guestStopped(): Promise<void> {
    const facts = this.#facts;
    facts.leaving = true;
    // Its bitmaps are gone with it.
    facts.tracked = false;
    return this.#ports.quietly(async () => {
      if (facts.over) return;
      await facts.bringUp?.stop();
      const clean = await this.#leftClean();
      await this.#close();
      const endedInSync = clean && facts.inSync;
      await this.#finish(
        endedInSync ? 'off' : 'broken',
        endedInSync ? null : guestEnded(facts.inSync),
        endedInSync,
      );
    });
  }

  /** Lets the guest go on alone. The forwarder first: with writes held, QEMU's monitor may answer nothing. */
  async release(): Promise<Result<void>> {
    const facts = this.#facts;
    if (facts.over) return ok(undefined);
    facts.leaving = true;
    await facts.bringUp?.stop();
    const { disks, pairId } = facts.order;
    const lost = disks.flatMap(({ target, sizeBytes }) => {
      const socket = facts.sockets[target];
      return socket === undefined ? [] : [{ name: target, socket, sizeBytes, exportName: '' }];
    });
    const released = await this.#ports.forwarder.order({ c: 'release', group: pairId, disks: lost });
    if (!released.ok && this.#ports.guestLives()) {
      facts.leaving = false;
      return released;
    }
    const problem = this.#keeper.status.problem ?? jobEnded('released');
    return this.#ports.inTurn(() => this.#dismantle(problem));
  }

  /** In order, with everything on both sides if the guest stands still; `drained` is told then, before the stream closes. */
  end(drained: () => void): Promise<Result<void>> {
    const facts = this.#facts;
    if (!facts.over && !this.#ports.guestLives()) return this.guestStopped().then(() => ok(undefined));
    if (facts.group && facts.group.state !== 'up') return this.release();
    if (facts.bringUp) facts.leaving = true;
    return this.#ports.inTurn(async () => {
      const { blocks } = this.#ports;
      if (facts.over) return ok(undefined);
      facts.leaving = true;
      await facts.bringUp?.stop();
      const paused = (await blocks.running()) === false;
      const cancelled = await blocks.cancelJobs(!facts.inSync);
      const targets = facts.order.disks.map(({ target }) => target);
      const apart = cancelled.ok ? await blocks.removeReplicas(targets) : cancelled;
      if (!apart.ok) {
        facts.leaving = false;
        return apart;
      }
      // A running guest writes on, and the replica does not follow.
      const whole = (await this.#leftClean()) && facts.inSync && paused;
      if (whole) drained();
      await this.#close();
      await this.#finish('off', null, whole);
      return ok(undefined);
    });
  }

  /** What was half built is taken down again; with the stream released first nothing can hang on it. */
  async abandon(problem: Problem): Promise<void> {
    const { order } = this.#facts;
    this.#facts.leaving = true;
    await this.#ports.forwarder.order({ c: 'release', group: order.pairId });
    const apart = await this.#dismantle(problem);
    if (!apart.ok) this.#ports.log('warn', `${order.pairId}: ${apart.problem.message}`);
  }

  /** The other disks wait too until whoever keeps the record has noted that the copy is stale. */
  async lose(problem: Problem): Promise<void> {
    this.#facts.lost = true;
    this.#facts.endedInSync = false;
    await this.#ports.forwarder.order({ c: 'hold', group: this.#facts.order.pairId });
    this.#keeper.set('held', problem);
  }

  /**
   * With the stream released: takes QEMU's part down, and only then the stream. Without it a mirror still
   * standing in QEMU would wait for ever at the guest's next write.
   */
  async #dismantle(problem: Problem): Promise<Result<void>> {
    const { blocks, guestLives } = this.#ports;
    const { over, order } = this.#facts;
    if (over) return ok(undefined);
    const apart = guestLives() ? await takeApart(order, blocks, RELEASE_LOOKS) : ok(undefined);
    if (!apart.ok) {
      this.#keeper.set('broken', problem);
      return apart;
    }
    await this.#close();
    await this.#finish('broken', problem, false);
    return apart;
  }

  async #close(): Promise<void> {
    await this.#ports.forwarder.order({ c: 'close', group: this.#facts.order.pairId });
  }

  /** True when QEMU left the stream with nothing unanswered. */
  async #leftClean(): Promise<boolean> {
    const facts = this.#facts;
    const { forwarder, clock } = this.#ports;
    facts.group = await lastWords(facts.order.pairId, facts.group, forwarder, clock);
    return facts.group?.state === 'ended' && facts.group.clean;
  }

  async #finish(state: 'off' | 'broken', problem: Problem | null, endedInSync: boolean): Promise<void> {
    this.#facts.over = true;
    this.#ports.unwatch();
    this.#facts.endedInSync = endedInSync;
    await this.#ports.keep();
    this.#keeper.set(state, problem);
  }
}
