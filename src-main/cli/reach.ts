import type { FleetSnapshot, HostView } from '../contract/index.ts';
import type { Console } from './console.ts';

const values = <T>(table: Record<string, T>): T[] => Object.values(table);

/** Its agent has spoken, or it was tried and did not answer. */
function isKnown({ connection, heardAt }: HostView): boolean {
  if (connection.state === 'online') return heardAt !== null;
  return connection.state === 'offline';
}

export const silent = (fleet: FleetSnapshot): HostView[] =>
  values(fleet.hosts).filter(({ connection }) => connection.state !== 'online');

/** Every host of the fleet has answered, or has been tried; at the longest so long. */
export async function untilKnown(console: Console, limitMs: number): Promise<void> {
  await console.until(({ hosts }) => (values(hosts).every(isKnown) ? true : null), limitMs);
}
