import { ARMED, BEGUN, H, hasAll, hf, type State, SYNC } from './layout.ts';

const NAMES = ['h1', 'h2', 'the witness'];

const STORIES: Record<string, string> = {
  tick: 'time passes (whoever was not answered is cut off, or slow)',
  accept: "A's swap reaches B, which accepts it",
  gossip: "A's newer record reaches B",
  hear: 'A hears that its swap is chosen',
  read: 'A reads the record from itself and B',
  'write-back': 'A finds unlike records at itself and B and writes the newer one back',
  candidacy: 'A gets a candidate lease from itself and B',
  renew: 'A renews its lease at itself and B',
  'late-answer': 'A gets the late answer and counts its lease from now',
  'close-export': 'A closes its export',
  'open-export': 'A opens its export as the standby',
  begin: 'A records with B that it begins',
  stale: 'A records with B: replica stale, unarmed',
  disarm: 'A disarms with B',
  settle: 'A writes its unarmed record once more with B',
  'in-sync': 'A records with B: in-sync',
  arm: 'A arms with B',
  'hand-over': 'A hands over, with B',
  'take-over': 'A gets a candidate lease from itself and B and takes over',
  'take-back': 'A takes back, with B, what has not begun',
  start: 'A starts the guest',
  stand: 'A gives its guest a standing permission',
  'guard-on': "A's guard is on: the guest runs to a deadline only",
  'pause-to-give': 'A stops its guest to hand it over',
  release: 'A lets the held writes go without the replica',
  copy: 'A starts a copy to the other host',
  copied: "A's copy is complete",
  'mirror-breaks': "A's mirror breaks",
  'mirror-heals': "A's mirror goes on",
  'timer-runs-out': "A's stopped QEMU gives up waiting for the mirror",
  'guard-stops': "A's guard stops the guest",
  'kill-superseded': 'A kills its superseded guest',
  thaw: 'A thaws',
  boot: 'A boots',
  'agent-starts': "A's agent starts",
  'witness-starts': 'A starts',
  'witness-reads-both': 'A has read both hosts and votes again',
  power: 'A loses power',
  agent: "A's agent dies",
  freeze: 'A freezes as a whole',
  qemu: "A's QEMU dies",
  witness: 'A goes down',
  gone: 'A is gone for good',
  rollback: "A's disk is put back to an old day",
  replace: 'A replaces the witness by another box',
};

/** One step in words, with what a host then knows when that has changed by it. */
export function tell(action: string, who: number, whom: number, after: State): string {
  const split = action.endsWith(', split');
  const told = (STORIES[split ? action.slice(0, -7) : action] ?? action)
    .replaceAll(/\bA\b/g, NAMES[who] ?? '?')
    .replaceAll(/\bB\b/g, NAMES[whom] ?? '?')
    .concat(split ? ' (prepared; the accept messages are on their way)' : '');
  if (who > 1 || !['hear', 'read'].includes(action)) return told;
  return `${told} (${recordInWords(hf(after, who, H.KNOWN))})`;
}

export function recordInWords(record: number): string {
  const words = [`owner ${NAMES[record & 1] ?? '?'}`];
  if (!hasAll(record, BEGUN)) words.push('not begun');
  words.push(hasAll(record, ARMED) ? 'armed' : 'unarmed', hasAll(record, SYNC) ? 'in sync' : 'stale');
  return words.join(', ');
}
