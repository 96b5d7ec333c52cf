import { COPYING, H, HELD, hf, NO_MIRROR, STOPPED, setHf, UP, V, vf, WHOLE } from './layout.ts';
import { breakMirror, type Moves } from './moves.ts';
import { agreed, learn, newerVoter, PARTNERS, voterUp } from './register.ts';

/** Done by the forwarder and the mirror themselves, whatever the agent does. */
export function mirrorSteps(m: Moves, h: number): void {
  const s = m.from;
  const mirror = hf(s, h, H.MIRROR);
  if (hf(s, h, H.LIFE) !== UP || mirror === NO_MIRROR) return;
  const linked = hf(s, 1 - h, H.EXPORT) === 1 && hf(s, 1 - h, H.LIFE) === UP;
  if (mirror === COPYING || mirror === WHOLE) {
    breakMirror(m.draft(), h);
    m.step('mirror-breaks', h);
  }
  if (mirror === COPYING && linked) {
    const n = m.draft();
    setHf(n, h, H.MIRROR, WHOLE);
    setHf(n, 1 - h, H.FRESH, hf(s, h, H.FRESH));
    m.step('copied', h);
  }
  if (mirror === HELD && linked) {
    setHf(m.draft(), h, H.MIRROR, WHOLE);
    m.step('mirror-heals', h);
  }
  // QEMU's own reconnect timer goes on while it is stopped, and then lets its writes go.
  if (mirror === HELD && hf(s, h, H.GUEST) === STOPPED) {
    setHf(m.draft(), h, H.MIRROR, NO_MIRROR);
    m.step('timer-runs-out', h);
  }
}

/** A read of a majority: chosen when both say the same, else written back first. */
export function readSteps(m: Moves, h: number): void {
  const s = m.from;
  for (const partner of PARTNERS[h] ?? []) {
    if (!voterUp(s, partner)) continue;
    const top = newerVoter(s, h, partner);
    if (agreed(s, h, partner)) {
      const n = m.draft();
      learn(n, h);
      m.step('read', h, partner);
    } else if (m.setting.mistake !== 'no-gossip') {
      m.swap('write-back', h, partner, vf(s, top, V.REC), vf(s, top, V.EPOCH));
    }
  }
}
