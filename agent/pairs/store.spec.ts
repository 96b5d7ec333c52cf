import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compareEpoch, compareRecord, type PairRecord, type PairSpec } from '../protocol/index.ts';
import { begun, claimed, firstRecord, handedOver, takenBack, withReplica } from './record.ts';
import { adopt, freshNotes, type StoredPair } from './store.ts';

const spec: PairSpec = {
  pairId: 'p1',
  config: 1,
  workload: { kind: 'vm', uuid: '0b6b1a9e-6d0c-4d53-9a5e-1f0b3a0c0001', name: 'erp' },
  members: ['atlas', 'boreas'],
  disks: [],
  definitions: {},
  autostartBefore: true,
  createdAt: 0,
};
const holds = (record: PairRecord): StoredPair => ({ spec, record, notes: freshNotes('boot-1') });
const atlas = { hostId: 'atlas', bootId: 'boot-1' };

it('keeps the newer of two records', () => {
  const old = firstRecord('p1', 'atlas', 0);
  const newer = withReplica(old, 'in-sync', 1, 1);
  expect(adopt(holds(old), { record: newer, spec }, atlas, 2).record).toBe(newer);
  expect(adopt(holds(newer), { record: old, spec }, atlas, 2).record).toBe(newer);
});

it('sets the copy of a superseded owner aside', () => {
  const own = firstRecord('p1', 'atlas', 0);
  const forced = claimed(own, 'boreas', 'boreas', 5);
  const after = adopt(holds(own), { record: forced, spec }, atlas, 9);
  expect(after.notes.quarantine).toEqual({ since: 9, ownEpoch: own.epoch, supersededBy: forced.epoch });
});

it('keeps a quarantine through later records of the new owner', () => {
  const own = firstRecord('p1', 'atlas', 0);
  const forced = claimed(own, 'boreas', 'boreas', 5);
  const quarantined = adopt(holds(own), { record: forced, spec }, atlas, 9);
  const later = adopt(quarantined, { record: begun(forced), spec }, atlas, 12);
  expect(later.notes.quarantine).toEqual(quarantined.notes.quarantine);
});

it('does not call a standby superseded', () => {
  const own = firstRecord('p1', 'boreas', 0);
  const after = adopt(holds(own), { record: withReplica(own, 'in-sync', 1), spec }, atlas, 2);
  expect(after.notes.quarantine).toBeNull();
});

it('prefers a forced change of owner over an unforced one of the same number', () => {
  const own = firstRecord('p1', 'atlas', 0);
  const forced = claimed(own, 'boreas', 'boreas', 5);
  const handed = handedOver(withReplica(own, 'stale', 3), 'boreas', 4);
  expect(compareRecord(forced, begun(begun(handed)))).toBeGreaterThan(0);
});

/** Random walks of both members, whoever is owner acting by right: epochs only rise and both agree in the end. */
it('never lets an epoch fall, and makes members that talk agree', () => {
  const move = fc.constantFrom('stale', 'sync', 'force', 'hand', 'back', 'begin', 'talk');
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom('atlas', 'boreas'), move), { maxLength: 60 }), (moves) => {
      const held: Record<string, StoredPair> = {
        atlas: holds(firstRecord('p1', 'atlas', 0)),
        boreas: holds(firstRecord('p1', 'atlas', 0)),
      };
      const get = (id: string): StoredPair => held[id] as StoredPair;
      const talk = (from: string, to: string): void => {
        held[to] = adopt(get(to), { record: get(from).record, spec }, { hostId: to, bootId: 'boot-1' }, 1);
      };
      for (const [self, what] of moves) {
        const pair = get(self);
        const other = self === 'atlas' ? 'boreas' : 'atlas';
        const before = pair.record.epoch;
        const owns = pair.record.owner === self;
        const set = (record: PairRecord): void => {
          held[self] = { ...pair, record };
        };
        if (what === 'talk') talk(self, other);
        else if (what === 'force' && !owns) set(claimed(pair.record, self, self, 1));
        else if (owns && what === 'stale') set(withReplica(pair.record, 'stale', 1));
        else if (owns && what === 'sync') set(withReplica(pair.record, 'in-sync', 1, 1));
        else if (owns && what === 'hand') set(handedOver(pair.record, other, 1));
        else if (owns && what === 'begin') set(begun(pair.record));
        else if (!owns && !pair.record.begun && what === 'back') set(takenBack(pair.record, self, 1));
        expect(compareEpoch(get(self).record.epoch, before)).toBeGreaterThanOrEqual(0);
      }
      talk('atlas', 'boreas');
      talk('boreas', 'atlas');
      expect(compareEpoch(get('atlas').record.epoch, get('boreas').record.epoch)).toBe(0);
      expect(compareRecord(get('atlas').record, get('boreas').record)).toBe(0);
    }),
    { numRuns: 300 },
  );
});
