import { describe, expect, it } from 'vitest';
import { parseUptime } from './clock.ts';

describe("the host's clock", () => {
  it('reads the time since boot', () => {
    expect(parseUptime('12345.67 23456.78\n')).toBe(12_345_670);
    expect(parseUptime('0.05 0.00\n')).toBe(50);
  });

  it.each(['', 'now', '12345', '-1.00 0.00'])('refuses %j', (text) => {
    expect(() => parseUptime(text)).toThrow('/proc/uptime');
  });
});
