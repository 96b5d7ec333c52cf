import {
  ARMED,
  at,
  BEGUN,
  BUDGET,
  COMMITTED,
  DOWN,
  FLYING,
  FROZEN,
  GONE,
  H,
  hasAll,
  hf,
  NONE,
  OFF,
  ownerOf,
  STANDING,
  STOPPED,
  type State,
  setHf,
  setVf,
  UNREAD,
  UP,
  V,
  vf,
  W_LIFE,
  W_LOST,
} from './layout.ts';
import { SILENT, thaw } from './lease.ts';
import { closeExport, type Moves } from './moves.ts';
import { block, dropProp, newerVoter, voterUp } from './register.ts';
import type { Fault } from './rules.ts';

/** What an end and a new start of an agent do to its voter: nobody remembers what was granted. */
const silence = (m: Moves): number => (m.setting.mistake === 'restart-grants' ? 0 : SILENT);

function agentEnds(n: State, h: number): void {
  setHf(n, h, H.AGENT, DOWN);
  setHf(n, h, H.GOT, 0);
  setHf(n, h, H.GIVING, 0);
  setVf(n, h, V.GRANT, 0);
}

function hostEnds(n: State, h: number, life: number): void {
  agentEnds(n, h);
  setHf(n, h, H.LIFE, life);
  setHf(n, h, H.GUEST, NONE);
  closeExport(n, h);
  if (life !== GONE) return;
  // Two of three memories lost with nothing armed in between: nobody was promised a successor.
  if (at(n, W_LOST) === 1 && !topIsArmed(n)) n[W_LOST] = 2;
  for (const field of [H.KNOWN, H.KNOWN_BALLOT, H.KNOWN_EPOCH]) setHf(n, h, field, 0);
  for (const field of [V.REC, V.BALLOT, V.EPOCH]) setVf(n, h, field, 0);
  for (const one of [0, 1]) block(n, one, 1 << h);
}

/** Everything comes back by itself, unless it is gone for good; no fault, so it counts as a way out. */
export function repairSteps(m: Moves): void {
  const s = m.from;
  for (const h of [0, 1]) {
    const life = hf(s, h, H.LIFE);
    if (life === FROZEN) {
      thaw(m.draft(), h);
      m.step('thaw', h);
    } else if (life === OFF || (life === UP && hf(s, h, H.AGENT) === DOWN)) {
      const n = m.draft();
      setHf(n, h, H.LIFE, UP);
      setHf(n, h, H.AGENT, UNREAD);
      setVf(n, h, V.GRANT, silence(m));
      // A swap that gives the guest away may be on the wire: what the agent did before is unknown to it.
      setHf(n, h, H.GIVING, hf(s, h, H.GUEST) === STOPPED ? 1 : 0);
      m.step(life === OFF ? 'boot' : 'agent-starts', h);
    }
  }
  if (at(s, W_LIFE) === OFF) {
    const n = m.draft();
    n[W_LIFE] = UP;
    setVf(n, 2, V.GRANT, silence(m));
    m.step('witness-starts', 2);
  }
  if (at(s, W_LOST) > 0 && at(s, W_LIFE) === UP && voterUp(s, 0) && voterUp(s, 1)) rejoins(m);
}

/** A voter without continuity votes again after it has read *both* others, under a ballot they have promised. */
function rejoins(m: Moves): void {
  const n = m.draft();
  const top = newerVoter(n, newerVoter(n, 0, 1), 2);
  for (const field of [V.REC, V.BALLOT, V.EPOCH]) setVf(n, 2, field, vf(m.from, top, field));
  for (const h of [0, 1]) block(n, h, 7);
  n[W_LOST] = 0;
  setVf(n, 2, V.GRANT, SILENT);
  m.step('witness-reads-both', 2);
}

export function faultSteps(m: Moves): void {
  const s = m.from;
  if (at(s, BUDGET) === 0) return;
  for (const h of [0, 1]) {
    const life = hf(s, h, H.LIFE);
    if (life === GONE) continue;
    hostFaults(m, h, life);
  }
  witnessFaults(m);
}

const allowed = (m: Moves, fault: Fault): boolean => m.setting.faults.includes(fault);

function fault(m: Moves, kind: Fault, who: number, change: (n: State) => void): void {
  if (!allowed(m, kind)) return;
  const n = m.draft();
  n[BUDGET] = at(n, BUDGET) - 1;
  change(n);
  m.step(kind, who, 0, true);
}

