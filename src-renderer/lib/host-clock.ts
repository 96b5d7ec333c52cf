import type { HostView } from '../../src-main/contract/index.ts';
import { m } from './messages.ts';
import { span } from './time.ts';

/** Smaller differences are the road's, or no matter for a story told in seconds. */
const SKEW_MS = 2_000;

/** "4 s ahead"; null while its clock goes as this workstation's does, or nothing is known of it. */
export function skewOf({ clockAheadMs }: HostView): string | null {
  if (clockAheadMs === null || Math.abs(clockAheadMs) < SKEW_MS) return null;
  const by = span(Math.abs(clockAheadMs));
  return clockAheadMs > 0 ? m.hosts.facts.ahead(by) : m.hosts.facts.behind(by);
}

/**
 * What a host's own clock says at `now` of this workstation's, ms, as far as that is known. Of a host that does not answer: said
 * when it was last heard, since nobody knows what it did afterwards.
 */
export function ownersNow(host: HostView | undefined, now: number): number {
  const online = host?.connection.state === 'online';
  return (online ? now : (host?.heardAt ?? now)) + (host?.clockAheadMs ?? 0);
}
