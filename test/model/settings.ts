import {
  FAULTS,
  LIVENESS_MISTAKES,
  type Mistake,
  OWN_MISTAKES,
  SAFETY_MISTAKES,
  type Setting,
} from './rules.ts';

export interface Run {
  name: string;
  setting: Setting;
  maxStates: number;
}

const contract = (
  name: string,
  budget: number,
  splits: number,
  handOver: boolean,
  maxStates: number,
): Run => ({
  name,
  setting: { mistake: null, faults: FAULTS, budget, splits, handOver },
  maxStates,
});

/** CI: a minute and less than 1 GiB. */
export const BOUNDED: readonly Run[] = [
  contract('cuts, lost and late messages, no other fault, hand-overs', 0, 0, true, 1_000_000),
  contract('one fault of any kind', 1, 0, false, 4_000_000),
];

/** Minutes, and a few GiB. */
export const FULL: readonly Run[] = [
  contract('cuts, lost and late messages, no other fault, hand-overs', 0, 0, true, 1_000_000),
  contract('one fault of any kind, hand-overs', 1, 0, true, 20_000_000),
  contract('no other fault, one swap caught in flight', 0, 1, false, 20_000_000),
];

/** The smallest circumstances in which each mistake shows; everything not named is zero. */
const CIRCUMSTANCES: Partial<Record<Mistake, Partial<Setting>>> = {
  'restart-grants': { faults: ['agent', 'witness'], budget: 1 },
  'no-coupling': { splits: 1 },
  'export-open': { faults: ['freeze'], budget: 1 },
  'start-in-sync': { faults: ['qemu'], budget: 1 },
  'rollback-accepted': { faults: ['rollback'], budget: 1 },
  'voter-swap-unchecked': { faults: ['replace'], budget: 1 },
  'no-take-back': { faults: ['gone'], budget: 1 },
  'no-gossip': { faults: ['gone'], budget: 1, splits: 1 },
  'arm-lagging': { faults: ['gone', 'rollback'], budget: 2 },
  'confirm-by-query': { splits: 1 },
  'continue-while-giving': { splits: 1, handOver: true },
};

const NOTHING: Setting = { mistake: null, faults: [], budget: 0, splits: 0, handOver: false };

export const MISTAKES: readonly Mistake[] = [...SAFETY_MISTAKES, ...LIVENESS_MISTAKES];
export { OWN_MISTAKES };

/** What finding counts as having caught the mistake. */
export const expected = (mistake: Mistake): 'safety' | 'liveness' =>
  (LIVENESS_MISTAKES as readonly Mistake[]).includes(mistake) ? 'liveness' : 'safety';

export const mistaken = (mistake: Mistake): Run => ({
  name: mistake,
  setting: { ...NOTHING, ...CIRCUMSTANCES[mistake], mistake },
  maxStates: 4_000_000,
});

/** The same circumstances without the mistake: there the contract must hold, or the catch would prove nothing. */
export const innocent = (mistake: Mistake): Run => {
  const run = mistaken(mistake);
  return { ...run, name: `${mistake}, not made`, setting: { ...run.setting, mistake: null } };
};
