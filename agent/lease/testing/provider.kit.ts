import { describe, expect, it } from 'vitest';
import type { LeaseProvider, ProviderEvent } from '../provider.ts';
import type { LeaseRecord } from '../record.ts';
import { CONTRACT } from '../rules.ts';
import { neededHoldMs, type Timing } from '../timing.ts';
import { disarm, settings, takeOver } from '../transitions.ts';
import { armedRecord } from './three-voters.ts';

/** A provider under test: three voters on a clock the spec moves. */
export interface ProviderUnderTest {
  timing: Timing;
  provider(host: 'h1' | 'h2' | 'w'): LeaseProvider;
  /** Lets `ms` pass, and everything that happens in it. */
  advance(ms: number): void;
  cut(host: 'h1' | 'h2' | 'w', cut: boolean): void;
}

/** What every lease provider must keep; run it against each (docs/safety.md). */
export function providerConformance(name: string, make: (record: LeaseRecord) => ProviderUnderTest): void {
  const leases = (
    under: ProviderUnderTest,
    host: 'h1' | 'h2' | 'w',
  ): (ProviderEvent & { kind: 'lease' })[] => {
    const seen: (ProviderEvent & { kind: 'lease' })[] = [];
    under.provider(host).subscribe((event) => {
      if (event.kind === 'lease') seen.push(event);
    });
    return seen;
  };

  describe(`${name} as a lease provider`, () => {
    it('loses no change of two that race', async () => {
      const under = make(armedRecord());
      const changes = { h1: settings({ paused: true }), w: settings({ policy: 'manual' }) };
      const kinds = { h1: '', w: '' };
      // `unknown` is an honest answer to a race; it only has to be asked again.
      for (let round = 0; round < 10 && !(kinds.h1 === 'done' && kinds.w === 'done'); round += 1) {
        const hosts = (['h1', 'w'] as const).filter((host) => kinds[host] !== 'done');
        const swaps = hosts.map((host) => under.provider(host).swap(changes[host]));
        under.advance(3 * under.timing.leaseMs);
        for (const [i, swap] of swaps.entries()) kinds[hosts[i] ?? 'h1'] = (await swap).kind;
      }
      expect(kinds).toEqual({ h1: 'done', w: 'done' });
      const read = under.provider('h2').read();
      under.advance(under.timing.leaseMs);
      expect(await read).toMatchObject({ ok: true, value: { paused: true, policy: 'manual', armed: false } });
    });

    it('changes nothing when the change does not fit the record', async () => {
      const under = make({ ...armedRecord(), armed: false });
      const outcome = under.provider('h2').swap(takeOver('h2', 0, CONTRACT));
      under.advance(under.timing.leaseMs);
      expect(await outcome).toEqual({ kind: 'refused', reason: 'unarmed' });
      const read = under.provider('h1').read();
      under.advance(under.timing.leaseMs);
      expect(await read).toMatchObject({ ok: true, value: { owner: 'h1', version: 1 } });
    });

    it('grants the lease to the owner, from before the request was sent', () => {
      const under = make(armedRecord());
      const seen = leases(under, 'h1');
      const asked = under.timing.leaseMs;
      under.provider('h1').askLease(false);
      under.advance(100);
      expect(seen).toHaveLength(1);
      under.advance(asked);
      expect(seen).toHaveLength(1);
    });

    it('grants nothing to a candidate until the lease, the guard and the drift are over', () => {
      const under = make(armedRecord());
      const seen = leases(under, 'h2');
      under.provider('h1').askLease(false);
      under.advance(Math.floor(neededHoldMs(under.timing)));
      under.provider('h2').askLease(true);
      under.advance(5);
      expect(seen).toEqual([]);
      under.advance(100);
      under.provider('h2').askLease(true);
      under.advance(5);
      expect(seen).toMatchObject([{ kind: 'lease', candidate: true }]);
    });

    it.each([
      ['an unarmed pair', { armed: false }],
      ['a standby that is not in sync', { replica: { mode: 'sync', state: 'stale', point: null, since: 0 } }],
      ['a pair that has not begun', { begun: false }],
      ['a pair whose automation is paused', { paused: true }],
    ] as const)('has no successor for %s', (_what, change) => {
      const under = make({ ...armedRecord(), ...change });
      const seen = leases(under, 'h2');
      under.provider('h2').askLease(true);
      under.advance(100);
      expect(seen).toEqual([]);
    });

    it('never grants the witness', () => {
      const under = make(armedRecord());
      const seen = leases(under, 'w');
      under.provider('w').askLease(true);
      under.provider('w').askLease(false);
      under.advance(100);
      expect(seen).toEqual([]);
    });

    it('gives a host that is cut off neither record nor swap nor lease', async () => {
      const under = make(armedRecord());
      const seen = leases(under, 'h1');
      under.cut('h1', true);
      const read = under.provider('h1').read();
      under.provider('h1').askLease(false);
      under.advance(2 * under.timing.leaseMs);
      const swap = under.provider('h1').swap(disarm(1, 'h1', CONTRACT));
      under.advance(2 * under.timing.leaseMs);
      expect((await read).ok).toBe(false);
      expect((await swap).kind).toBe('unreachable');
      expect(seen).toEqual([]);
    });

    it('shows a host that was cut off what was chosen meanwhile', async () => {
      const under = make(armedRecord());
      under.cut('h2', true);
      const swap = under.provider('h1').swap(disarm(1, 'h1', CONTRACT));
      under.advance(under.timing.leaseMs);
      expect((await swap).kind).toBe('done');
      under.cut('h2', false);
      const read = under.provider('h2').read();
      under.advance(under.timing.leaseMs);
      expect(await read).toMatchObject({ ok: true, value: { armed: false } });
    });
  });
}
