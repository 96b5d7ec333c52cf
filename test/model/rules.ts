/** The contract's list of mistakes to seed (docs/safety.md), each a rule the model then leaves out. */
export const SAFETY_MISTAKES = [
  'count-from-receipt',
  'no-guard-margin',
  'restart-grants',
  'no-coupling',
  'epoch-unchecked',
  'release-unrecorded',
  'ignore-stale',
  'export-open',
  'insync-too-early',
  'arm-before-guard',
  'unarmed-takeover',
  'start-in-sync',
  'thaw-in-sync',
  'takeover-keeps-insync',
  'rollback-accepted',
  'voter-swap-unchecked',
] as const;
export const LIVENESS_MISTAKES = ['no-take-back', 'no-gossip', 'arm-lagging'] as const;
/** Not in the contract's list: what the model itself showed to matter. */
export const OWN_MISTAKES = ['hold-equality', 'confirm-by-query', 'continue-while-giving'] as const;

export type Mistake =
  | (typeof SAFETY_MISTAKES)[number]
  | (typeof LIVENESS_MISTAKES)[number]
  | (typeof OWN_MISTAKES)[number];

/** What may break; lost, late and reordered messages, cuts and a broken mirror cost nothing and may always happen. */
export const FAULTS = ['power', 'agent', 'freeze', 'qemu', 'witness', 'gone', 'rollback', 'replace'] as const;
export type Fault = (typeof FAULTS)[number];

export interface Setting {
  mistake: Mistake | null;
  faults: readonly Fault[];
  /** How many of them. */
  budget: number;
  /** How many swaps may be caught in flight: accepted by one voter now, by another later or never. */
  splits: number;
  /** Whether the operator orders switchovers. */
  handOver: boolean;
}
