import { CONTRACT, type Rules } from '../../agent/lease/rules.ts';

/** Every mistake of the contract's list, as the rule it takes away. */
export const MISTAKES = {
  'count-from-receipt': 'countFromSending',
  'no-guard-margin': 'holdMargin',
  'restart-grants': 'restartSilence',
  'no-coupling': 'coupling',
  'epoch-unchecked': 'epochChecked',
  'release-unrecorded': 'releaseRecorded',
  'ignore-stale': 'needInSync',
  'export-open': 'closeExport',
  'insync-too-early': 'completeCopy',
  'arm-before-guard': 'guardFirst',
  'unarmed-takeover': 'needArmed',
  'start-in-sync': 'staleBeforeStart',
  'thaw-in-sync': 'staleBeforeThaw',
  'takeover-keeps-insync': 'takeoverVoidsReplica',
  'rollback-accepted': 'continuity',
  'voter-swap-unchecked': 'voterSwapChecked',
  'no-take-back': 'takeBack',
  'no-gossip': 'gossip',
  'arm-lagging': 'armEveryone',
} as const satisfies Record<string, keyof Rules>;

export type Mistake = keyof typeof MISTAKES;
export const MISTAKE_NAMES = Object.keys(MISTAKES) as Mistake[];

export const rulesWith = (mistake: Mistake | null): Rules =>
  mistake === null ? { ...CONTRACT } : { ...CONTRACT, [MISTAKES[mistake]]: false };
