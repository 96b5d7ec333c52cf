import type { LeaseView, PairRecord } from '../../../agent/protocol/index.ts';

export const pairRecord: PairRecord = {
  pairId: 'p1',
  version: 3,
  config: 1,
  epoch: { n: 1, by: '' },
  owner: 'h-atlas',
  begun: true,
  policy: 'manual',
  armed: false,
  replica: { mode: 'sync', state: 'in-sync', point: 900, since: 800 },
  forced: false,
  maintenance: null,
  members: ['h-atlas', 'h-boreas'],
  voters: ['h-atlas'],
  change: 'created',
  former: null,
  paused: false,
  profile: 'balanced',
};

/** Armed: three voters, the witness is h-pi. */
export const armedRecord: PairRecord = {
  ...pairRecord,
  policy: 'automatic',
  armed: true,
  voters: ['h-atlas', 'h-boreas', 'h-pi'],
};

/** The lease of a pair without a witness, as the owner's agent tells it. */
export function leaseView(change: Partial<LeaseView> = {}): LeaseView {
  return {
    leaseMs: 4_000,
    holdMs: 4_250,
    leftMs: null,
    heldMs: null,
    known: true,
    voters: [{ hostId: 'h-atlas', name: 'atlas', heardMsAgo: 0, current: true }],
    guard: { fit: true, on: false, why: null },
    hindrances: [],
    at: 1_000,
    ...change,
  };
}

/** The lease of an armed pair, renewed a second ago; `by` tells it. */
export function armedLease(by: 'owner' | 'standby', change: Partial<LeaseView> = {}): LeaseView {
  const self = by === 'owner' ? 'h-atlas' : 'h-boreas';
  const voters = ['atlas', 'boreas', 'pi'].map((name) => {
    const hostId = `h-${name}`;
    return { hostId, name, heardMsAgo: hostId === self ? 0 : 1_000, current: true };
  });
  return leaseView({
    leftMs: by === 'owner' ? 3_000 : null,
    heldMs: by === 'standby' ? 3_250 : null,
    voters,
    guard: { fit: true, on: by === 'owner', why: null },
    ...change,
  });
}
