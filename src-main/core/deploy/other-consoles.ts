import type { Problem } from '../../../agent/protocol/index.ts';
import type { FleetAuthorities, ValueStore } from '../certificates/authorities.ts';
import { consoleOf, fingerprint, type Trust } from '../certificates/trust.ts';

/**
 * Authorities of other consoles, met on hosts. Those that were there when this console joined the fleet are taken as
 * they are; one that comes later is told, once: somebody with root's rights brought it in, and it should be known who.
 */
export class OtherConsoles {
  readonly #authorities: FleetAuthorities;
  readonly #values: ValueStore;
  readonly #report: (problem: Problem) => void;

  constructor(deps: {
    authorities: FleetAuthorities;
    values: ValueStore;
    report: (problem: Problem) => void;
  }) {
    this.#authorities = deps.authorities;
    this.#values = deps.values;
    this.#report = deps.report;
  }

  look(fleetId: string, host: string, { trustedCas }: Trust): void {
    const own = new Set(this.#authorities.own(fleetId).map(fingerprint));
    const seen = this.#seen(fleetId);
    const foreign = trustedCas.filter((pem) => !own.has(fingerprint(pem)));
    const fresh = foreign.filter((pem) => !(seen ?? []).includes(fingerprint(pem) ?? ''));
    if (seen !== null && fresh.length === 0) return;
    const marks = fresh.flatMap((pem) => fingerprint(pem) ?? []);
    this.#values.put(keyOf(fleetId), [...(seen ?? []), ...marks]);
    if (seen === null && own.size === 0) this.#values.put(joinedKey(fleetId), fresh);
    else for (const pem of fresh) this.#report(otherConsole(host, consoleOf(pem), pem));
  }

  /** What the fleet believed when this console joined it, PEM. */
  joined(fleetId: string): string[] {
    return texts(this.#values.get(joinedKey(fleetId))) ?? [];
  }

  /** Null before this console first looked at a host of that fleet. */
  #seen(fleetId: string): string[] | null {
    return texts(this.#values.get(keyOf(fleetId)));
  }
}

const keyOf = (fleetId: string): string => `seen-authorities:${fleetId}`;
const joinedKey = (fleetId: string): string => `joined-authorities:${fleetId}`;

const texts = (kept: unknown): string[] | null =>
  Array.isArray(kept) ? kept.filter((each): each is string => typeof each === 'string') : null;

function otherConsole(host: string, whose: string, pem: string): Problem {
  const mark = (fingerprint(pem) ?? '').slice(0, 23);
  const who = whose === '' ? 'Another console' : `Another console (${whose})`;
  return {
    kind: 'other-console',
    message: `${who} may now add hosts to this fleet; ${host} was told so with the rights of root.`,
    next: `If nobody of yours set up that console, see who logged in to ${host}, and change its log-ins. Its authority is ${mark}….`,
    details: { host, console: whose, authority: mark },
  };
}
