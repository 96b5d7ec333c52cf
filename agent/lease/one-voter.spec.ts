import { describe, expect, it } from 'vitest';
import { freshState } from './acceptor.ts';
import { CONTRACT } from './rules.ts';
import { armedRecord, ThreeVoters } from './testing/three-voters.ts';
import { running, T } from './testing/with-hosts.ts';
import { settings, setWitness } from './transitions.ts';

describe('a pair without a witness', () => {
  const lone = (): ThreeVoters => {
    const three = new ThreeVoters({ ...armedRecord(), armed: false, voters: ['h1'] }, true);
    three.advance(2 * T);
    return three;
  };

  it('runs without a lease, is never armed, and tells its standby everything', () => {
    const three = lone();
    three.advance(3 * T);
    expect(three.node('h1').record?.armed).toBe(false);
    expect(three.site('h1').permission).toMatchObject({ kind: 'standing' });
    expect(
      three
        .node('h1')
        .view()
        .hindrances.map(({ kind }) => kind),
    ).toContain('no-witness');
    three.site('h1').replica = 'held';
    three.advance(2 * T);
    expect(three.node('h2').record).toMatchObject({ replica: { state: 'stale' } });
    expect(three.node('h2').view().known).toBe(true);
  });

  it('gives its only vote away with a switchover, and takes it back when the other never begins', () => {
    const three = lone();
    three.site('h2').capacity = false;
    three.node('h1').askHandOver();
    three.advance(T);
    expect(three.node('h2').record).toMatchObject({ owner: 'h2', voters: ['h2'], begun: false });
    three.advance(5 * T);
    expect(three.node('h1').record).toMatchObject({ owner: 'h1', voters: ['h1'], change: 'take-back' });
    expect(running(three)).toEqual(['h1']);
  });

  it('is forced by a person, and the old owner learns it', () => {
    const three = lone();
    three.cut.add('h1');
    expect(three.node('h2').force(0)).toBe(true);
    three.advance(2 * T);
    expect(running(three)).toEqual(['h1', 'h2']);
    three.cut.delete('h1');
    three.advance(3 * T);
    expect(running(three)).toEqual(['h2']);
    expect(three.site('h1').state).toBe('stopped');
    expect(three.node('h1').waiting()).toBe('forced-met');
  });

  it('starts nothing when the only voter lost its record, until a person says so', () => {
    const three = lone();
    three.disks.set('h1', freshState(false));
    const site = three.site('h1');
    Object.assign(site, { permission: null, booted: true, state: 'none', replica: 'off' });
    three.start('h1', true);
    three.advance(6 * T);
    expect(three.node('h1').record).toMatchObject({ owner: 'h1' });
    expect(three.node('h1').waiting()).toBe('state-lost');
    expect(running(three)).toEqual([]);
    three.node('h1').force(0);
    three.advance(2 * T);
    expect(running(three)).toEqual(['h1']);
  });

  it('starts after a boot only when it has read the standby’s record, which may have been forced', () => {
    const three = lone();
    three.stop('h1');
    three.node('h2').force(0);
    three.advance(T);
    const site = three.site('h1');
    Object.assign(site, { permission: null, booted: true, state: 'none', replica: 'off' });
    three.cut.add('h2');
    three.advance(5);
    three.start('h1', true);
    three.advance(3 * T);
    expect(three.node('h1').waiting()).toBe('ask-standby');
    three.cut.delete('h2');
    three.advance(3 * T);
    expect(running(three)).toEqual(['h2']);
  });

  it('gets a witness and is armed, loses it and is not', () => {
    const three = lone();
    const results: string[] = [];
    three.node('h1').order(setWitness('w', true, CONTRACT), (result) => results.push(result));
    three.advance(3 * T);
    expect(three.node('w').record).toMatchObject({ voters: ['h1', 'h2', 'w'], armed: true });
    three.node('h1').order(setWitness(null, false, CONTRACT), (result) => results.push(result));
    three.advance(T);
    three.node('h2').order(settings({ paused: true }), (result) => results.push(result));
    three.advance(T);
    three.node('h2').order(setWitness(null, false, CONTRACT), (result) => results.push(result));
    three.advance(2 * T);
    expect(results).toEqual(['done', 'refused: armed', 'done', 'done']);
    expect(three.node('h2').record).toMatchObject({ voters: ['h1'], armed: false });
    expect(three.site('h1').permission).toMatchObject({ kind: 'standing' });
  });
});
