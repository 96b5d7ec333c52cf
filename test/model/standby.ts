import {
  ARMED,
  BEGUN,
  H,
  hasAll,
  hf,
  NONE,
  ownerOf,
  READ,
  RUNNING,
  SYNC,
  setHf,
  TAKEN,
  V,
  vf,
} from './layout.ts';
import { candidate } from './lease.ts';
import type { Moves } from './moves.ts';
import { newerVoter, PARTNERS, unchanged, voterUp } from './register.ts';

/** What the agent of host `h` does as the other member: keeps the copy, steps in, takes back what never began. */
export function standbySteps(m: Moves, h: number): void {
  const s = m.from;
  takesBack(m, h);
  const known = hf(s, h, H.KNOWN);
  if (ownerOf(known) === h || hf(s, h, H.AGENT) < READ) return;
  if (hasAll(known, BEGUN) && hf(s, h, H.GUEST) !== NONE) {
    setHf(m.draft(), h, H.GUEST, NONE);
    m.step('kill-superseded', h);
  }
  if (hasAll(known, BEGUN) && hf(s, h, H.GUEST) === NONE && hf(s, h, H.EXPORT) === 0) {
    setHf(m.draft(), h, H.EXPORT, 1);
    m.step('open-export', h);
  }
  takesOver(m, h);
}

function takesOver(m: Moves, h: number): void {
  const s = m.from;
  const { mistake } = m.setting;
  if (!candidate(s, h, mistake)) return;
  for (const partner of PARTNERS[h] ?? []) {
    if (!voterUp(s, partner) || !unchanged(s, h, partner)) continue;
    const keeps = mistake === 'takeover-keeps-insync' ? ARMED | SYNC : 0;
    m.takeOver(h, partner, h | TAKEN | keeps, hf(s, h, H.KNOWN_EPOCH) + 1);
  }
}

/** The other has not begun, whether its swap was chosen or reached one voter only: this copy is complete. */
function takesBack(m: Moves, h: number): void {
  const s = m.from;
  if (m.setting.mistake === 'no-take-back' || hf(s, h, H.GUEST) === RUNNING) return;
  for (const partner of PARTNERS[h] ?? []) {
    if (!voterUp(s, partner)) continue;
    const top = newerVoter(s, h, partner);
    const record = vf(s, top, V.REC);
    if (ownerOf(record) === h || hasAll(record, BEGUN)) continue;
    m.swap('take-back', h, partner, h, vf(s, top, V.EPOCH) + 1, true);
  }
}
