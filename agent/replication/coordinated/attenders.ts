import type { Clock } from '../../ports.ts';
import { type MirrorStatus, ok, type Problem, type Result } from '../../protocol/index.ts';
import type { AttendOrder } from '../replication.ts';
import { PairAttender } from './pair-attender.ts';

export interface AttendersDeps {
  clock: Clock;
  guestLives(vmUuid: string): boolean;
}

type Listener = (pairId: string, status: MirrorStatus) => void;

/**
 * The owner's side of copies that somebody else keeps: asked again and again how they are, for as long as the agent lives.
 * The same on real and on simulated hosts; what is asked comes with the order.
 */
export class Attenders {
  readonly #deps: AttendersDeps;
  readonly #attenders = new Map<string, PairAttender>();
  readonly #ended = new Set<string>();
  readonly #ending = new Map<string, Promise<void>>();
  readonly #listeners = new Set<Listener>();

  constructor(deps: AttendersDeps) {
    this.#deps = deps;
  }

  async stop(): Promise<void> {
    for (const attender of this.#attenders.values()) attender.stop();
    this.#attenders.clear();
    this.#listeners.clear();
  }

  async attend(order: AttendOrder): Promise<Result<void>> {
    const { pairId, vmUuid } = order;
    await this.#ending.get(pairId);
    this.#attenders.get(pairId)?.stop();
    this.#ended.delete(pairId);
    if (!this.#deps.guestLives(vmUuid)) return { ok: false, problem: notRunning };
    const attender: PairAttender = new PairAttender(order, this.#deps.clock, (status) => {
      if (this.#attenders.get(pairId) === attender) this.#tell(pairId, status);
    });
    this.#attenders.set(pairId, attender);
    attender.start();
    return ok(undefined);
  }

  has(pairId: string): boolean {
    return this.#attenders.has(pairId) || this.#ended.has(pairId);
  }

  status(pairId: string): MirrorStatus | null {
    return this.#attenders.get(pairId)?.status ?? null;
  }

  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Of a machine that has stopped the copy is asked for once more: only then is it known that it has everything. */
  end(pairId: string, drained?: () => void): Promise<void> {
    const ending = this.#ending.get(pairId) ?? this.#end(pairId).finally(() => this.#ending.delete(pairId));
    this.#ending.set(pairId, ending);
    return ending.then(() => {
      if (this.#ended.has(pairId)) drained?.();
    });
  }

  async #end(pairId: string): Promise<void> {
    const attender = this.#attenders.get(pairId);
    if (!attender) return;
    const whole = !this.#deps.guestLives(attender.order.vmUuid) && (await attender.lastLook());
    attender.stop();
    this.#attenders.delete(pairId);
    if (whole) this.#ended.add(pairId);
  }

  endedInSync(pairId: string): boolean {
    return this.#ended.has(pairId);
  }

  /** Another mode keeps the copy from now on, or nobody. */
  forget(pairId: string): void {
    this.#attenders.get(pairId)?.stop();
    this.#attenders.delete(pairId);
    this.#ended.delete(pairId);
  }

  #tell(pairId: string, status: MirrorStatus): void {
    for (const listener of [...this.#listeners]) listener(pairId, status);
  }
}

const notRunning: Problem = {
  kind: 'guest-stopped',
  message: 'The machine does not run: its copy is looked at while it does.',
  next: 'Start it; its copy is then looked after by itself.',
};
