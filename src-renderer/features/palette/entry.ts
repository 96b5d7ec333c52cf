import type { FleetSnapshot } from '../../../src-main/contract/index.ts';

/** What the palette gives at once; everything that asks something first is a place to go to. */
export type PaletteOrder =
  | { do: 'pause' | 'resume' }
  | { do: 'verify' | 'look-again'; pairId: string }
  | { do: 'reconnect'; hostId: string }
  | { do: 'theme'; theme: 'system' | 'light' | 'dark' }
  | { do: 'practice'; on: boolean }
  | { do: 'export-history' | 'export-settings' | 'shortcuts' };

/** Something the palette can go to or do. */
export interface Entry {
  /** Where it goes; of an order: where it stands when the order cannot be given. */
  href: string;
  order?: PaletteOrder;
  label: string;
  kind: string;
  /** Host of a machine, site of a host: told apart and found by it. */
  detail: string;
  /** Found by these too; not shown. */
  words?: string;
  /** Why it cannot be done now; null when it can. */
  reason?: string | null;
}

/** What entries are made of. */
export interface Ground {
  fleet: FleetSnapshot;
  practice: boolean;
}

export const nameOf = (fleet: FleetSnapshot, hostId: string): string => fleet.hosts[hostId]?.name ?? hostId;
