/** One pair on two hosts (voters 0 and 1) and a witness (voter 2), a byte a field; `WIDTHS` says how many bits count. */

/** Bits of a record; its replica is in-sync or not, its former owner (who may take back) is the other host. */
export const OWNER = 1;
export const BEGUN = 2;
export const ARMED = 4;
export const SYNC = 8;
/** Came about by a takeover and has not begun: accepted only from the holder of a live lease. */
export const TAKEN = 16;

/** LIFE of a host or the witness. */
export const UP = 0;
export const OFF = 1;
export const GONE = 2;
export const FROZEN = 3;

/** AGENT: down; knows only what is on its disk; has read a majority; its own swap was the last thing it did. */
export const DOWN = 0;
export const UNREAD = 1;
export const READ = 2;
export const COMMITTED = 3;

/** GUEST */
export const NONE = 0;
export const RUNNING = 1;
export const STOPPED = 2;

/** PERM, what the guard's file permits: 0 nothing, 1 expired less than the guard bound ago, 2 a deadline, 3 standing. */
export const EXPIRING = 1;
export const LIVE = 2;
export const STANDING = 3;

/** MIRROR */
export const NO_MIRROR = 0;
export const COPYING = 1;
export const WHOLE = 2;
export const HELD = 3;

/** PROP_STATE of the swap a host has in flight. */
export const FLYING = 1;
/** A majority has accepted it; its proposer may not know. */
export const WON = 2;

/** Fields of a host, with their widths in bits. */
const HOST = {
  LIFE: 2,
  AGENT: 2,
  GUEST: 2,
  PERM: 2,
  MIRROR: 2,
  EXPORT: 1,
  FRESH: 1,
  OVERLAP: 1,
  GIVING: 1,
  GOT: 1,
  KNOWN: 5,
  KNOWN_BALLOT: 3,
  KNOWN_EPOCH: 3,
  PROP_STATE: 2,
  PROP_TO: 3,
  PROP_COUPLED: 1,
  PROP: 5,
  PROP_BALLOT: 3,
  PROP_EPOCH: 3,
} as const;
/** Fields of a voter: what it accepted last, and its grant (see `lease.ts`). */
const VOTER = { REC: 5, BALLOT: 3, EPOCH: 3, GRANT: 4 } as const;

export type HostField = keyof typeof HOST;
export type VoterField = keyof typeof VOTER;

const HOST_FIELDS = Object.keys(HOST) as HostField[];
const VOTER_FIELDS = Object.keys(VOTER) as VoterField[];

const indexOf = <F extends string>(fields: readonly F[]): Record<F, number> =>
  Object.fromEntries(fields.map((field, index) => [field, index])) as Record<F, number>;

/** Offset of a field within its host or voter. */
export const H = indexOf(HOST_FIELDS);
export const V = indexOf(VOTER_FIELDS);

const HOST_SIZE = HOST_FIELDS.length;
const VOTER_SIZE = VOTER_FIELDS.length;
const VOTERS_AT = 2 * HOST_SIZE;

/** Where host 0's and voter 0's fields are; the next ones follow at fixed distance. */
export const host = (h: number): number => h * HOST_SIZE;
export const voter = (v: number): number => VOTERS_AT + v * VOTER_SIZE;

export const W_LIFE = VOTERS_AT + 3 * VOTER_SIZE;
/** 0 sound; 1 lost its memory while nothing was armed; 2 lost it while armed or arming, or another voter's is lost too: I7 promises nothing. */
export const W_LOST = W_LIFE + 1;
/** Faults that may still happen. */
export const BUDGET = W_LOST + 1;
/** 1 when a step lowered an epoch (I2). */
export const EPOCH_FELL = BUDGET + 1;
/** Swaps that may still be caught in flight, their accept messages parted. */
export const SPLITS = EPOCH_FELL + 1;

const hostWidths = HOST_FIELDS.map((field) => HOST[field]);
const voterWidths = VOTER_FIELDS.map((field) => VOTER[field]);
export const WIDTHS: readonly number[] = [
  ...hostWidths,
  ...hostWidths,
  ...voterWidths,
  ...voterWidths,
  ...voterWidths,
  2,
  2,
  2,
  1,
  2,
];

export type State = Uint8Array;

export const at = (s: State, index: number): number => s[index] ?? 0;
export const hf = (s: State, h: number, field: number): number => s[h * HOST_SIZE + field] ?? 0;
export const setHf = (s: State, h: number, field: number, value: number): void => {
  s[h * HOST_SIZE + field] = value;
};
export const vf = (s: State, v: number, field: number): number => s[VOTERS_AT + v * VOTER_SIZE + field] ?? 0;
export const setVf = (s: State, v: number, field: number, value: number): void => {
  s[VOTERS_AT + v * VOTER_SIZE + field] = value;
};

export const ownerOf = (record: number): number => record & OWNER;
export const hasAll = (record: number, bits: number): boolean => (record & bits) === bits;

/** Host 0 runs the guest, armed and in sync, with everybody's fresh grant; nothing is known to be wrong. */
export function initialState(budget: number, splits: number): State {
  const s = new Uint8Array(WIDTHS.length);
  const record = BEGUN | ARMED | SYNC;
  for (const h of [0, 1]) {
    setHf(s, h, H.AGENT, READ);
    setHf(s, h, H.FRESH, 1);
    setHf(s, h, H.KNOWN, record);
  }
  setHf(s, 0, H.GUEST, RUNNING);
  setHf(s, 0, H.PERM, LIVE);
  setHf(s, 0, H.MIRROR, WHOLE);
  setHf(s, 1, H.EXPORT, 1);
  for (const v of [0, 1, 2]) {
    setVf(s, v, V.REC, record);
    setVf(s, v, V.GRANT, 3);
  }
  s[BUDGET] = budget;
  s[SPLITS] = splits;
  return s;
}
