import { describe, expect, it } from 'vitest';
import { armed, at, fleet, host, offline, pair, vm } from '../../../src-main/contract/testing-fleet.ts';
import { type Story, stories } from './story.ts';

const lostAtlas = [host('atlas', { connection: offline }), host('boreas'), host('cora')];
const told = ({ lines }: Story): string[] =>
  lines.map(({ name, turn, hostId }) => `${name} ${turn}${hostId ? ` ${hostId}` : ''}`);

describe('the story of a host that fails', () => {
  it('is none while all is well, and none of a host that only waits for a password', () => {
    const pairs = [pair('mail', 'atlas', 'boreas')];
    expect(stories(fleet([host('atlas'), host('boreas')], [], pairs))).toEqual([]);
    const locked = host('atlas', { connection: { ...offline, retryAt: null } });
    expect(stories(fleet([locked, host('boreas')], [], pairs))).toEqual([]);
  });

  it('tells what asks for a person, what is coming, what is down, what came back', () => {
    const coming = armed('atlas', 'boreas', 'pi', at, {
      stepsIn: { hostId: 'boreas', at: at + 2_000, missingSince: at - 2_000 },
    });
    const [story] = stories(
      fleet(
        lostAtlas,
        [vm('atlas', 'print'), vm('atlas', 'old', 'stopped')],
        [
          pair('mail', 'atlas', 'boreas', 'stepping-in', { automation: coming }),
          pair('db', 'atlas', 'cora', 'primary-lost'),
          pair('shop', 'boreas', 'atlas', 'standby-lost', {
            home: 'atlas',
            onStageSince: { hostId: 'boreas', at: at + 6_000 },
          }),
          pair('files', 'cora', 'atlas', 'standby-lost'),
        ],
      ),
    );
    if (!story) throw new Error('no story');
    expect(told(story)).toEqual([
      'db asks cora',
      'mail coming boreas',
      'print down',
      'shop came-back boreas',
    ]);
    expect(story).toMatchObject({ lostAt: at, leaseOutAt: at + 3_000, withoutStandby: 1 });
    expect(story.lines.find(({ name }) => name === 'shop')?.at).toBe(at + 6_000);
  });

  it('goes on after the host is back, until what it left is decided about', () => {
    const back = fleet(
      [host('atlas'), host('boreas')],
      [],
      [pair('shop', 'boreas', 'atlas', 'quarantined', { home: 'atlas' })],
    );
    const [story] = stories(back);
    expect(story && told(story)).toEqual(['shop aside boreas']);
    expect(story?.lostAt).toBeNull();
  });

  it('neither host answers: nothing brings it back', () => {
    const both = [host('atlas', { connection: offline }), host('boreas', { connection: offline })];
    const found = stories(fleet(both, [], [pair('mail', 'atlas', 'boreas', 'unknown')]));
    expect(found.map(told)).toEqual([['mail down'], []]);
  });
});
