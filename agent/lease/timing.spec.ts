import { describe, expect, it } from 'vitest';
import { checkTiming, disarmAfterMs, holdOf, neededHoldMs, PROFILES, timingOf } from './timing.ts';

describe('timing', () => {
  it.each(['fast', 'balanced', 'patient'] as const)(
    'holds a %s lease longer than guard and drift need',
    (profile) => {
      const timing = timingOf(profile, 100);
      expect(timing.leaseMs).toBe(PROFILES[profile]);
      expect(timing.holdMs).toBeGreaterThan((timing.leaseMs + 100) * 1.01 + 10);
      expect(checkTiming(timing).ok).toBe(true);
      expect(disarmAfterMs(timing)).toBeLessThanOrEqual(3 * timing.leaseMs);
    },
  );

  it('refuses equality, with both numbers', () => {
    const timing = timingOf('fast', 100);
    const equal = { ...timing, holdMs: neededHoldMs(timing) };
    const answer = checkTiming(equal);
    expect(answer).toMatchObject({ ok: false, problem: { kind: 'hold-too-short' } });
    expect(!answer.ok && answer.problem.message).toContain(`${Math.ceil(neededHoldMs(timing))} ms`);
    expect(!answer.ok && answer.problem.message).toContain(`${equal.holdMs} ms`);
  });

  it('refuses a guard that became slower than the hold was made for', () => {
    expect(checkTiming({ ...timingOf('fast', 100), guardBoundMs: 5000 }).ok).toBe(false);
  });

  it('uses the hold as configured', () => {
    const timing = timingOf('balanced', 100);
    expect(holdOf(timing)).toBe(timing.holdMs);
  });
});
