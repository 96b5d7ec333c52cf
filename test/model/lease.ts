import {
  ARMED,
  BEGUN,
  EXPIRING,
  H,
  hasAll,
  hf,
  LIVE,
  NONE,
  ownerOf,
  READ,
  RUNNING,
  STOPPED,
  type State,
  SYNC,
  setHf,
  setVf,
  UP,
  V,
  vf,
  WHOLE,
} from './layout.ts';
import type { Mistake } from './rules.ts';

/**
 * Time in ticks. T is one tick from *sending*, the guard's bound one more: a guest whose owner asked at instant 0 may
 * run up to and including instant 2. A voter's hold is three ticks on true time, what is left of the contract's
 * `strictly longer than T + guard bound + drift` when its clock runs fast by all the drift allowed.
 *
 * GRANT of a voter: 0 nobody, 1..3 host 0 for so many ticks, 4..6 host 1, 7..9 nobody but the recorded owner (restart).
 */
const HOLD = 3;
export const SILENT = 6 + HOLD;
const SILENCE = 2;

const holdUnder = (mistake: Mistake | null): number =>
  mistake === 'no-guard-margin' ? 1 : mistake === 'hold-equality' ? 2 : HOLD;

const grantee = (grant: number): number => (grant === 0 ? -1 : Math.floor((grant - 1) / 3));

/** Host that holds voter `v`'s live grant; -1 nobody; 2 for the silence after a restart. */
export const holderOf = (s: State, v: number): number => grantee(vf(s, v, V.GRANT));

/** Asks as owner: armed, or about to be. */
export function leaseAsOwner(s: State, h: number): boolean {
  const known = hf(s, h, H.KNOWN);
  if (ownerOf(known) !== h || (known & BEGUN) === 0) return false;
  return (known & ARMED) !== 0 || ((known & SYNC) !== 0 && hf(s, h, H.MIRROR) === WHOLE);
}

/** What a record must say before the standby may want it, or a voter help it. */
export function succession(record: number, standby: number, mistake: Mistake | null): boolean {
  if (ownerOf(record) === standby || (record & BEGUN) === 0) return false;
  if (mistake !== 'unarmed-takeover' && (record & ARMED) === 0) return false;
  return mistake === 'ignore-stale' || (record & SYNC) !== 0;
}

export const candidate = (s: State, h: number, mistake: Mistake | null): boolean =>
  hf(s, h, H.AGENT) >= READ && hf(s, h, H.GUEST) === NONE && succession(hf(s, h, H.KNOWN), h, mistake);

/** Whether voter `v` grants host `h`, who asks as owner or as candidate. */
export function grants(s: State, v: number, h: number, asOwner: boolean, mistake: Mistake | null): boolean {
  const holder = holderOf(s, v);
  if (holder === 1 - h) return false;
  const record = vf(s, v, V.REC);
  if (ownerOf(record) === h) return true;
  return !asOwner && holder !== SILENCE && succession(record, h, mistake);
}

/** Host `h` asks itself and `partner` and both grant; false, and nothing changed, when one does not. */
export function lease(
  n: State,
  h: number,
  partner: number,
  asOwner: boolean,
  mistake: Mistake | null,
): boolean {
  for (const v of [h, partner]) if (!grants(n, v, h, asOwner, mistake)) return false;
  for (const v of [h, partner]) setVf(n, v, V.GRANT, h * 3 + holdUnder(mistake));
  return true;
}

/** With a majority's grants the deadline goes on; a stopped guest goes on only when that loses nothing. */
export function mayRenew(s: State, h: number, mistake: Mistake | null): boolean {
  const known = hf(s, h, H.KNOWN);
  if (ownerOf(known) !== h || !hasAll(known, BEGUN | ARMED)) return false;
  if (hf(s, h, H.GIVING) === 1 && mistake !== 'continue-while-giving') return false;
  const guest = hf(s, h, H.GUEST);
  if (guest === NONE) return false;
  return guest === RUNNING || hf(s, h, H.MIRROR) === WHOLE || mistake === 'thaw-in-sync';
}

export function renew(n: State, h: number): void {
  setHf(n, h, H.PERM, LIVE);
  setHf(n, h, H.OVERLAP, 0);
  setHf(n, h, H.GUEST, RUNNING);
  setHf(n, h, H.GOT, 0);
}

/** The guard stops at the deadline, or up to its bound later. */
export const guardMayStop = (s: State, h: number): boolean =>
  hf(s, h, H.LIFE) === UP && hf(s, h, H.GUEST) === RUNNING && hf(s, h, H.PERM) <= EXPIRING;

export function guardStops(n: State, h: number): void {
  setHf(n, h, H.GUEST, STOPPED);
  setHf(n, h, H.PERM, 0);
  setHf(n, h, H.OVERLAP, 0);
}

/** Time cannot pass the guard's bound while a guest without permission still runs on a host that is awake. */
export const mayTick = (s: State): boolean =>
  [0, 1].every((h) => hf(s, h, H.LIFE) !== UP || hf(s, h, H.GUEST) !== RUNNING || hf(s, h, H.PERM) !== 0);

export function tick(n: State): void {
  for (const v of [0, 1, 2]) {
    const left = vf(n, v, V.GRANT);
    if (left > 0) setVf(n, v, V.GRANT, left % 3 === 1 ? 0 : left - 1);
  }
  for (const h of [0, 1]) {
    const perm = hf(n, h, H.PERM);
    if (perm === LIVE || perm === EXPIRING) setHf(n, h, H.PERM, perm - 1);
  }
}

/** A host wakes with its guest past the deadline: it runs until its guard has looked (the exception to I1). */
export function thaw(n: State, h: number): void {
  setHf(n, h, H.LIFE, UP);
  if (hf(n, h, H.GUEST) !== RUNNING || hf(n, h, H.PERM) > EXPIRING) return;
  setHf(n, h, H.PERM, 0);
  setHf(n, h, H.OVERLAP, 1);
}
