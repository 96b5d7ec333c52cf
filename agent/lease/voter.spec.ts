import { describe, expect, it } from 'vitest';
import { freshState } from './acceptor.ts';
import { CONTRACT } from './rules.ts';
import { armedRecord, ThreeVoters } from './testing/three-voters.ts';
import { disarm } from './transitions.ts';

const ask = (three: ThreeVoters, host: 'h1' | 'h2', candidate: boolean): string[] => {
  const from = three.sent.length;
  three.node(host).provider.askLease(candidate);
  three.advance(20);
  return three.sent.slice(from).flatMap(({ from: voter, body }) => {
    if (body.kind === 'granted') return [`${voter} granted`];
    return body.kind === 'denied' ? [`${voter} ${body.reason}`] : [];
  });
};
const swapped = (three: ThreeVoters): void => {
  three.node('h1').provider.swap(disarm(1, 'h1', CONTRACT));
  three.advance(three.timing.leaseMs);
};

describe('voter', () => {
  it('answers nothing that is not durable, and grants no lease while its disk fails', () => {
    const three = new ThreeVoters(armedRecord());
    three.diskFails.add('w');
    three.diskFails.add('h2');
    swapped(three);
    expect(three.node('h1').record?.armed).toBe(true);
    expect(ask(three, 'h1', false).sort()).toEqual(['h2 disk', 'w disk']);
    three.diskFails.clear();
    three.advance(three.timing.leaseMs);
    expect(ask(three, 'h1', false).sort()).toEqual(['h2 granted', 'w granted']);
  });

  it('keeps silent to a candidate after a restart, not to the owner', () => {
    const three = new ThreeVoters(armedRecord());
    three.start('w', true);
    three.advance(5);
    expect(ask(three, 'h2', true)).toContain('w silent');
    expect(ask(three, 'h1', false)).toContain('w granted');
  });

  it('steps its incarnation up, durably, at every start', () => {
    const three = new ThreeVoters(armedRecord());
    expect(three.disks.get('w')?.incarnation).toBe(1);
    three.start('w', true);
    three.advance(5);
    expect(three.disks.get('w')?.incarnation).toBe(2);
  });

  it('finds out that it was restored, abstains, and votes again after reading both others', () => {
    const three = new ThreeVoters(armedRecord());
    const backup = three.disks.get('w');
    swapped(three);
    if (backup === undefined) throw new Error('no state');
    three.disks.set('w', backup);
    three.cut.add('h2');
    three.start('w', true);
    three.advance(30);
    expect(three.node('w').voter.state.sound).toBe(false);
    expect(ask(three, 'h1', false)).toContain('w unsound');
    three.cut.delete('h2');
    three.advance(2 * three.timing.holdMs);
    expect(three.node('w').voter.state.sound).toBe(true);
    expect(three.node('w').record?.armed).toBe(false);
  });

  it('says so when its state is lost, and is whole again by the others', () => {
    const three = new ThreeVoters(armedRecord());
    swapped(three);
    three.disks.set('w', freshState(false));
    three.start('w', true);
    three.node('h1').provider.askLease(false);
    three.advance(3 * three.timing.leaseMs);
    expect(three.node('w').voter.state).toMatchObject({
      sound: true,
      accepted: { record: { armed: false } },
    });
    expect(three.node('w').voter.state.incarnation).toBeGreaterThan(1);
  });

  it('adopts a newer chosen record from any message', () => {
    const three = new ThreeVoters(armedRecord());
    three.cut.add('h2');
    swapped(three);
    three.cut.delete('h2');
    ask(three, 'h1', false);
    expect(three.disks.get('h2')?.accepted?.record.armed).toBe(false);
  });
});
