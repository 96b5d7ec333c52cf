import {
  at,
  COMMITTED,
  EPOCH_FELL,
  FLYING,
  GONE,
  H,
  hf,
  ownerOf,
  READ,
  type State,
  setHf,
  setVf,
  TAKEN,
  UNREAD,
  UP,
  V,
  vf,
  W_LIFE,
  W_LOST,
  WON,
} from './layout.ts';
import { holderOf } from './lease.ts';

/**
 * The record as CASPaxos. A swap prepares and reads a majority in one instant; then either that majority accepts at
 * once, or (as often as the setting says) the swap is *split*: its accept messages reach each voter at any later time
 * or never, also after its proposer's death. A promise is modelled by what it prevents: the
 * accept messages of the other host that the promising voter would now refuse are taken off the wire. A host has one
 * swap on the wire; a new one overtakes it. Ballots and epochs are only compared, so they are renumbered by rank, and
 * histories of any length have finitely many states.
 */

export const voterUp = (s: State, v: number): boolean =>
  v === 2
    ? at(s, W_LIFE) === UP && at(s, W_LOST) === 0
    : hf(s, v, H.LIFE) === UP && hf(s, v, H.AGENT) >= UNREAD;

export const voterGone = (s: State, v: number): boolean =>
  (v === 2 ? at(s, W_LIFE) : hf(s, v, H.LIFE)) === GONE;

/** The second voter of every majority that host `h` could read now, itself being the first. */
export const PARTNERS: readonly (readonly number[])[] = [
  [1, 2],
  [0, 2],
];

/** Of two voters, the one whose accepted ballot is higher. */
export const newerVoter = (s: State, a: number, b: number): number =>
  vf(s, a, V.BALLOT) >= vf(s, b, V.BALLOT) ? a : b;

export const agreed = (s: State, a: number, b: number): boolean => vf(s, a, V.BALLOT) === vf(s, b, V.BALLOT);

/** Host `h` learns a chosen record. Who is not its owner loses its permission and what it had asked for. */
export function adopt(n: State, h: number, record: number, ballot: number, epoch: number): void {
  if (ballot <= hf(n, h, H.KNOWN_BALLOT)) return;
  if (epoch < hf(n, h, H.KNOWN_EPOCH)) n[EPOCH_FELL] = 1;
  if (epoch !== hf(n, h, H.KNOWN_EPOCH)) setHf(n, h, H.GOT, 0);
  setHf(n, h, H.KNOWN, record);
  setHf(n, h, H.KNOWN_BALLOT, ballot);
  setHf(n, h, H.KNOWN_EPOCH, epoch);
  setHf(n, h, H.AGENT, Math.min(hf(n, h, H.AGENT), READ));
  if (ownerOf(record) === h) return;
  setHf(n, h, H.PERM, 0);
  setHf(n, h, H.GIVING, 0);
}

export function dropProp(n: State, h: number): void {
  for (const field of [H.PROP_STATE, H.PROP_TO, H.PROP_COUPLED, H.PROP, H.PROP_BALLOT, H.PROP_EPOCH])
    setHf(n, h, field, 0);
}

/** Takes host `h`'s accept messages to the voters in `mask` off the wire. */
export function block(n: State, h: number, mask: number): void {
  if (hf(n, h, H.PROP_STATE) === 0) return;
  const left = hf(n, h, H.PROP_TO) & ~mask;
  setHf(n, h, H.PROP_TO, left);
  if (left === 0 && hf(n, h, H.PROP_STATE) === FLYING) dropProp(n, h);
}

function topBallot(s: State): number {
  let top = 0;
  for (const v of [0, 1, 2]) top = Math.max(top, vf(s, v, V.BALLOT));
  for (const h of [0, 1]) top = Math.max(top, hf(s, h, H.KNOWN_BALLOT), hf(s, h, H.PROP_BALLOT));
  return top;
}

/** A swap made at `h` and `partner` in one instant, and heard of; false when a voter refuses an uncoupled takeover. */
export function commit(
  n: State,
  h: number,
  partner: number,
  record: number,
  epoch: number,
  coupling: boolean,
): boolean {
  const coupled = coupling && (record & TAKEN) !== 0;
  if (coupled && [h, partner].some((v) => !grantedTo(n, v, record, epoch))) return false;
  const ballot = topBallot(n) + 1;
  for (const one of [0, 1]) block(n, one, (1 << h) | (1 << partner));
  for (const v of [h, partner]) accept(n, v, record, ballot, epoch);
  adopt(n, h, record, ballot, epoch);
  setHf(n, h, H.AGENT, COMMITTED);
  setHf(n, h, H.GIVING, 0);
  if (partner !== 2) adopt(n, partner, record, ballot, epoch);
  return true;
}

/** A swap that is split: prepared at `h` and `partner`, on its way to every voter. */
export function propose(n: State, h: number, partner: number, record: number, epoch: number): void {
  block(n, 1 - h, (1 << h) | (1 << partner));
  const ballot = topBallot(n) + 1;
  let to = 0;
  for (const v of [0, 1, 2]) if (!voterGone(n, v)) to |= 1 << v;
  setHf(n, h, H.PROP_STATE, FLYING);
  setHf(n, h, H.PROP_TO, to);
  setHf(n, h, H.PROP_COUPLED, (record & TAKEN) === 0 ? 0 : 1);
  setHf(n, h, H.PROP, record);
  setHf(n, h, H.PROP_BALLOT, ballot);
  setHf(n, h, H.PROP_EPOCH, epoch);
  setHf(n, h, H.AGENT, Math.min(hf(n, h, H.AGENT), READ));
}

