import { describe, expect, it } from 'vitest';
import { CONTRACT } from './rules.ts';
import type { ThreeVoters, VoterName } from './testing/three-voters.ts';
import { armed, T } from './testing/with-hosts.ts';
import { type Change, replicaBecomes, setStandby, settings, setWitness } from './transitions.ts';

/** h1 owns, h2 stood by and is replaced by h3, w is the witness: the steps of the order, each by itself. */
const NAMES = ['h1', 'h2', 'h3'] as const;
const running = (three: ThreeVoters): VoterName[] =>
  NAMES.filter((host) => three.sites.get(host)?.state === 'running');

const ordered = (three: ThreeVoters, change: Change): string => {
  let said = 'nothing';
  three.node('h1').order(change, (result) => {
    said = result;
  });
  three.advance(2.5 * T);
  return said;
};

type Stage = (three: ThreeVoters) => string;
const STAGES: Record<string, Stage> = {
  paused: (three) => ordered(three, settings({ paused: true })),
  mirrorless: (three) => {
    three.site('h1').replica = 'off';
    return ordered(three, replicaBecomes(1, 'h1', 'none', 0, CONTRACT));
  },
  alone: (three) => ordered(three, setWitness(null, true, CONTRACT)),
  changed: (three) => ordered(three, setStandby(1, 'h1', 'h3', 0, CONTRACT)),
  voting: (three) => {
    three.newcomer('h3', true);
    three.advance(2 * three.timing.holdMs);
    return ordered(three, setWitness('w', true, CONTRACT));
  },
  armed: (three) => {
    three.site('h1').replica = 'whole';
    const said = ordered(three, settings({ paused: false }));
    three.advance(3 * T);
    return said;
  },
};
const through = (three: ThreeVoters, stages = Object.keys(STAGES)): void => {
  for (const stage of stages) expect([stage, STAGES[stage]?.(three)]).toEqual([stage, 'done']);
};
/** h2 loses its power; what it knew is on its disk. */
const lost = (): ThreeVoters => {
  const three = armed();
  three.stop('h2');
  three.advance(4 * T);
  return three;
};

describe('another standby', () => {
  it('is armed in the end, and the machine never stopped', () => {
    const three = lost();
    through(three);
    expect(three.node('h1').record).toMatchObject({
      members: ['h1', 'h3'],
      voters: ['h1', 'h3', 'w'],
      armed: true,
      config: 4,
    });
    expect(running(three)).toEqual(['h1']);
    expect(three.site('h1').did).not.toContain('start');
    three.stop('h1');
    three.site('h1').state = 'none';
    three.advance(8 * T);
    expect(running(three)).toEqual(['h3']);
  });

  it.each(Object.keys(STAGES).map((_, i, all) => [all[i] ?? '', all.slice(0, i), all.slice(i)] as const))(
    'the old one comes back just before it is %s, and is nobody',
    (_, before, after) => {
      const three = lost();
      through(three, [...before]);
      three.start('h2', true);
      three.advance(3 * T);
      // Where it still stands by, a mirror to it may have been whole again; here nobody mirrors.
      through(three, [...after]);
      three.advance(3 * T);
      expect(three.node('h2').record).toMatchObject({ members: ['h1', 'h3'], config: 4 });
      expect(three.node('h1').record).toMatchObject({ owner: 'h1', epoch: { n: 1 }, armed: true });
      // Now it would be its hour, by what it was: it takes nothing over, and is not counted.
      three.stop('h1');
      three.site('h1').state = 'none';
      three.site('h3').capacity = false;
      three.advance(20 * T);
      expect(running(three)).toEqual([]);
      let said = '';
      three.node('h2').askTakeOver((result) => {
        said = result;
      });
      expect(said).toBe('refused: not-the-standby');
      expect(three.node('h2').force(0)).toBe(false);
    },
  );

  it('the old one, cut off with the record of before, gets no vote of the witness', () => {
    const three = armed();
    // Every message between h1 and h2 is lost; the witness is heard by both.
    three.drop = ({ from, to }) => [from, to].sort().join() === 'h1,h2';
    through(three);
    three.advance(30 * T);
    expect(running(three)).toEqual(['h1']);
    // What it knows last is that the owner alone votes: it asks nobody else, and is unarmed.
    expect(three.node('h2').record).toMatchObject({ members: ['h1', 'h2'], voters: ['h1'], armed: false });
    three.drop = () => false;
    three.advance(3 * T);
    expect(three.node('h2').record?.members).toEqual(['h1', 'h3']);
  });

  it('the old one, cut off from everybody, cannot come to power however long it waits', () => {
    const three = armed();
    three.cut.add('h2');
    through(three);
    three.advance(30 * T);
    expect(running(three)).toEqual(['h1']);
    expect(three.node('h2').record).toMatchObject({ members: ['h1', 'h2'], config: 1 });
    three.cut.delete('h2');
    three.advance(5 * T);
    expect(three.node('h2').record?.members).toEqual(['h1', 'h3']);
    expect(three.site('h1').state).toBe('running');
  });

  it('a person who forces the old one outranks it: the owner freezes and asks, and the new standby does nothing', () => {
    const three = armed();
    three.cut.add('h2');
    through(three);
    expect(three.node('h2').force(0)).toBe(true);
    three.advance(3 * T);
    // On a false premise: it has not heard that it stands by no more.
    expect(running(three)).toEqual(['h1', 'h2']);
    three.cut.delete('h2');
    three.advance(4 * T);
    expect(running(three)).toEqual(['h2']);
    expect(three.node('h1').waiting()).toBe('forced-met');
    expect(three.node('h3').record).toMatchObject({ owner: 'h2', members: ['h1', 'h2'] });
    three.stop('h2');
    three.site('h2').state = 'none';
    three.advance(20 * T);
    expect(running(three)).toEqual([]);
  });
});
