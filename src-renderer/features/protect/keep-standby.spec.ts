import { describe, expect, it } from 'vitest';
import { host, offline } from '../../../src-main/contract/testing-fleet.ts';
import { keptStandby } from './keep-standby.ts';

const boreas = host('boreas');
const cora = host('cora');
const silent = host('boreas', { connection: offline });

describe('where the standby waits', () => {
  it('is proposed when only one host can be it', () => {
    expect(keptStandby(null, [boreas])).toBe('boreas');
    expect(keptStandby(null, [silent, cora])).toBe('cora');
    expect(keptStandby(null, [boreas, cora])).toBeNull();
  });

  it('stays as it was chosen while that host does not answer, though another does', () => {
    expect(keptStandby('boreas', [silent, cora])).toBe('boreas');
  });

  it('is chosen anew once its host is gone, or is the home of the machine', () => {
    expect(keptStandby('boreas', [cora])).toBe('cora');
    expect(keptStandby('boreas', [cora, host('doris')])).toBeNull();
  });
});
