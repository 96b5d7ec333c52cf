import { describe, expect, it } from 'vitest';
import type { RecordMode } from '../protocol/index.ts';
import type { LeaseRecord } from './record.ts';
import { CONTRACT } from './rules.ts';
import { armedRecord, ThreeVoters } from './testing/three-voters.ts';
import { running, T } from './testing/with-hosts.ts';
import * as t from './transitions.ts';

const kept = (mode: RecordMode): LeaseRecord => {
  const record = armedRecord();
  return { ...record, replica: { ...record.replica, mode } };
};

/** An armed pair on shared disks. A host starts nothing from them while the other has a process there. */
const armed = (mode: RecordMode = 'shared'): ThreeVoters => {
  const three = new ThreeVoters(kept(mode), true);
  for (const [host, other] of [
    ['h1', 'h2'],
    ['h2', 'h1'],
  ] as const) {
    const site = three.site(host);
    const start = site.startGuest.bind(site);
    site.startGuest = (done) => (three.site(other).state === 'none' ? start(done) : done(false));
  }
  three.advance(2 * T);
  return three;
};

describe('a pair on shared disks', () => {
  it('has its process ended where its lease ran out, so that the other host can start', () => {
    const three = armed();
    three.cut.add('h1');
    three.advance(4 * T);
    expect(three.site('h1')).toMatchObject({ state: 'none', permission: { kind: 'ended' } });
    expect(running(three)).toEqual(['h2']);
  });

  it('would keep the other from starting if it were only frozen', () => {
    const three = armed('sync');
    three.cut.add('h1');
    three.advance(4 * T);
    expect(three.site('h1').state).toBe('stopped');
    expect(running(three)).toEqual([]);
  });

  it('goes on with a process that was frozen for less than the voters hold its lease', () => {
    const three = armed();
    three.cut.add('h1');
    const { leaseMs, holdMs } = three.timing;
    // From its last renewal on; the cut may have come up to a third of T later.
    for (let ms = 0; ms < 2 * leaseMs && three.site('h1').state !== 'stopped'; ms += 10) three.advance(10);
    expect(three.site('h1').state).toBe('stopped');
    three.advance((holdMs - leaseMs) / 4);
    expect(three.site('h1').permission?.kind).toBe('deadline');
    three.cut.delete('h1');
    three.advance(4 * T);
    expect(running(three)).toHaveLength(1);
  });

  it('ends its process as soon as another is the owner, also by force: nothing is lost with it', () => {
    const three = armed();
    three.site('h1').fit = false;
    three.cut.add('h2');
    three.node('h2').force(0);
    three.advance(50);
    expect(three.site('h1').state).toBe('running');
    three.cut.delete('h2');
    three.advance(4 * T);
    expect(three.site('h1').state).toBe('none');
    expect(running(three)).toEqual(['h2']);
  });

  it('never has both hosts run, whenever the cut comes and goes', () => {
    for (let from = 0; from < T; from += 70) {
      const three = armed();
      three.advance(from);
      three.cut.add('h1');
      for (let i = 0; i < 250; i += 1) {
        if (i === 120) three.cut.delete('h1');
        three.advance(20);
        expect(running(three).length).toBeLessThanOrEqual(1);
      }
      three.advance(4 * T);
      expect(running(three)).toHaveLength(1);
    }
  });
});

describe('a machine that is taken back because the other host did not begin', () => {
  const takenBack = (mode: RecordMode): ThreeVoters => {
    const three = new ThreeVoters(kept(mode), true);
    // As where its copy was promoted and QEMU failed then.
    three.site('h2').startGuest = (done) => done(false);
    three.advance(2 * T);
    three.cut.add('h1');
    three.advance(4 * T);
    expect(three.node('h2').record).toMatchObject({ owner: 'h2', begun: false });
    expect(three.site('h1').state).toBe('stopped');
    three.cut.delete('h1');
    three.advance(8 * T);
    expect(three.node('h1').record).toMatchObject({ owner: 'h1', begun: true });
    expect(running(three)).toEqual(['h1']);
    return three;
  };

  it('goes on with its frozen process', () => {
    expect(takenBack('sync').site('h1').did).not.toContain('start');
  });

  it('is started anew where the other host may have had its copy promoted: the frozen process has a demoted one open', () => {
    expect(takenBack('external-sync').site('h1').did).toContain('start');
  });
});

describe('who keeps the copy', () => {
  const manual = (mode: RecordMode): LeaseRecord => ({ ...kept(mode), armed: false, policy: 'manual' });
  const set = (from: RecordMode, to: RecordMode) => t.setMode(1, 'h1', to, 9, CONTRACT)(manual(from));

  it.each([
    ['sync', 'shared'],
    ['shared', 'sync'],
    ['external', 'interval'],
    ['shared', 'external-sync'],
    ['async', 'external'],
  ] as const)('does not change from %s to %s', (from, to) => {
    expect(set(from, to)).toEqual({ refused: 'keeper' });
  });

  it('may say of his replication that it is synchronous, or no more', () => {
    expect(set('external', 'external-sync')).toMatchObject({
      replica: { mode: 'external-sync', state: 'stale' },
    });
    expect(set('external-sync', 'external')).toMatchObject({ replica: { mode: 'external', state: 'stale' } });
    const automatic: LeaseRecord = { ...manual('external-sync'), policy: 'automatic' };
    expect(t.setMode(1, 'h1', 'external', 9, CONTRACT)(automatic)).toEqual({ refused: 'mode' });
  });

  it.each(['shared', 'external-sync'] as const)('%s may be in sync, automatic and armed', (mode) => {
    expect(t.mayArm({ ...kept(mode), armed: false })).toBe(true);
    expect(t.takeOver('h2', 1, CONTRACT)(kept(mode))).toMatchObject({ owner: 'h2', armed: false });
  });

  it('of an asynchronous replication nobody may count on', () => {
    expect(t.mayArm({ ...kept('external'), armed: false })).toBe(false);
    expect(t.replicaBecomes(1, 'h1', 'in-sync', 1, CONTRACT)(manual('external'))).toEqual({
      refused: 'mode',
    });
    expect(t.settings({ policy: 'automatic' })(manual('external'))).toEqual({ refused: 'mode' });
  });
});
