import { describe, expect, it } from 'vitest';
import { CONTRACT } from './rules.ts';
import { armedRecord } from './testing/three-voters.ts';
import { armed, running, T } from './testing/with-hosts.ts';
import { force, notTheCopy } from './transitions.ts';

describe('a copy that ended uncleanly while it acknowledged from memory', () => {
  it('counts for nothing whatever the record says, but by a person’s decision', () => {
    const record = armedRecord();
    expect(notTheCopy(record, true, CONTRACT)).toBe('unclean');
    expect(notTheCopy(record, false, CONTRACT)).toBeNull();
    expect(notTheCopy(force(record, 'h2', 1), true, CONTRACT)).toBeNull();
    expect(notTheCopy(record, true, { ...CONTRACT, needClean: false })).toBeNull();
  });

  it('is not taken over when its owner is lost, and its host says why', () => {
    const three = armed();
    three.site('h2').dirty = true;
    three.stop('h1');
    three.site('h1').state = 'none';
    three.advance(6 * T);
    expect(running(three)).toEqual([]);
    expect(three.node('h2').record).toMatchObject({ owner: 'h1', epoch: { n: 1 } });
    expect(three.told).toContainEqual(
      expect.objectContaining({
        who: 'h2',
        event: 'no-candidate',
        text: expect.stringContaining('ended uncleanly'),
      }),
    );
  });

  it('is not taken over by order either', () => {
    const three = armed();
    three.site('h2').dirty = true;
    let answer = '';
    three.node('h2').askTakeOver((given) => {
      answer = given;
    });
    three.advance(T);
    expect(answer).toBe('refused: unclean');
  });

  it('is given back when that came about after it was handed over', () => {
    const three = armed();
    const site = three.site('h1');
    site.want = 'moving';
    site.state = 'none';
    three.site('h2').dirty = true;
    three.node('h1').askHandOver(() => undefined);
    three.advance(T);
    expect(running(three)).toEqual([]);
    expect(three.node('h2').waiting()).toBe('unclean');
    site.want = 'run';
    three.advance(5 * T);
    expect(running(three)).toEqual(['h1']);
    expect(three.node('h1').record).toMatchObject({ owner: 'h1', change: 'take-back' });
  });

  it('runs when a person forces it, though it was given to this host already', () => {
    const three = armed();
    const site = three.site('h1');
    site.want = 'moving';
    site.state = 'none';
    three.site('h2').dirty = true;
    three.node('h1').askHandOver(() => undefined);
    three.advance(T);
    three.stop('h1');
    expect(three.node('h2').record).toMatchObject({ owner: 'h2', begun: false });
    three.node('h2').force(1);
    three.advance(3 * T);
    expect(running(three)).toEqual(['h2']);
  });

  it('runs when a person forces it', () => {
    const three = armed();
    three.site('h2').dirty = true;
    three.stop('h1');
    three.site('h1').state = 'none';
    three.advance(T);
    expect(three.node('h2').force(1)).toBe(true);
    three.advance(3 * T);
    expect(running(three)).toEqual(['h2']);
  });
});
