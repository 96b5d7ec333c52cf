import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Command, type Request } from './nbd-wire.ts';
import { Patience } from './patience.ts';

const request = (handle: bigint): Request => ({
  flags: 0,
  type: Command.write,
  handle,
  offset: 0n,
  length: 512,
});

describe('how long a write may wait for the standby', () => {
  const disk: { name: string; oldest: Request | null } = { name: 'vda', oldest: null };
  const exceeded = vi.fn();
  let patience: Patience;

  beforeEach(() => {
    vi.useFakeTimers();
    exceeded.mockReset();
    disk.oldest = null;
    patience = new Patience([disk], exceeded);
  });
  afterEach(() => {
    patience.stop();
    vi.useRealTimers();
  });

  it('is exceeded by the same write, not before its time and soon after', () => {
    patience.set(400);
    disk.oldest = request(1n);
    vi.advanceTimersByTime(399);
    expect(exceeded).not.toHaveBeenCalled();
    vi.advanceTimersByTime(101);
    expect(exceeded).toHaveBeenCalledWith('vda', 400);
  });

  it('is not exceeded by writes that are answered in time, however many follow each other', () => {
    patience.set(400);
    for (let n = 0n; n < 50n; n += 1n) {
      disk.oldest = request(n);
      vi.advanceTimersByTime(190);
      disk.oldest = null;
      vi.advanceTimersByTime(10);
    }
    expect(exceeded).not.toHaveBeenCalled();
  });

  it('is as long as it takes when none is set, or not any more', () => {
    disk.oldest = request(1n);
    vi.advanceTimersByTime(60_000);
    patience.set(100);
    patience.set(null);
    vi.advanceTimersByTime(60_000);
    expect(exceeded).not.toHaveBeenCalled();
    expect(patience.ms).toBeNull();
  });

  it('begins anew with another one', () => {
    patience.set(400);
    disk.oldest = request(1n);
    vi.advanceTimersByTime(350);
    patience.set(1_000);
    vi.advanceTimersByTime(900);
    expect(exceeded).not.toHaveBeenCalled();
    vi.advanceTimersByTime(400);
    expect(exceeded).toHaveBeenCalledWith('vda', 1_000);
  });
});