/** Whether a swap from what `h` knows would find it unchanged at itself and `partner`. */
export const unchanged = (s: State, h: number, partner: number): boolean =>
  vf(s, newerVoter(s, h, partner), V.BALLOT) === hf(s, h, H.KNOWN_BALLOT);

function accept(n: State, v: number, record: number, ballot: number, epoch: number): void {
  setVf(n, v, V.REC, record);
  setVf(n, v, V.BALLOT, ballot);
  setVf(n, v, V.EPOCH, epoch);
  for (const h of [0, 1]) if (hf(n, h, H.PROP_BALLOT) < ballot) block(n, h, 1 << v);
}

/** True when voter `v` accepts host `h`'s message now: no newer ballot, and a takeover only under a live lease. */
export function mayDeliver(s: State, h: number, v: number, coupling: boolean): boolean {
  if ((hf(s, h, H.PROP_TO) & (1 << v)) === 0 || !voterUp(s, v)) return false;
  if (vf(s, v, V.BALLOT) >= hf(s, h, H.PROP_BALLOT)) return false;
  return (
    !coupling || hf(s, h, H.PROP_COUPLED) === 0 || grantedTo(s, v, hf(s, h, H.PROP), hf(s, h, H.PROP_EPOCH))
  );
}

/** A takeover into an epoch that is new to voter `v`: whoever carries it there, its new owner must hold the lease of `v`. */
const grantedTo = (s: State, v: number, record: number, epoch: number): boolean =>
  vf(s, v, V.EPOCH) >= epoch || holderOf(s, v) === ownerOf(record);

export function deliver(n: State, h: number, v: number): void {
  const ballot = hf(n, h, H.PROP_BALLOT);
  accept(n, v, hf(n, h, H.PROP), ballot, hf(n, h, H.PROP_EPOCH));
  setHf(n, h, H.PROP_TO, hf(n, h, H.PROP_TO) & ~(1 << v));
  let holders = 0;
  for (const one of [0, 1, 2]) if (!voterGone(n, one) && vf(n, one, V.BALLOT) === ballot) holders += 1;
  if (holders >= 2) setHf(n, h, H.PROP_STATE, WON);
  else if (hf(n, h, H.PROP_STATE) === FLYING && hf(n, h, H.PROP_TO) === 0) dropProp(n, h);
}

/** The proposer hears that its swap was chosen, at once or much later. */
export function hear(n: State, h: number): void {
  if (hf(n, h, H.PROP_BALLOT) > hf(n, h, H.KNOWN_BALLOT)) {
    adopt(n, h, hf(n, h, H.PROP), hf(n, h, H.PROP_BALLOT), hf(n, h, H.PROP_EPOCH));
    setHf(n, h, H.AGENT, COMMITTED);
    setHf(n, h, H.GIVING, 0);
  }
  dropProp(n, h);
}

/** A message of host `h`, which carries the record it knows, reaches voter `v` that has an older one. */
export function gossip(n: State, h: number, v: number): void {
  const [record, ballot, epoch] = [hf(n, h, H.KNOWN), hf(n, h, H.KNOWN_BALLOT), hf(n, h, H.KNOWN_EPOCH)];
  if (ballot > vf(n, v, V.BALLOT)) accept(n, v, record, ballot, epoch);
  if (v !== 2) adopt(n, v, record, ballot, epoch);
}

/** A majority answered alike: chosen. */
export function learn(n: State, h: number): void {
  adopt(n, h, vf(n, h, V.REC), vf(n, h, V.BALLOT), vf(n, h, V.EPOCH));
  setHf(n, h, H.AGENT, Math.max(hf(n, h, H.AGENT), READ));
}

const BALLOTS: number[] = [];
const EPOCHS: number[] = [];
{
  const hostSize = Object.keys(H).length;
  const voterSize = Object.keys(V).length;
  for (const h of [0, 1]) {
    BALLOTS.push(h * hostSize + H.KNOWN_BALLOT, h * hostSize + H.PROP_BALLOT);
    EPOCHS.push(h * hostSize + H.KNOWN_EPOCH, h * hostSize + H.PROP_EPOCH);
  }
  for (const v of [0, 1, 2]) {
    BALLOTS.push(2 * hostSize + v * voterSize + V.BALLOT);
    EPOCHS.push(2 * hostSize + v * voterSize + V.EPOCH);
  }
}

/** Renumbers by rank; 0 stays, it is the first record's (a restored backup has it). */
export function renumber(n: State): void {
  rank(n, BALLOTS);
  rank(n, EPOCHS);
}

function rank(n: State, fields: readonly number[]): void {
  let used = 1;
  for (const field of fields) used |= 1 << at(n, field);
  if ((used & (used + 1)) === 0) return;
  for (const field of fields) {
    let below = used & ((1 << at(n, field)) - 1);
    let count = 0;
    for (; below !== 0; below &= below - 1) count += 1;
    n[field] = count;
  }
}
