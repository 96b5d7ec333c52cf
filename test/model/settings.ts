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

const NOTHING: Setting = { mistake: null, faults: [], budget: 0, splits: 0, handOver: false };

const contract = (name: string, maxStates: number, setting: Partial<Setting>): Run => ({
  name,
  setting: { ...NOTHING, ...setting },
  maxStates,
});

const NO_FAULT = contract('cuts, lost and late messages, hand-overs; no other fault', 1_000_000, {
  handOver: true,
});
const TWO_MEMORIES = contract('a witness restored from a backup, and a voter lost for good', 4_000_000, {
  faults: ['gone', 'rollback'],
  budget: 2,
});

/** CI: half a minute and less than 1 GiB on an idle core. */
export const BOUNDED: readonly Run[] = [
  NO_FAULT,
  contract('one fault of any kind', 4_000_000, { faults: FAULTS, budget: 1 }),
  TWO_MEMORIES,
];

/** Minutes, and up to 4 GiB. */
export const FULL: readonly Run[] = [
  NO_FAULT,
  contract('one fault of any kind, hand-overs', 10_000_000, { faults: FAULTS, budget: 1, handOver: true }),
  TWO_MEMORIES,
  contract('one swap caught in flight, no other fault', 10_000_000, { splits: 1 }),
  contract('one swap caught in flight, and a node gone for good', 20_000_000, {
    faults: ['gone'],
    budget: 1,
    splits: 1,
  }),
  contract('two faults of any kind', 30_000_000, { faults: FAULTS, budget: 2 }),
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
