import { describe, expect, it } from 'vitest';
import { armed, at, host, offline, pair, vm } from '../../../src-main/contract/testing-fleet.ts';
import type { Seat } from './layout.ts';
import { linkLook, seatMark } from './seat-mark.ts';

const primary: Seat = { kind: 'primary', lane: 0, hostId: 'atlas', vm: vm('atlas', 'mail') };
const standby: Seat = { kind: 'standby', lane: 1, hostId: 'boreas' };

describe('a chip', () => {
  it('is filled where the machine runs and outlined where its copy waits', () => {
    const well = pair('mail', 'atlas', 'boreas');
    expect(seatMark(primary, well, host('atlas'), at)).toMatchObject({ look: 'filled', icon: 'play' });
    expect(seatMark(standby, well, host('boreas'), at)).toMatchObject({
      look: 'outlined',
      tone: 'ok',
      word: 'in sync',
    });
  });

  it('never claims more than was heard: a stale pair was in sync when last heard', () => {
    const stale = pair('mail', 'atlas', 'boreas', 'in-sync', { stale: true });
    expect(seatMark(standby, stale, host('boreas'), at).word).toBe('in sync when last heard');
  });

  it('shows a lost machine as lost and its standby as ready', () => {
    const lost = pair('mail', 'atlas', 'boreas', 'primary-lost');
    expect(seatMark(primary, lost, host('atlas', { connection: offline }), at).word).toBe('no answer');
    expect(seatMark(standby, lost, host('boreas'), at).word).toBe('standby, can be started');
  });

  it('tells a place the machine left from a copy out of reach', () => {
    const gone = host('atlas', { connection: offline });
    const rescued = pair('mail', 'boreas', 'atlas', 'standby-lost', {
      onStageSince: { hostId: 'boreas', at },
    });
    expect(seatMark(standby, rescued, gone, at).word).toBe('was here');
    expect(seatMark(standby, pair('mail', 'boreas', 'atlas', 'standby-lost'), gone, at).word).toBe(
      'out of reach',
    );
  });

  it('does not call a machine lost whose host only waits for a log-in', () => {
    const waits = host('atlas', { connection: { ...offline, retryAt: null } });
    const unheard = pair('mail', 'atlas', 'boreas', 'unknown', { stale: true });
    expect(seatMark(primary, unheard, waits, at)).toMatchObject({ tone: 'neutral', word: 'not known' });
    expect(
      seatMark({ kind: 'alone', lane: 0, hostId: 'atlas', vm: vm('atlas', 'x') }, null, waits, at).word,
    ).toBe('not known');
  });

  it('says the old copy is aside while the host answers again', () => {
    const back = pair('mail', 'boreas', 'atlas', 'quarantined');
    expect(seatMark(standby, back, host('atlas'), at)).toMatchObject({ icon: 'aside', tone: 'attention' });
    expect(linkLook(back)).toBe('gone');
  });

  it('counts down while the standby is about to step in, and says what is frozen', () => {
    const stepsIn = { hostId: 'boreas', at: at + 1_800, missingSince: at - 2_000 };
    const automation = armed('atlas', 'boreas', 'pi', at, { stepsIn });
    const coming = pair('mail', 'atlas', 'boreas', 'stepping-in', { automation });
    expect(seatMark(primary, coming, host('atlas'), at).word).toBe('not heard');
    expect(seatMark(standby, coming, host('boreas'), at).word).toBe('steps in in 2 s');
    expect(seatMark(standby, coming, host('boreas'), at + 2_000).word).toBe('steps in now');
    const frozen = pair('mail', 'atlas', 'boreas', 'frozen');
    expect(seatMark(primary, frozen, host('atlas'), at)).toMatchObject({ icon: 'snow', word: 'frozen' });
  });

  it('changes hosts while its order runs, whatever else is said', () => {
    const stopped = pair('mail', 'atlas', 'boreas', 'stopped');
    expect(seatMark(primary, stopped, host('atlas'), at, true).word).toBe('changing hosts');
  });
});
