import { CONTRACT, type Rules } from '../../agent/lease/rules.ts';
import type { Keeper } from './world.ts';

/** Every mistake of the contract's list, as the rule it takes away. */
export const MISTAKES = {
  'count-from-receipt': 'countFromSending',
  'no-guard-margin': 'holdMargin',
  'restart-grants': 'restartSilence',
  'no-coupling': 'coupling',
  'epoch-unchecked': 'epochChecked',
  'release-unrecorded': 'releaseRecorded',
  'ignore-stale': 'needInSync',
  'ignore-unclean': 'needClean',
  'export-open': 'closeExport',
  'insync-too-early': 'completeCopy',
  'arm-before-guard': 'guardFirst',
  'unarmed-takeover': 'needArmed',
  'leave-armed': 'disarmToLeave',
  'start-in-sync': 'staleBeforeStart',
  'thaw-in-sync': 'staleBeforeThaw',
  'takeover-keeps-insync': 'takeoverVoidsReplica',
  'rollback-accepted': 'continuity',
  'voter-swap-unchecked': 'voterSwapChecked',
  'no-take-back': 'takeBack',
  'thaw-demoted': 'freshAfterPromote',
  'no-gossip': 'gossip',
  'arm-lagging': 'armEveryone',
} as const satisfies Record<string, keyof Rules>;

export type Mistake = keyof typeof MISTAKES;
export const MISTAKE_NAMES = Object.keys(MISTAKES) as Mistake[];

/** Harm a liveness mistake does: the pair never runs or never protects itself again. All others must break safety. */
const LIVENESS: readonly Mistake[] = ['no-take-back', 'thaw-demoted', 'no-gossip', 'arm-lagging'];

/** Where a mistake does its harm, when that is not everywhere. */
const ONLY_WHERE: Partial<Record<Mistake, Keeper>> = { 'thaw-demoted': 'external' };
export const keeperFor = (mistake: Mistake, otherwise: Keeper): Keeper => ONLY_WHERE[mistake] ?? otherwise;

/** Whether a violation is of the sort this mistake has to be found by. */
export const caughtBy = (mistake: Mistake | null, invariant: string): boolean =>
  mistake === null || LIVENESS.includes(mistake) === (invariant === 'I7');

export const rulesWith = (mistake: Mistake | null): Rules =>
  mistake === null ? { ...CONTRACT } : { ...CONTRACT, [MISTAKES[mistake]]: false };
