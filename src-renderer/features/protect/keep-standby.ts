import type { HostView } from '../../../src-main/contract/index.ts';

/**
 * Where the standby waits, once the hosts that can be chosen are heard of anew: a choice stands while its host is there,
 * also when that does not answer for a moment; without one the only host that answers is proposed.
 */
export function keptStandby(chosen: string | null, possible: readonly HostView[]): string | null {
  if (possible.some((host) => host.id === chosen)) return chosen;
  const [only, ...others] = possible.filter((host) => host.connection.state === 'online');
  return only && others.length === 0 ? only.id : null;
}
