import type { LeaseRecord } from '../lease/record.ts';

/**
 * Names what both hosts' images hold when the machine changes hands (`generation` of CatchingUp): they read alike then, and
 * both hosts know that record, so neither has to tell the other. Of the record as the hand-over made it, before the new
 * owner says anything of its copy; null of any other.
 */
export function handedOver({ change, epoch, replica }: LeaseRecord): string | null {
  if (change !== 'hand-over' || replica.state !== 'none') return null;
  return `given${epoch.n}x${Math.round(replica.since).toString(36)}`;
}
