import { fail, ok, type Profile, type Result } from '../protocol/index.ts';
import { CONTRACT, type Rules } from './rules.ts';

/** From a passed deadline to the stopped process, ms (agent/guard; measured by `npm run bench:core`). */
export const GUARD_BOUND_MS = 100;

/** Lease length T by profile (ms). */
export const PROFILES: Readonly<Record<Profile, number>> = { fast: 1500, balanced: 4000, patient: 30_000 };

/** No voter grants a longer lease: it is also how long everybody may have to wait for a host that died. */
export const MAX_LEASE_MS = 30_000;
/** The most an owner asks for before its agent is replaced. */
export const MAX_HOLD_ON_MS = 15_000;

/** Everything the time rules depend on, as it is really configured. All in milliseconds. */
export interface Timing {
  /** T: the owner may run its guest this long after *sending* a request that a majority granted. */
  leaseMs: number;
  /** How long a voter honours a grant after *receiving* the request. */
  holdMs: number;
  /** Longest time from a passed deadline to the stopped process: poll, clock resolution and scheduling. */
  guardBoundMs: number;
  /** What the clock's reading may lag behind the clock: /proc/uptime has 10 ms. */
  clockResolutionMs: number;
  /** How far two clocks may part, as a fraction: 0.01 is 1 %. */
  drift: number;
  /** A save that takes longer than this makes the voter grant no lease. */
  fsyncLimitMs: number;
}

/** What `holdMs` must exceed: T + guard bound, on a voter's clock that runs fast by the drift. */
export function neededHoldMs(timing: Omit<Timing, 'holdMs'>): number {
  return (timing.leaseMs + timing.guardBoundMs) * (1 + timing.drift) + timing.clockResolutionMs;
}

/** The timing of a profile. A hundredth of T is added because equality is already a counterexample (rule *hold*). */
export function timingOf(profile: Profile, guardBoundMs: number): Timing {
  const leaseMs = PROFILES[profile];
  const given = { leaseMs, guardBoundMs, clockResolutionMs: 10, drift: 0.01, fsyncLimitMs: leaseMs / 3 };
  return { ...given, holdMs: Math.ceil(neededHoldMs(given) + leaseMs / 100) };
}

/** Rule *hold*: refused with the two numbers when the voters would forget a lease before the guard has acted on it. */
export function checkTiming(timing: Timing): Result<Timing> {
  const needed = neededHoldMs(timing);
  if (timing.holdMs > needed) return ok(timing);
  return fail({
    kind: 'hold-too-short',
    message:
      `Voters would honour a lease for ${timing.holdMs} ms, but the guard needs more than ${Math.ceil(needed)} ms ` +
      'to have stopped the machine by then.',
    next: 'Use a longer hold, a shorter lease or a faster guard; the pair is not armed with these numbers.',
    details: { holdMs: String(timing.holdMs), neededMs: String(needed) },
  });
}

/**
 * How long a voter honours a grant of a lease of `leaseMs`, and keeps silent after a start. What the asker counts travels
 * with its request, so the inequality holds even where voters know of another profile.
 */
export function holdOf(timing: Timing, rules: Rules = CONTRACT, leaseMs = timing.leaseMs): number {
  if (!rules.holdMargin) return leaseMs;
  return leaseMs <= timing.leaseMs
    ? timing.holdMs
    : Math.ceil(neededHoldMs({ ...timing, leaseMs }) + leaseMs / 100);
}

/** How long a voter other than the owner may be missing before the owner disarms (at most 3 T). */
export const disarmAfterMs = (timing: Timing): number => 2 * timing.leaseMs;

/** The timing of the record's profile, as it is at each moment: a profile may change while the pair is unarmed. */
export function timingFor(given: Timing | ((profile: Profile) => Timing), profile: () => Profile): Timing {
  if (typeof given !== 'function') return given;
  const now = (): Timing => given(profile());
  return {
    get leaseMs() {
      return now().leaseMs;
    },
    get holdMs() {
      return now().holdMs;
    },
    get guardBoundMs() {
      return now().guardBoundMs;
    },
    get clockResolutionMs() {
      return now().clockResolutionMs;
    },
    get drift() {
      return now().drift;
    },
    get fsyncLimitMs() {
      return now().fsyncLimitMs;
    },
  };
}
