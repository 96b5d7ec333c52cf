import { describe, expect, it } from 'vitest';
import { armedRecord, ThreeVoters } from './testing/three-voters.ts';
import { armed, running, T } from './testing/with-hosts.ts';

describe('a pair with its hosts', () => {
  it('renews the deadline, and fails over when the owner is gone', () => {
    const three = armed();
    expect(three.site('h1').permission).toMatchObject({ kind: 'deadline' });
    three.cut.add('h1');
    three.advance(4 * T);
    expect(running(three)).toEqual(['h2']);
    expect(three.site('h1').state).toBe('stopped');
    const events = three.told.map(({ who, event }) => `${who} ${event}`);
    for (const one of ['h1 lease-missed', 'h1 lease-lapsed', 'h2 candidate', 'h2 take-over', 'h2 begun'])
      expect(events).toContain(one);
  });

  it('writes a takeover that reached its own voter only back, with the candidate’s lease again (model, 4)', () => {
    const three = armed();
    three.cut.add('h1');
    three.drop = ({ body }) => body.kind === 'accept' && body.record.change === 'takeover';
    three.advance(3 * T);
    expect(three.disks.get('h2')?.accepted?.record).toMatchObject({ owner: 'h2', begun: false });
    expect(three.disks.get('w')?.accepted?.record).toMatchObject({ owner: 'h1' });
    three.advance(3 * T);
    three.drop = () => false;
    three.advance(4 * T);
    expect(running(three)).toEqual(['h2']);
  });

  it('does not continue after a restart while a hand-over of before may be under way (model, 2 and 3)', () => {
    const three = armed();
    // The hand-over reaches the witness only; neither the owner's own voter nor the standby hears of it.
    three.drop = ({ body, to }) => body.kind === 'accept' && body.record.change === 'hand-over' && to !== 'w';
    three.diskFails.add('h1');
    three.node('h1').askHandOver();
    const given = (): boolean => three.disks.get('w')?.accepted?.record.change === 'hand-over';
    for (let i = 0; i < 20 && !given(); i += 1) three.advance(20);
    expect(three.disks.get('w')?.accepted?.record).toMatchObject({ owner: 'h2', change: 'hand-over' });
    expect(three.site('h1').state).toBe('stopped');
    three.diskFails.clear();
    three.drop = () => false;
    // Its new life hears the standby only, the standby has heard nothing: both hold the armed record.
    three.drop = ({ from, to }) => (from === 'h1' && to === 'w') || (from === 'w' && to === 'h1');
    three.start('h1', true);
    three.advance(100);
    // The lease is renewed by then, and continues nothing; now the other two carry the hand-over through.
    expect(three.site('h1')).toMatchObject({ state: 'stopped', permission: { kind: 'deadline' } });
    three.cut.add('h1');
    for (let i = 0; i < 300; i += 1) {
      three.advance(20);
      expect(running(three).length).toBeLessThanOrEqual(1);
    }
    expect(running(three)).toEqual(['h2']);
    three.cut.delete('h1');
    three.drop = () => false;
    three.advance(6 * T);
    expect(running(three)).toHaveLength(1);
  });

  it('leaves guard mode only on an own committed swap: an armed of unknown outcome is settled first (model, 1)', () => {
    const three = new ThreeVoters({ ...armedRecord(), armed: false }, true);
    // The arming record reaches the witness only, and everybody's answers to it are lost.
    let arming = false;
    three.drop = ({ body, to }) => {
      const arms = body.kind === 'accept' && body.record.armed;
      arming ||= arms;
      return arms ? to !== 'w' : arming && body.kind === 'accepted';
    };
    three.advance(2 * T);
    expect(three.disks.get('w')?.accepted?.record.armed).toBe(true);
    // While it is in doubt the owner keeps to its lease, though a majority (h1, h2) still says unarmed.
    expect(three.site('h1').permission).toMatchObject({ kind: 'deadline' });
    // The owner is cut off; whatever the other two make of it, two never run.
    three.drop = () => false;
    three.cut.add('h1');
    for (let i = 0; i < 400; i += 1) {
      three.advance(20);
      expect(running(three).length).toBeLessThanOrEqual(1);
    }
  });

  it('continues a frozen guest by an explicit order only, once a majority has confirmed the owner', () => {
    const three = armed();
    // Renewals are lost until the guest is frozen; everything else goes on.
    three.drop = ({ body }) => body.kind === 'granted';
    three.advance(1.4 * T);
    expect(three.site('h1').state).toBe('stopped');
    expect(three.site('h1').permission).not.toHaveProperty('resumed');
    three.drop = () => false;
    three.advance(T);
    expect(three.site('h1').state).toBe('running');
    expect(three.site('h1').permission).toHaveProperty('resumed');
    expect(three.told.map(({ event }) => event)).toContain('confirmed');
  });

  it('records stale, then lets a frozen guest with a broken mirror go on', () => {
    const three = armed();
    three.drop = ({ body }) => body.kind === 'granted';
    three.advance(1.1 * T);
    expect(three.site('h1').state).toBe('stopped');
    three.site('h1').replica = 'held';
    three.drop = () => false;
    three.advance(T);
    expect(three.node('h1').record).toMatchObject({ armed: false, owner: 'h1' });
    expect(three.site('h1').state).toBe('running');
  });

  it('hands a guest whose disks fail to the host whose disks are good', () => {
    const three = armed();
    three.site('h1').state = 'faulted';
    three.node('h1').look();
    three.advance(T);
    expect(running(three)).toEqual(['h2']);
  });

  it('shows what a status needs', () => {
    const three = armed();
    const owner = three.node('h1').view();
    expect(owner).toMatchObject({ known: true, heldMs: null, hindrances: [] });
    expect(owner.leftMs).toBeGreaterThan(0);
    expect(owner.voters.map(({ id, current }) => [id, current])).toEqual([
      ['h1', true],
      ['h2', true],
      ['w', true],
    ]);
    expect(three.node('h2').view().heldMs).toBeGreaterThan(0);
    three.cut.add('w');
    three.advance(4 * T);
    expect(three.node('h1').record?.armed).toBe(false);
    expect(three.node('h1').view().hindrances).toMatchObject([{ kind: 'voter-missing:w' }]);
    expect(three.told.find(({ event }) => event === 'disarmed')?.text).toMatch(
      /^disarmed: w missing for [345] s$/,
    );
  });

  it('reads again after a take-back that came too late, instead of asking for ever', () => {
    const three = armed();
    three.cut.add('h1');
    three.advance(3 * T);
    expect(running(three)).toEqual(['h2']);
    three.cut.delete('h1');
    three.advance(6 * T);
    expect(three.node('h1').view()).toMatchObject({ known: true });
    expect(three.site('h1')).toMatchObject({ state: 'none', quarantined: true });
  });

  it('tells of every copy that is ended on the standby, also of a second one in one epoch', () => {
    const three = armed();
    three.cut.add('h1');
    three.advance(4 * T);
    three.cut.clear();
    three.advance(2 * T);
    const ended = (): number => three.told.filter(({ event }) => event === 'superseded').length;
    expect(ended()).toBe(1);
    three.site('h1').state = 'running';
    three.node('h1').look();
    three.advance(T);
    expect(three.site('h1').state).toBe('none');
    expect(ended()).toBe(2);
  });

  it('does not take for its guest what somebody started from the copy', () => {
    const three = armed();
    three.cut.add('h1');
    const site = three.site('h2');
    site.state = 'running';
    site.guard();
    three.advance(6 * T);
    expect(site.did).toContain('start');
    expect(running(three)).toEqual(['h2']);
  });

  it('permits after a boot nothing that an admin started, before it has asked the standby', () => {
    const three = new ThreeVoters({ ...armedRecord(), armed: false, policy: 'manual' }, true);
    three.stop('h1');
    const site = three.site('h1');
    site.permission = null;
    site.booted = true;
    three.cut.add('h2');
    site.state = 'running';
    three.start('h1', true);
    three.advance(3 * T);
    expect(site.permission).toBeNull();
    expect(three.node('h1').waiting()).toBeNull();
    site.state = 'none';
    three.advance(T);
    expect(three.node('h1').waiting()).toBe('ask-standby');
    three.cut.delete('h2');
    three.advance(2 * T);
    expect(running(three)).toEqual(['h1']);
  });
});
