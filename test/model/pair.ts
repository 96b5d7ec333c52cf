import type { Emit, Model } from './checker.ts';
import { mirrorSteps, readSteps } from './common.ts';
import { faultSteps, repairSteps } from './faults.ts';
import {
  ARMED,
  at,
  BEGUN,
  EPOCH_FELL,
  GONE,
  H,
  hasAll,
  hf,
  initialState,
  ownerOf,
  RUNNING,
  type State,
  setHf,
  TAKEN,
  UNREAD,
  UP,
  V,
  vf,
  W_LIFE,
  W_LOST,
  WHOLE,
  WIDTHS,
  WON,
} from './layout.ts';
import {
  candidate,
  guardMayStop,
  guardStops,
  lease,
  leaseAsOwner,
  mayRenew,
  mayTick,
  renew,
  tick,
} from './lease.ts';
import { Moves } from './moves.ts';
import { ownerSteps } from './owner.ts';
import { deliver, gossip, hear, mayDeliver, newerVoter, PARTNERS, voterUp } from './register.ts';
import type { Setting } from './rules.ts';
import { standbySteps } from './standby.ts';
import { tell } from './tell.ts';

/** The contract of docs/safety.md for one pair, as `setting` has it. */
export function pairModel(setting: Setting): Model {
  const moves = new Moves(setting);
  return {
    widths: WIDTHS,
    initial: initialState(setting.budget, setting.splits),
    successors: (state, emit) => allSteps(moves, state, emit),
    violation,
    settled,
    tell,
  };
}

function allSteps(m: Moves, s: State, emit: Emit): void {
  m.start(s, emit);
  if (mayTick(s)) {
    tick(m.draft());
    m.step('tick', 0);
  }
  wireSteps(m);
  for (const h of [0, 1]) {
    if (guardMayStop(s, h)) {
      guardStops(m.draft(), h);
      m.step('guard-stops', h);
    }
    mirrorSteps(m, h);
    if (hf(s, h, H.LIFE) !== UP || hf(s, h, H.AGENT) < UNREAD) continue;
    agentSteps(m, h);
  }
  repairSteps(m);
  faultSteps(m);
}

/** Accept messages and gossip arrive. */
function wireSteps(m: Moves): void {
  const s = m.from;
  const { mistake } = m.setting;
  for (const h of [0, 1]) {
    for (const v of [0, 1, 2]) {
      if (mayDeliver(s, h, v, mistake !== 'no-coupling')) {
        deliver(m.draft(), h, v);
        m.step('accept', h, v);
      }
      const older = vf(s, v, V.BALLOT) < hf(s, h, H.KNOWN_BALLOT);
      if (older && mistake !== 'no-gossip' && voterUp(s, v) && hf(s, h, H.AGENT) >= UNREAD && voterUp(s, h)) {
        gossip(m.draft(), h, v);
        m.step('gossip', h, v);
      }
    }
  }
}

function agentSteps(m: Moves, h: number): void {
  const s = m.from;
  if (hf(s, h, H.PROP_STATE) === WON) {
    hear(m.draft(), h);
    m.step('hear', h);
  }
  readSteps(m, h);
  leaseSteps(m, h);
  ownerSteps(m, h);
  standbySteps(m, h);
}

/** Renewals, and a candidate's lease to write back its own takeover with. */
function leaseSteps(m: Moves, h: number): void {
  const s = m.from;
  const { mistake } = m.setting;
  const late = mistake === 'count-from-receipt';
  const knownOwner = ownerOf(hf(s, h, H.KNOWN)) === h;
  if (late && hf(s, h, H.GOT) === 1 && mayRenew(s, h, mistake)) {
    renew(m.draft(), h);
    m.step('late-answer', h);
  }
  for (const partner of PARTNERS[h] ?? []) {
    if (!voterUp(s, partner)) continue;
    const n = m.draft();
    if (leaseAsOwner(s, h) && mayRenew(s, h, mistake) && lease(n, h, partner, true, mistake)) {
      if (late) setHf(n, h, H.GOT, 1);
      else renew(n, h);
      m.step('renew', h, partner);
    }
    const top = vf(s, newerVoter(s, h, partner), V.REC);
    const taken = hasAll(top, TAKEN) && ownerOf(top) === h;
    const again = m.draft();
    if (taken && (knownOwner || candidate(s, h, mistake)) && lease(again, h, partner, false, mistake))
      m.step('candidacy', h, partner);
  }
}

const runs = (s: State, h: number): boolean => hf(s, h, H.LIFE) === UP && hf(s, h, H.GUEST) === RUNNING;

/** I1, I2 and I4; I3 is what the guard is (time does not pass its bound), and what I1 rests on. */
export function violation(s: State): string | null {
  if (at(s, EPOCH_FELL) === 1) return 'I2: an epoch fell';
  const thawed = hf(s, 0, H.OVERLAP) === 1 || hf(s, 1, H.OVERLAP) === 1;
  if (runs(s, 0) && runs(s, 1) && !thawed) return 'I1: h1 and h2 both run the guest';
  for (const h of [0, 1]) {
    if (!runs(s, h)) continue;
    if (hf(s, h, H.FRESH) === 0 && hf(s, h, H.OVERLAP) === 0)
      return `I4: h${h + 1} serves a copy without all acknowledged writes`;
    const under = runs(s, 1 - h) && hf(s, h, H.MIRROR) === WHOLE && hf(s, 1 - h, H.EXPORT) === 1;
    if (under) return `I4: h${h + 1}'s acknowledged writes go into the disk under h${2 - h}'s running guest`;
  }
  return null;
}

/** I7: exactly one host runs the guest; or what would have to run is gone for good and has no successor by rule. */
export function settled(s: State): boolean {
  const running = [0, 1].filter((h) => runs(s, h));
  if (running.length === 1 && running.every((h) => hf(s, h, H.OVERLAP) === 0)) return true;
  const gone = [0, 1].find((h) => hf(s, h, H.LIFE) === GONE);
  if (gone === undefined) return false;
  // Two of three memories are gone, see W_LOST.
  if (at(s, W_LOST) === 2 || at(s, W_LIFE) === GONE) return true;
  const record = vf(s, newerVoter(s, 1 - gone, 2), V.REC);
  return ownerOf(record) === gone && hasAll(record, BEGUN) && (record & ARMED) === 0;
}
