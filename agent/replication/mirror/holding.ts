import type { Clock } from '../../ports.ts';
import { ok, type Result } from '../../protocol/index.ts';
import type { GroupStatus } from '../forwarder/control-protocol.ts';
import type { Forwarder } from './forwarder-client.ts';
import { Healer } from './healer.ts';
import { until } from './last-words.ts';
import type { MirrorFacts } from './mirror-facts.ts';
import { heldProblem } from './problems.ts';
import type { StatusKeeper } from './status-keeper.ts';

export interface HoldingPorts {
  forwarder: Forwarder;
  clock: Clock;
  guestLives(): boolean;
  /** The forwarder's word after it connected anew. */
  resumed(group: GroupStatus): void;
  /** QEMU is no more. */
  guestStopped(): Promise<void>;
}

/** A stream that stands still, and with it the guest's writes: brought back where that is possible, and reported where not. */
export class Holding {
  readonly #facts: MirrorFacts;
  readonly #keeper: StatusKeeper;
  readonly #ports: HoldingPorts;
  readonly #healer: Healer;

  constructor(facts: MirrorFacts, keeper: StatusKeeper, ports: HoldingPorts) {
    this.#facts = facts;
    this.#keeper = keeper;
    this.#ports = ports;
    this.#healer = new Healer({
      clock: ports.clock,
      held: () => !facts.ends && facts.group?.state === 'held',
      restarted: () => facts.group?.reason?.kind === 'restarted',
      resume: () => this.#resume(),
      report: () => this.#report(),
    });
  }

  held(group: GroupStatus): void {
    if (group.reason?.kind === 'qemu-gone') void this.#qemuGone(group);
    else this.#treat(group);
  }

  /** An answered error comes again, and one that is too slow would be; a lost connection may heal without a copy. */
  #treat(group: GroupStatus): void {
    const { kind } = group.reason ?? {};
    if (kind === 'remote-error' || kind === 'too-slow') this.#report();
    else void this.#healer.heal();
  }

  #report(): void {
    if (this.#keeper.state === 'held') return;
    this.#keeper.set('held', heldProblem(this.#facts.order, this.#facts.group?.reason ?? null));
  }

  async #resume(): Promise<Result<void>> {
    const { forwarder, resumed } = this.#ports;
    const answer = await forwarder.order({ c: 'resume', group: this.#facts.order.pairId });
    if (!answer.ok) return answer;
    if (answer.value[0]) resumed(answer.value[0]);
    return ok(undefined);
  }

  /** QEMU is dead, or only its connection: the hypervisor knows. */
  async #qemuGone(group: GroupStatus): Promise<void> {
    const { clock, guestLives, guestStopped } = this.#ports;
    await until(() => this.#facts.over || !guestLives(), clock);
    if (this.#facts.ends) return;
    if (guestLives()) this.#treat(group);
    else await guestStopped();
  }
}
