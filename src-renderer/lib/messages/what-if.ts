import { count, list } from '../format.ts';

const one = (names: readonly string[], single: string, many: string): string =>
  names.length === 1 ? single : many;

/** A failure that is only thought of. */
export const whatIf = {
  title: 'What if?',
  ofHost: 'What if it fails?',
  intro:
    'Choose what fails, all at the same moment. Nothing is touched: it is worked out by the same rules the agents act by.',
  hosts: 'What fails',
  witnesses: 'Witnesses',
  reset: 'Nothing fails',
  downNow: 'no answer now',
  counts: (runs: number, standbys: number) => `${runs} run · ${standbys} stand by`,
  votes: (n: number) => `votes for ${n}`,
  nothing: 'Nothing fails yet.',
  nothingText: 'Choose a host or a witness. What would come back, where and how soon is told here.',
  untouched: (names: readonly string[]) =>
    `If ${list(names)} ${one(names, 'fails', 'fail')}, no machine is touched.`,
  headline: (names: readonly string[]) => `If ${list(names)} ${one(names, 'fails', 'fail')} now:`,
  byItself: (n: number, hosts: readonly string[], after: string | null) =>
    `${count(n, 'machine comes', 'machines come')} back by ${n === 1 ? 'itself' : 'themselves'} on ${list(hosts)}${after === null ? '' : ` within about ${after}`}.`,
  unmeasured: (n: number) =>
    n === 1 ? 'How long one takes was never measured.' : `How long ${n} of them take was never measured.`,
  byHand: (n: number) => `${count(n, 'machine waits', 'machines wait')} for your decision.`,
  down: (n: number) => `${count(n, 'machine stays', 'machines stay')} down.`,
  frozen: (n: number) =>
    `${count(n, 'machine is', 'machines are')} frozen: its host lives, and hears no other vote.`,
  runs: (n: number) =>
    `${count(n, 'machine runs', 'machines run')} on, without a standby or without automation.`,
  tooMuch: (n: number, hosts: readonly string[]) =>
    `${count(n, 'machine does', 'machines do')} not fit into the memory of ${list(hosts)}.`,
  noLoss: 'Nothing that was acknowledged would be lost.',
  fates: {
    'by-itself': 'Comes back by itself',
    'by-hand': 'Waits for you',
    down: 'Stays down',
    frozen: 'Frozen',
    runs: 'Runs on',
  },
  reasons: {
    armed: 'armed, and in sync',
    unarmed: 'not armed: a person decides',
    'not-begun': 'it has just changed hosts and has not begun there',
    'not-in-sync': 'its copy lacks what was written last',
    unclean: 'its copy ended uncleanly: some writes may be missing',
    'no-majority': 'two of its three votes are gone',
    'both-hosts': 'both its hosts fail',
    'no-copy': 'its copy is not complete',
    'not-protected': 'it has no standby',
    'standby-lost': 'without a standby',
    'witness-lost': 'without its witness: nothing would start by itself',
  },
  table: {
    title: 'Machine by machine',
    machine: 'Machine',
    from: 'Runs on',
    to: 'Comes back on',
    fate: 'What happens',
    after: 'After',
    loss: 'Would be lost',
    nowhere: '–',
    unknown: 'not known',
    nothing: 'nothing',
    seconds: (span: string) => `${span} of writes`,
    unmeasured: 'never measured',
    onceOrdered: (span: string) => `${span} once decided`,
    measured: (source: string, when: string) => `by ${source}, ${when}`,
    noRoom: 'no memory left for it',
  },
  sources: {
    drill: 'its last drill',
    failover: 'its last failover',
    takeover: 'its last takeover',
    switchover: 'its last switchover',
  },
  rooms: {
    title: 'Memory where they come back',
    text: (used: string, coming: string, total: string) => `${used} used + ${coming} of ${total}`,
    over: (short: string) => `${short} too much`,
    free: (bytes: string) => `${bytes} stay free`,
    comes: (n: number) => `${n} ${n === 1 ? 'comes' : 'come'}`,
  },
  picture: 'As the map would look',
  imagined: 'Only imagined',
};
