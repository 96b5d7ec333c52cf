import type { VoterState } from './acceptor.ts';
import { type Audit, Changes } from './audit.ts';
import type { Envelope, Progress } from './messages.ts';

export interface DurablePorts {
  now(): number;
  send(envelope: Envelope): void;
  save(state: VoterState, done: (durable: boolean) => void): void;
  audit: Audit;
}

/**
 * A voter's state and its disk: nothing is said before everything it rests on is fsynced (rule *fsync before answer*).
 * One save at a time; what changed meanwhile goes with the next.
 */
export class Durable {
  readonly #ports: DurablePorts;
  readonly #limitMs: () => number;
  readonly #startedFrom: number;
  readonly #changes: Changes;
  #state: VoterState;
  #dirty = false;
  #savingSince: number | null = null;
  #well = true;
  /** Nothing leaves before this life's incarnation is on disk; what leaves tells only what is on disk. */
  #progress: Progress;
  #waiting: { needs: number; envelope: Envelope }[] = [];

  constructor(state: VoterState, limitMs: () => number, ports: DurablePorts) {
    this.#ports = ports;
    this.#limitMs = limitMs;
    this.#state = state;
    this.#startedFrom = state.incarnation;
    this.#progress = { incarnation: state.incarnation, writes: state.writes };
    this.#changes = new Changes(ports.audit);
  }

  get state(): VoterState {
    return this.#state;
  }
  get progress(): Progress {
    return this.#progress;
  }
  /** False until this life's incarnation is durable; nothing may be sent before. */
  get ready(): boolean {
    return this.#progress.incarnation > this.#startedFrom;
  }

  /** A lease means that the record can be written (R): the last save worked, and none has been waiting too long. */
  well(): boolean {
    const waited = this.#savingSince === null ? 0 : this.#ports.now() - this.#savingSince;
    const well = this.#well && waited <= this.#limitMs();
    if (well) {
      if (this.#changes.over('disk-ill')) this.#ports.audit('disk-well', 'can write its record again');
    } else {
      this.#changes.tell('disk-ill', 'ill', 'cannot write its record in time: it grants no lease', {
        waitedMs: String(Math.round(waited)),
      });
    }
    return well;
  }

  change(state: VoterState): void {
    this.#state = { ...state, writes: this.#state.writes + 1 };
    this.#dirty = true;
    this.#save();
  }

  /** Goes to disk with the next write: one fsync a message would be the price of more. */
  later(state: VoterState): void {
    this.#state = state;
  }

  /** Sent once everything known now is durable. */
  say(envelope: Envelope): void {
    if (this.#savingSince === null && !this.#dirty) this.#ports.send(envelope);
    else this.#waiting.push({ needs: this.#state.writes, envelope });
  }

  /**
   * Tries a failed or slow disk again; call now and then. Without it a voter that has nothing to write would never find
   * out that its disk is well again (found by the simulator, seed 2623).
   */
  retry(): void {
    if (!this.#well) this.#dirty = true;
    this.#save();
  }

  #save(): void {
    if (this.#savingSince !== null || !this.#dirty) return;
    const saving = this.#state;
    const began = this.#ports.now();
    this.#dirty = false;
    this.#savingSince = began;
    this.#ports.save(saving, (durable) => this.#saved(saving, began, durable));
  }

  #saved(saving: VoterState, began: number, durable: boolean): void {
    this.#savingSince = null;
    this.#well = durable && this.#ports.now() - began <= this.#limitMs();
    if (!durable) {
      // Old or new may be on disk: nothing that rests on it is said, and it is written again at the next occasion.
      this.#waiting = this.#waiting.filter((one) => one.needs < saving.writes);
      this.#dirty = true;
      return;
    }
    this.#progress = { incarnation: saving.incarnation, writes: saving.writes };
    const ready = this.#waiting.filter((one) => one.needs <= saving.writes);
    this.#waiting = this.#waiting.filter((one) => one.needs > saving.writes);
    for (const one of ready) this.#ports.send({ ...one.envelope, progress: this.#progress });
    this.#save();
  }
}
