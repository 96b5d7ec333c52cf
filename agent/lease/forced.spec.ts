import { describe, expect, it } from 'vitest';
import { armed, running, T } from './testing/with-hosts.ts';
import { settings } from './transitions.ts';

/** A person overrides the majority: the machine's host is lost, and nobody is there to give it to the other one. */
describe('a forced failover', () => {
  it('runs the machine though host and witness are both lost; they learn it when they are back', () => {
    const three = armed();
    for (const lost of ['h1', 'w'] as const) {
      three.stop(lost);
      three.cut.add(lost);
    }
    Object.assign(three.site('h1'), { permission: null, booted: true, state: 'none', replica: 'off' });
    three.advance(4 * T);
    expect(running(three)).toEqual([]);
    expect(three.node('h2').force(0)).toBe(true);
    three.advance(4 * T);
    expect(running(three)).toEqual(['h2']);
    expect(three.node('h2').record).toMatchObject({ owner: 'h2', begun: true, forced: true, armed: false });
    expect(three.told.filter(({ event }) => event === 'begun').at(-1)?.text).toContain('word alone');

    three.cut.delete('w');
    three.start('w', true);
    three.advance(4 * T);
    const results: string[] = [];
    three.node('w').order(settings({ policy: 'manual' }), (result) => results.push(result));
    three.advance(4 * T);
    expect(results).toEqual(['done']);
    expect(three.node('w').record).toMatchObject({ owner: 'h2', begun: true, policy: 'manual' });

    three.cut.delete('h1');
    three.start('h1', true);
    three.advance(6 * T);
    expect(running(three)).toEqual(['h2']);
    expect(three.node('h1').record).toEqual(three.node('h2').record);
  });

  it('also right after its own agent, or its whole host, has started anew', () => {
    const three = armed();
    for (const name of ['h1', 'w', 'h2'] as const) three.stop(name);
    for (const name of ['h1', 'w']) three.cut.add(name);
    for (const name of ['h1', 'h2'] as const)
      Object.assign(three.site(name), { permission: null, booted: true, state: 'none', replica: 'off' });
    three.start('h2', true);
    three.advance(4 * T);
    expect(three.node('h2').force(0)).toBe(true);
    three.advance(6 * T);
    expect(running(three)).toEqual(['h2']);
    // And once more: nothing but its own word is there to be asked.
    three.stop('h2');
    three.advance(T);
    three.start('h2', true);
    three.advance(4 * T);
    expect(three.node('h2').record).toMatchObject({ owner: 'h2', begun: true });
    expect(running(three)).toEqual(['h2']);
  });

  it('begins in its own history only, though a voter that answers has heard of a later one', () => {
    const three = armed();
    for (const lost of ['h1', 'w'] as const) three.stop(lost);
    const disk = three.disks.get('w');
    if (!disk) throw new Error('w has no disk');
    const later = { force: { n: 9, by: 'h1' }, config: 1, round: 40, node: 'h1' };
    three.disks.set('w', { ...disk, promised: later });
    three.start('w', true);
    three.node('h2').force(0);
    three.advance(6 * T);
    const chosen = three.node('h2').voter.chosen;
    expect(chosen?.record).toMatchObject({ owner: 'h2', epoch: { n: 2, by: 'h2' } });
    expect(chosen?.ballot.force).toEqual(chosen?.record.epoch);
  });

  it('begins by a majority where one answers', () => {
    const three = armed();
    three.stop('h1');
    three.cut.add('h1');
    Object.assign(three.site('h1'), { permission: null, booted: true, state: 'none', replica: 'off' });
    three.node('h2').force(0);
    three.advance(4 * T);
    expect(running(three)).toEqual(['h2']);
    expect(three.told.filter(({ event }) => event === 'begun').at(-1)?.text).not.toContain('word alone');
    expect(three.node('w').record).toMatchObject({ owner: 'h2', begun: true });
  });

  it('is nobody’s excuse to begin without a majority what was taken over by the rules', () => {
    const three = armed();
    // Its takeover is chosen; the witness is lost before it has begun.
    three.stop('h1');
    three.cut.add('h1');
    Object.assign(three.site('h1'), { permission: null, booted: true, state: 'none', replica: 'off' });
    while (three.node('h2').record?.change !== 'takeover') three.advance(1);
    three.stop('w');
    three.cut.add('w');
    three.advance(20 * T);
    expect(running(three)).toEqual([]);
    expect(three.node('h2').record).toMatchObject({ owner: 'h2', begun: false });
  });
});
