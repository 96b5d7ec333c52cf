import { count, list } from '../format.ts';

/** What pairs do by themselves: the shield, the lease, the votes, pause and maintenance. */
export const automation = {
  title: 'If its host fails',
  state: {
    armed: 'armed',
    notArmed: 'not armed',
    manual: 'manual',
    paused: 'paused',
    maintenance: 'in maintenance',
    arming: 'arming',
  },
  says: {
    armed: (standby: string, span: string) => `${standby} starts it by itself, after about ${span}.`,
    manual: 'A person decides. Nothing starts by itself.',
    notArmed: 'Nothing starts by itself now:',
    arming: 'Everything is there. It arms itself in a moment.',
  },
  lease: {
    title: 'Right to run',
    none: 'Runs without a lease: nothing takes it away, and nothing may start a second copy by itself.',
    untilRenewed: (host: string) => `${host} may run it until renewed`,
    renewed: (ago: string) => `renewed ${ago} ago`,
    lengths: (span: string) => `lasts ${span}`,
    out: (host: string) => `${host} has no lease now.`,
    standbyKeeps: (standby: string, host: string) => `${standby} still gives its vote to ${host}`,
    countdown: (standby: string, host: string, span: string) =>
      `${standby} steps in in ${span} unless ${host} is heard.`,
    stepping: (standby: string) => `${standby} is stepping in now.`,
    asOf: (host: string, when: string) => `As ${host} said it, ${when}.`,
  },
  votes: {
    title: 'Votes',
    text: 'Two of three decide.',
    none: 'One vote only: there is no witness.',
    as: { owner: 'runs it', standby: 'stands by', witness: 'witness' },
    heard: (ago: string) => `heard ${ago} ago`,
    never: 'not heard yet',
    missing: (ago: string) => `silent for ${ago}`,
    behind: 'has an older record',
    fine: 'up to date',
  },
  guard: {
    title: 'Guard',
    on: (host: string) => `watches it on ${host}`,
    ready: (host: string) => `ready on ${host}`,
    unfit: (host: string, why: string) => `not ready on ${host}: ${why}`,
  },
  changes: {
    title: 'Changes of sides',
    none: 'none since it is protected',
    nth: (n: number) => `${ordinal(n)} change of sides`,
    how: {
      created: '',
      takeover: 'the standby stepped in by itself',
      'hand-over': 'handed over in order',
      'take-back': 'taken back, nothing had run on the other side',
      forced: 'forced by a person',
    },
  },
  profile: {
    title: 'How fast',
    fast: 'Fast',
    balanced: 'Balanced',
    patient: 'Patient',
    fastText: 'Starts after about 2 s. For hosts beside each other on a quiet network.',
    balancedText: 'Starts after about 5 s. Right for most.',
    patientText:
      'Starts after about half a minute. For a slow link between the hosts, or hosts that are often busy.',
    unarmedOnly: 'Cannot be changed while armed. Pause it first.',
  },
  policy: {
    title: 'What happens when its host fails?',
    manual: 'A person decides',
    manualText: 'You read the evidence and start the standby with a click.',
    automatic: 'It starts by itself',
    automaticText: 'The standby starts as soon as it is certain that nothing runs elsewhere.',
    needsWitness: 'Needs a witness: two hosts alone cannot tell a lost host from a cut cable.',
  },
  mend: {
    policy: 'Make it automatic…',
    witness: 'Choose a witness…',
    resume: 'Resume automation',
    maintenance: 'End maintenance',
    return: 'Copy it anew…',
    drill: 'Try the copy out…',
    host: (name: string) => `Look at ${name}`,
  },
  saidBy: (names: readonly string[]) => `${list(names)} ${names.length === 1 ? 'says' : 'say'} so`,
  settings: 'Change…',
  dialog: {
    title: (name: string) => `If the host of ${name} fails`,
    witness: 'Witness',
    noWitness: 'none',
    change: 'Another witness…',
    save: 'Save',
    saved: (name: string) => `${name}: saved.`,
    same: 'Nothing is changed yet.',
  },
  frozen: (name: string, host: string) => `${name} is frozen on ${host}.`,
  frozenText: (host: string) =>
    `Its guard stopped it, because ${host} hears no other vote. Look at the network of ${host}. The machine goes on by itself as soon as ${host} may run it, or starts on its standby.`,
  switch: {
    label: 'Automation',
    on: 'on',
    /** Nothing is set to act by itself. */
    none: 'none yet',
    paused: 'paused',
    partly: (n: number, all: number) => `paused for ${n} of ${all}`,
    pause: 'Pause all automation',
    resume: 'Resume automation',
    nothing: 'No machine is protected yet.',
    pausedTitle: 'Automation is paused.',
    pausedText: (n: number) =>
      `Nothing starts by itself for ${count(n, 'machine')}. Fail over stays in your hands.`,
    partlyTitle: (n: number, all: number) => `Automation is paused for ${n} of ${all} machines.`,
    pausedNote: 'Automation is paused.',
    resumedNote: 'Automation goes on. Pairs arm themselves when everything is there.',
  },
  maintenance: {
    title: (what: string) => `Maintenance of ${what}`,
    fleet: 'the whole fleet',
    start: 'Maintenance…',
    text: 'Nothing starts by itself until it ends. It ends by itself.',
    affected: (names: readonly string[]) =>
      names.length === 0 ? 'No protected machine is concerned.' : `Concerns ${list(names, 6)}.`,
    none: 'No protected machine is concerned.',
    howLong: 'For how long?',
    lengths: {
      '30': '30 minutes',
      '120': '2 hours',
      '480': '8 hours',
      '1440': 'A day',
    },
    until: (when: string) => `Until ${when}.`,
    reason: 'Why',
    reasonHint: 'Shown to everybody who looks at it meanwhile.',
    go: 'Begin maintenance',
    end: 'End maintenance now',
    banner: (when: string) => `In maintenance until ${when}.`,
    bannerText: (reason: string) =>
      reason ? `${reason}. Nothing starts by itself.` : 'Nothing starts by itself.',
    bannerNames: (names: readonly string[]) => `Nothing starts by itself for ${list(names, 4)}.`,
    begun: 'Maintenance has begun.',
    ended: 'Maintenance has ended.',
    bannerSome: (n: number, when: string) =>
      `${count(n, 'machine')} in maintenance, until ${when} at the latest.`,
  },
  outcomes: {
    title: (bad: number, all: number) => `${bad} of ${all} could not be changed`,
    ok: 'done',
    retry: 'Try these again',
    all: (n: number) => `Done for ${count(n, 'machine')}.`,
  },
};

export function ordinal(n: number): string {
  const tens = n % 100;
  const suffix = tens >= 11 && tens <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th');
  return `${n}${suffix}`;
}
