import type { Envelope } from './messages.ts';
import { type Ballot, compareBallot } from './record.ts';

interface Contact {
  at: number;
  holds: Ballot;
}

/** Who leaves says so again and again (courtesies.ts): silence about it for so long means that it stays; ms. */
const LEAVING_MS = 30_000;

/** When each voter last answered, what record it held then, and whether it has said that it is about to leave. */
export class Contacts {
  readonly #now: () => number;
  readonly #heard = new Map<string, Contact>();
  readonly #said = new Map<string, { life: number; id: number }>();
  readonly #leaving = new Map<string, { at: number; life: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** An answer was received. `silenceMs`: a gap longer than this means that the voter has slept since its goodbye. */
  receive({ body, from, progress }: Envelope, silenceMs: number): void {
    const at = this.#now();
    if (body.kind === 'goodbye') {
      const life = progress.incarnation;
      const last = this.#said.get(from);
      // Overtaken by what it said later.
      if (last !== undefined && (last.life > life || (last.life === life && last.id >= body.id))) return;
      this.#said.set(from, { life, id: body.id });
      if (body.leaving) this.#leaving.set(from, { at, life });
      else this.#leaving.delete(from);
      return;
    }
    const holds = heldIn(body);
    if (holds === null) return;
    const before = this.#heard.get(from);
    const left = this.#leaving.get(from);
    const slept = before !== undefined && at - before.at > silenceMs;
    if (left !== undefined && (slept || left.life !== progress.incarnation || at - left.at > LEAVING_MS)) {
      this.#leaving.delete(from);
    }
    this.#heard.set(from, { at, holds });
  }

  leaving(voter: string): boolean {
    return this.#leaving.has(voter);
  }

  heardMsAgo(voter: string): number | null {
    const contact = this.#heard.get(voter);
    return contact === undefined ? null : this.#now() - contact.at;
  }

  /** It has shown that it holds at least `ballot`. */
  holds(voter: string, ballot: Ballot): boolean {
    const contact = this.#heard.get(voter);
    return contact !== undefined && compareBallot(contact.holds, ballot) >= 0;
  }
}

function heldIn(body: Envelope['body']): Ballot | null {
  switch (body.kind) {
    case 'granted':
    case 'denied':
      return body.holds;
    case 'state':
      return body.sound ? (body.accepted?.ballot ?? null) : null;
    case 'accepted':
      return body.ballot;
    default:
      return null;
  }
}
