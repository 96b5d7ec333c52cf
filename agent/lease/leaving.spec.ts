import { describe, expect, it } from 'vitest';
import { armedRecord, ThreeVoters } from './testing/three-voters.ts';

const T = 1200;

/** An armed pair whose owner's guest is at the end of its live migration, its memory on the other host. */
function leaving(): ThreeVoters {
  const three = new ThreeVoters(armedRecord(), true);
  three.advance(2 * T);
  three.site('h2').state = 'incoming';
  three.node('h2').look();
  three.site('h1').want = 'moving';
  three.site('h1').state = 'leaving';
  three.node('h1').look();
  three.advance(100);
  return three;
}
const recordOf = (three: ThreeVoters) => three.node('w').record;
const running = (three: ThreeVoters): string[] =>
  (['h1', 'h2'] as const).filter((host) => three.site(host).state === 'running');

describe('a machine that moves while it runs', () => {
  it('lets the process be there that waits for the memory, and renews that', () => {
    const three = leaving();
    const permit = () => three.site('h2').permission;
    expect(permit()).toMatchObject({ kind: 'deadline', epoch: { n: 1 } });
    const first = permit();
    three.advance(T);
    expect(permit()).not.toEqual(first);
    expect(three.site('h2').state).toBe('incoming');
  });

  it('disarms before anything is taken from it, and leaves it standing still', () => {
    const three = leaving();
    expect(recordOf(three)).toMatchObject({ owner: 'h1', armed: false, replica: { state: 'in-sync' } });
    three.advance(4 * T);
    expect(three.site('h1').state).toBe('leaving');
  });

  it('disarms a moment earlier when told that it is near', () => {
    const three = new ThreeVoters(armedRecord(), true);
    three.advance(2 * T);
    three.site('h1').want = 'leaving';
    three.node('h1').look();
    three.advance(200);
    expect(recordOf(three)).toMatchObject({ armed: false });
    // Neither is it armed again, nor disturbed.
    three.advance(4 * T);
    expect(recordOf(three)).toMatchObject({ armed: false, replica: { state: 'in-sync' } });
    expect(three.site('h1').state).toBe('running');
    three.site('h1').want = 'run';
    three.advance(4 * T);
    expect(recordOf(three)).toMatchObject({ armed: true });
  });

  it('is given away by one swap, goes on there, and its process here is ended', () => {
    const three = leaving();
    const answers: string[] = [];
    three.node('h1').askHandOver((result) => answers.push(result));
    three.advance(500);
    expect(answers).toEqual(['done']);
    expect(recordOf(three)).toMatchObject({ owner: 'h2', begun: true, change: 'hand-over', epoch: { n: 2 } });
    expect(running(three)).toEqual(['h2']);
    expect(three.site('h2').did).toEqual(expect.arrayContaining(['start', 'continue']));
    expect(three.site('h1').state).toBe('none');
  });

  it('is taken back at once when the other says that it cannot go on with it', () => {
    const three = leaving();
    const { site } = { site: three.site('h2') };
    site.startGuest = (done) => {
      site.state = 'none';
      site.capacity = false;
      done(false);
    };
    three.node('h1').askHandOver();
    three.advance(200);
    expect(recordOf(three)).toMatchObject({ owner: 'h2', begun: false });
    three.node('h1').takeBackNow();
    three.advance(T / 2);
    three.site('h1').want = 'run';
    three.node('h1').look();
    three.advance(2 * T);
    expect(recordOf(three)).toMatchObject({ owner: 'h1', begun: true, change: 'take-back' });
    expect(running(three)).toEqual(['h1']);
    expect(three.site('h1').did).not.toContain('start');
  });

  it('goes on where it was when nobody moves it any more: stale first, since its mirror is gone', () => {
    const three = leaving();
    three.site('h1').replica = 'off';
    three.site('h1').want = 'run';
    three.node('h1').look();
    expect(three.site('h1').did).not.toContain('continue');
    three.advance(2 * T);
    expect(recordOf(three)).toMatchObject({ owner: 'h1', replica: { state: 'stale' } });
    expect(running(three)).toEqual(['h1']);
  });

  it('goes on with its mirror when that is still whole', () => {
    const three = leaving();
    three.site('h1').want = 'run';
    three.node('h1').look();
    three.advance(T / 2);
    expect(recordOf(three)).toMatchObject({ owner: 'h1', replica: { state: 'in-sync' } });
    expect(running(three)).toEqual(['h1']);
  });

  it('drops what came in when its sender is gone, and takes over', () => {
    const three = new ThreeVoters(armedRecord(), true);
    three.advance(2 * T);
    three.site('h2').state = 'incoming';
    three.node('h2').look();
    three.cut.add('h1');
    three.advance(5 * T);
    expect(three.site('h2').did).toEqual(expect.arrayContaining(['drop', 'start', 'continue']));
    expect(running(three)).toEqual(['h2']);
  });

  it('goes on with nothing that came in for an epoch that came about otherwise', () => {
    const three = leaving();
    three.cut.add('h1');
    three.node('h2').force(0);
    three.advance(2 * T);
    expect(three.site('h2').did.indexOf('drop')).toBeGreaterThanOrEqual(0);
    expect(three.site('h2').did.indexOf('drop')).toBeLessThan(three.site('h2').did.indexOf('start'));
  });
});
