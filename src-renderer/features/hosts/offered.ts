import type { Problem } from '../../../agent/protocol/problem.ts';

/** A member of the fleet that another console added, as the hosts here know it. */
export interface Offered {
  name: string;
  address: string;
}

/** Members of this fleet that this console does not know yet, by name. */
export function offered(notices: readonly Problem[]): Offered[] {
  return notices
    .flatMap(({ kind, details }) => {
      const { name = '', address = '' } = details ?? {};
      return kind === 'fleet-member-unknown' && address !== '' ? [{ name, address }] : [];
    })
    .sort((a, b) => a.name.localeCompare(b.name, 'en'));
}