function hostFaults(m: Moves, h: number, life: number): void {
  const s = m.from;
  const someGone = at(s, W_LIFE) === GONE || hf(s, 1 - h, H.LIFE) === GONE;
  if (!someGone) fault(m, 'gone', h, (n) => hostEnds(n, h, GONE));
  if (life !== OFF) fault(m, 'power', h, (n) => hostEnds(n, h, OFF));
  if (life !== UP) return;
  fault(m, 'freeze', h, (n) => setHf(n, h, H.LIFE, FROZEN));
  if (hf(s, h, H.AGENT) !== DOWN) fault(m, 'agent', h, (n) => agentEnds(n, h));
  if (hf(s, h, H.GUEST) !== NONE) fault(m, 'qemu', h, (n) => setHf(n, h, H.GUEST, NONE));
}

function witnessFaults(m: Moves): void {
  const s = m.from;
  const life = at(s, W_LIFE);
  const someGone = [0, 1].some((h) => hf(s, h, H.LIFE) === GONE);
  if (life !== GONE) {
    if (!someGone) {
      fault(m, 'gone', 2, (n) => {
        n[W_LIFE] = GONE;
        n[W_LOST] = 0;
        for (const field of [V.REC, V.BALLOT, V.EPOCH, V.GRANT]) setVf(n, 2, field, 0);
        for (const h of [0, 1]) block(n, h, 4);
      });
    }
    if (life === UP) {
      fault(m, 'witness', 2, (n) => {
        n[W_LIFE] = OFF;
        setVf(n, 2, V.GRANT, 0);
      });
    }
    fault(m, 'rollback', 2, (n) => rollBack(n, m));
  }
  replaceWitness(m);
}

/** Whether the newest record anywhere is an armed one. */
function topIsArmed(s: State): boolean {
  const top = vf(s, newerVoter(s, newerVoter(s, 0, 1), 2), V.BALLOT);
  return [0, 1, 2].some((v) => vf(s, v, V.BALLOT) === top && hasAll(vf(s, v, V.REC), ARMED));
}

/** The witness comes up with the first record of all; unless the mistake is made it knows that it lost its memory. */
function rollBack(n: State, m: Moves): void {
  let armed = topIsArmed(n) || [0, 1].some((h) => hf(n, h, H.LIFE) === GONE);
  for (const h of [0, 1]) armed ||= hf(n, h, H.PROP_STATE) >= FLYING && hasAll(hf(n, h, H.PROP), ARMED);
  n[W_LIFE] = UP;
  setVf(n, 2, V.REC, BEGUN | ARMED | 8);
  setVf(n, 2, V.BALLOT, 0);
  setVf(n, 2, V.EPOCH, 0);
  setVf(n, 2, V.GRANT, SILENT);
  if (m.setting.mistake !== 'rollback-accepted') n[W_LOST] = armed ? 2 : 1;
}

/** Another box becomes the witness: unarmed, by the owner, with the record and the silence; or, wrongly, just so. */
function replaceWitness(m: Moves): void {
  const s = m.from;
  const unchecked = m.setting.mistake === 'voter-swap-unchecked';
  for (const h of [0, 1]) {
    const known = hf(s, h, H.KNOWN);
    if (!voterUp(s, h)) continue;
    const proper =
      voterUp(s, 1 - h) &&
      hf(s, h, H.AGENT) === COMMITTED &&
      hf(s, h, H.PERM) === STANDING &&
      ownerOf(known) === h &&
      hasAll(known, BEGUN) &&
      (known & ARMED) === 0;
    if (!unchecked && !proper) continue;
    fault(m, 'replace', h, (n) => {
      n[W_LIFE] = UP;
      n[W_LOST] = 0;
      for (const v of unchecked ? [2] : [0, 1, 2]) {
        setVf(n, v, V.REC, known);
        setVf(n, v, V.BALLOT, hf(s, h, H.KNOWN_BALLOT));
        setVf(n, v, V.EPOCH, hf(s, h, H.KNOWN_EPOCH));
      }
      setVf(n, 2, V.GRANT, unchecked ? 0 : SILENT);
      if (!unchecked) for (const one of [0, 1]) dropProp(n, one);
    });
  }
}
