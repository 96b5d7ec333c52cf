import { describe, expect, it } from 'vitest';
import type { PairView } from '../../../src-main/contract/index.ts';
import { fleet, host, offline, pair, task } from '../../../src-main/contract/testing-fleet.ts';
import { actionReasons, foremost } from './actions.ts';

function open(health: PairView['health'], atlasLost = false, boreasLost = false): string[] {
  const of = pair('mail', 'atlas', 'boreas', health);
  const hosts = [
    host('atlas', atlasLost ? { connection: offline } : {}),
    host('boreas', boreasLost ? { connection: offline } : {}),
  ];
  const reasons = actionReasons(of, fleet(hosts, [], [of]));
  return Object.entries(reasons)
    .filter(([, reason]) => reason === null)
    .map(([kind]) => kind);
}

describe('orders that can be given', () => {
  it('depend on what answers and what is complete', () => {
    expect(open('in-sync')).toEqual(['switchover', 'end']);
    expect(open('primary-lost', true)).toEqual(['failover']);
    expect(open('standby-lost', false, true)).toEqual(['end']);
    expect(open('not-in-sync')).toEqual(['return', 'end']);
    expect(open('quarantined')).toEqual(['return', 'revert', 'end']);
    expect(open('copying')).toEqual(['end']);
    expect(open('unknown', true, true)).toEqual([]);
  });

  it("another host takes the standby's place while the machine runs and its host answers", () => {
    const kinds = (health: PairView['health'], atlas = {}) => {
      const of = pair('mail', 'atlas', 'boreas', health);
      const hosts = [host('atlas', atlas), host('boreas', { connection: offline }), host('cora')];
      return actionReasons(of, fleet(hosts, [], [of])).replace;
    };
    expect(kinds('standby-lost')).toBeNull();
    expect(kinds('in-sync')).toBeNull();
    expect(kinds('stopped')).toMatch(/not running/);
    expect(kinds('primary-lost', { connection: offline })).toMatch(/atlas does not answer/);
  });

  it('wait for the one that runs, and say which', () => {
    const of = pair('mail', 'atlas', 'boreas');
    const snapshot = fleet([host('atlas'), host('boreas')], [], [of], [task(of.id, 'resync', 'atlas')]);
    expect(new Set(Object.values(actionReasons(of, snapshot)))).toEqual(
      new Set(['Wait until this is finished: Update the copy of mail.']),
    );
  });

  it('put forward the one that mends what is wrong', () => {
    expect(foremost(pair('m', 'a', 'b', 'primary-lost'))).toBe('failover');
    expect(foremost(pair('m', 'a', 'b', 'quarantined'))).toBe('return');
    expect(foremost(pair('m', 'a', 'b'))).toBeNull();
  });
});
