import { describe, expect, it } from 'vitest';
import { armed, running, T } from './testing/with-hosts.ts';
import { settings } from './transitions.ts';

describe('what is asked of a pair with its hosts', () => {
  it('lets nobody start what a person shut down', () => {
    const three = armed();
    three.site('h1').want = 'down';
    three.site('h1').state = 'none';
    three.advance(2 * T);
    expect(three.node('h2').record).toMatchObject({ armed: false, owner: 'h1', replica: { state: 'stale' } });
    expect(running(three)).toEqual([]);
    three.site('h1').want = 'run';
    three.advance(2 * T);
    expect(running(three)).toEqual(['h1']);
  });

  it('does nothing about a guest that a switchover shut down until it is handed over', () => {
    const three = armed();
    const site = three.site('h1');
    site.want = 'moving';
    site.state = 'none';
    three.advance(3 * T);
    expect(three.node('h1').record).toMatchObject({ armed: true, owner: 'h1' });
    expect(site.did).not.toContain('start');
    let result = '';
    three.node('h1').askHandOver((given) => {
      result = given;
    });
    three.advance(T);
    expect(result).toBe('done');
    expect(running(three)).toEqual(['h2']);
  });

  it('disarms at once when the witness says goodbye, and arms again when it is back', () => {
    const three = armed();
    let safe = false;
    three.node('w').goodbye(true, () => {
      safe = true;
    });
    three.advance(50);
    expect(three.node('h1').record?.armed).toBe(false);
    three.advance(T);
    expect(safe).toBe(true);
    expect(three.node('h1').view().hindrances).toMatchObject([{ kind: 'voter-leaving:w' }]);
    three.node('w').goodbye(false);
    three.advance(2 * T);
    expect(three.node('h1').record?.armed).toBe(true);
  });

  it('obtains a lease long enough for its agent to be replaced, and nobody steps in meanwhile', () => {
    const three = armed();
    let held = false;
    three.node('h1').holdOn(8000, (yes) => {
      held = yes;
    });
    three.advance(20);
    expect(held).toBe(true);
    three.stop('h1');
    three.advance(6000);
    expect(running(three)).toEqual(['h1']);
    three.start('h1', true);
    three.advance(2 * T);
    expect(running(three)).toEqual(['h1']);
    expect(three.node('h1').record).toMatchObject({ owner: 'h1' });
  });

  it('disarms rather than to be replaced under a long lease while a voter is away', () => {
    const three = armed();
    three.cut.add('w');
    three.advance(1.1 * T);
    expect(three.node('h1').record?.armed).toBe(true);
    let held = false;
    three.node('h1').holdOn(8000, (yes) => {
      held = yes;
    });
    three.advance(20);
    expect(held).toBe(true);
    expect(three.node('h1').record?.armed).toBe(false);
    expect(three.site('h1').permission).toMatchObject({ kind: 'standing' });
  });

  it('keeps silent after a restart for as long as a longer lease may live', () => {
    const three = armed();
    three.node('h1').holdOn(10_000, () => undefined);
    three.advance(50);
    three.stop('h1');
    three.start('w', true);
    three.start('h2', true);
    three.advance(8000);
    expect(three.node('h2').record?.owner).toBe('h1');
    three.advance(8000);
    expect(three.node('h2').record?.owner).toBe('h2');
  });

  it('takes over by order at once, but not from an owner that is alive', () => {
    const three = armed();
    let result = '';
    const order = (): void =>
      three.node('h2').askTakeOver((given) => {
        result = given;
      });
    order();
    three.advance(8 * T);
    expect(result).toBe('refused: owner-alive');
    expect(three.node('h2').record?.owner).toBe('h1');
    three.site('h2').capacity = false;
    three.cut.add('h1');
    three.advance(4 * T);
    expect(three.node('h2').record?.owner).toBe('h1');
    order();
    three.advance(T);
    expect(result).toBe('done');
    expect(three.node('h2').record?.owner).toBe('h2');
  });

  it('ends planned work by itself', () => {
    const three = armed();
    three.node('h2').order(settings({ maintenance: { until: 5_000, reason: 'disks' } }), () => undefined);
    three.advance(2 * T);
    expect(three.node('h1').record).toMatchObject({ armed: false });
    expect(
      three
        .node('h1')
        .view()
        .hindrances.map(({ kind }) => kind),
    ).toContain('maintenance');
    three.site('h1').wallMs = 5_000;
    three.advance(2 * T);
    expect(three.node('h1').record).toMatchObject({ armed: true, maintenance: null });
  });

  it('hears that it stays from a witness whose word of it was lost', () => {
    const three = armed();
    three.node('w').goodbye();
    three.advance(T);
    three.drop = ({ body }) => body.kind === 'goodbye';
    three.node('w').goodbye(false);
    three.advance(T);
    expect(three.node('h1').record?.armed).toBe(false);
    three.drop = () => false;
    three.advance(2 * T);
    expect(three.node('h1').record?.armed).toBe(true);
  });
});
