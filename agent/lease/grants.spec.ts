import { describe, expect, it } from 'vitest';
import { Grants, type LeaseRequest } from './grants.ts';
import { armedRecord } from './testing/three-voters.ts';
import { timingOf } from './timing.ts';

const TIMING = timingOf('fast', 100);
const HOLD = TIMING.holdMs;
const record = armedRecord();
const ask = (from: string, id: number, candidate: boolean, leaseMs = TIMING.leaseMs): LeaseRequest => ({
  from,
  id,
  candidate,
  leaseMs,
});

describe('voter’s side of the lease', () => {
  it('holds a grant up to and including the last instant', () => {
    const grants = new Grants(TIMING, null);
    expect(grants.request(ask('h1', 1, false), record, 1000)).toBeNull();
    expect(grants.holder(1000 + HOLD)).toBe('h1');
    expect(grants.request(ask('h2', 1, true), record, 1000 + HOLD)).toBe('held-by-other');
    expect(grants.request(ask('h2', 1, true), record, 1000 + HOLD + 1)).toBeNull();
  });

  it('grants after a start only to the recorded owner, until one hold has passed', () => {
    const grants = new Grants(TIMING, 1000);
    expect(grants.request(ask('h2', 1, true), record, 1000 + HOLD)).toBe('silent');
    expect(grants.request(ask('h1', 1, false), record, 1010)).toBeNull();
    const other = new Grants(TIMING, 1000);
    expect(other.request(ask('h2', 1, true), record, 1000 + HOLD + 1)).toBeNull();
  });

  it.each([
    ['unarmed', { armed: false }],
    ['not-in-sync', { replica: { mode: 'sync', state: 'stale', point: null, since: 0 } }],
    ['not-begun', { begun: false }],
    ['paused', { paused: true }],
    ['paused', { policy: 'manual' }],
    ['paused', { maintenance: { until: 1, reason: '' } }],
  ] as const)('denies a candidate: %s', (reason, change) => {
    const grants = new Grants(TIMING, null);
    expect(grants.request(ask('h2', 1, true), { ...record, ...change }, 0)).toBe(reason);
  });

  it('denies the owner’s lease to anybody else, and everything without a record', () => {
    const grants = new Grants(TIMING, null);
    expect(grants.request(ask('h2', 1, false), record, 0)).toBe('not-the-owner');
    expect(grants.request(ask('w', 1, true), record, 0)).toBe('not-the-standby');
    expect(grants.request(ask('h1', 1, false), null, 0)).toBe('no-record');
  });

  it('frees what is given back, but not by a message that a later request overtook', () => {
    const grants = new Grants(TIMING, null);
    grants.request(ask('h1', 5, false), record, 0);
    grants.release('h1', 4);
    expect(grants.holder(1)).toBe('h1');
    grants.release('h2', 9);
    expect(grants.holder(1)).toBe('h1');
    grants.release('h1', 5);
    expect(grants.holder(1)).toBeNull();
  });
});
