import {
  ARMED,
  BEGUN,
  COMMITTED,
  COPYING,
  H,
  HELD,
  hasAll,
  hf,
  LIVE,
  NO_MIRROR,
  NONE,
  ownerOf,
  READ,
  RUNNING,
  STANDING,
  STOPPED,
  SYNC,
  setHf,
  TAKEN,
  UP,
  V,
  vf,
  WHOLE,
} from './layout.ts';
import { lease } from './lease.ts';
import { closeExport, type Moves } from './moves.ts';
import { PARTNERS, unchanged, voterUp } from './register.ts';

/** What the agent of host `h` does as the owner its record names; each may happen at any time and need not. */
export function ownerSteps(m: Moves, h: number): void {
  if (ownerOf(hf(m.from, h, H.KNOWN)) !== h) return;
  closes(m, h);
  swaps(m, h);
  starts(m, h);
  permits(m, h);
  mirrors(m, h);
}

/** A swap by the owner from what it knows; without the epoch's check it overwrites whatever has come since. */
function swap(m: Moves, h: number, partner: number, action: string, record: number, epochUp: number): void {
  if (m.setting.mistake !== 'epoch-unchecked' && !unchanged(m.from, h, partner)) return;
  m.swap(action, h, partner, record, hf(m.from, h, H.KNOWN_EPOCH) + epochUp, action === 'hand-over');
}

function closes(m: Moves, h: number): void {
  if (hf(m.from, h, H.EXPORT) === 0) return;
  closeExport(m.draft(), h);
  m.step('close-export', h);
}

function swaps(m: Moves, h: number): void {
  const s = m.from;
  if (hf(s, h, H.AGENT) < READ) return;
  for (const partner of PARTNERS[h] ?? []) {
    if (!voterUp(s, partner)) continue;
    const known = hf(s, h, H.KNOWN);
    if ((known & BEGUN) === 0) begins(m, h, partner);
    else {
      retreats(m, h, partner);
      advances(m, h, partner);
    }
  }
}

function begins(m: Moves, h: number, partner: number): void {
  const s = m.from;
  if (hf(s, h, H.GUEST) === RUNNING) return;
  if (hf(s, h, H.EXPORT) === 1 && m.setting.mistake !== 'export-open') return;
  swap(m, h, partner, 'begin', (hf(s, h, H.KNOWN) | BEGUN) & ~TAKEN, 0);
}

/** Stale, disarm, and the same record once more, which settles what an earlier swap of unknown outcome has left. */
function retreats(m: Moves, h: number, partner: number): void {
  const s = m.from;
  const known = hf(s, h, H.KNOWN);
  const broken = hf(s, h, H.MIRROR) !== WHOLE;
  if ((known & SYNC) !== 0 && broken) swap(m, h, partner, 'stale', known & ~(SYNC | ARMED), 0);
  if ((known & ARMED) !== 0) swap(m, h, partner, 'disarm', known & ~ARMED, 0);
  else if (hf(s, h, H.AGENT) < COMMITTED && hf(s, h, H.PERM) !== STANDING)
    swap(m, h, partner, 'settle', known, 0);
}

function advances(m: Moves, h: number, partner: number): void {
  const s = m.from;
  const { mistake } = m.setting;
  const known = hf(s, h, H.KNOWN);
  const mirror = hf(s, h, H.MIRROR);
  const early = mistake === 'insync-too-early' && mirror === COPYING;
  const copied = mirror === WHOLE || early;
  const guest = hf(s, h, H.GUEST);
  if ((known & (ARMED | SYNC)) === 0 && guest === RUNNING && copied)
    swap(m, h, partner, 'in-sync', known | SYNC, 0);
  const armable = (known & ARMED) === 0 && guest === RUNNING;
  const valid = (copied && (known & SYNC) !== 0) || mistake === 'ignore-stale';
  if (armable && valid && mayArm(m, h)) swap(m, h, partner, 'arm', known | ARMED, 0);
  if (m.setting.handOver && guest === STOPPED && mirror === WHOLE && (known & SYNC) !== 0)
    swap(m, h, partner, 'hand-over', 1 - h, 1);
}

/** Guard on, and every voter there with the record as it is. */
function mayArm(m: Moves, h: number): boolean {
  const s = m.from;
  const { mistake } = m.setting;
  const perm = hf(s, h, H.PERM);
  if (mistake === 'arm-before-guard' ? perm < LIVE : perm !== LIVE) return false;
  if (mistake === 'arm-lagging') return true;
  return [0, 1, 2].every((v) => voterUp(s, v) && vf(s, v, V.BALLOT) === hf(s, h, H.KNOWN_BALLOT));
}

function starts(m: Moves, h: number): void {
  const s = m.from;
  const { mistake } = m.setting;
  const known = hf(s, h, H.KNOWN);
  const level = hf(s, h, H.AGENT);
  if (hf(s, h, H.GUEST) !== NONE || (known & BEGUN) === 0) return;
  if (hf(s, h, H.EXPORT) === 1 && mistake !== 'export-open') return;
  const inSync = (known & SYNC) !== 0;
  const fresh = !inSync || mistake === 'start-in-sync' || mistake === 'takeover-keeps-insync';
  const committed = level === COMMITTED || (mistake === 'confirm-by-query' && level === READ);
  if (!fresh) return;
  if ((known & ARMED) !== 0) startsLeased(m, h);
  else if (committed) {
    const n = m.draft();
    setHf(n, h, H.GUEST, RUNNING);
    setHf(n, h, H.PERM, STANDING);
    m.step('start', h);
  }
}

function guardOn(m: Moves, h: number): void {
  for (const partner of PARTNERS[h] ?? []) {
    const n = m.draft();
    if (!voterUp(n, partner) || !lease(n, h, partner, true, m.setting.mistake)) continue;
    setHf(n, h, H.PERM, LIVE);
    m.step('guard-on', h, partner);
  }
}

/** Only a mistake makes an armed record ask for a new QEMU. */
function startsLeased(m: Moves, h: number): void {
  for (const partner of PARTNERS[h] ?? []) {
    const n = m.draft();
    if (!voterUp(n, partner) || !lease(n, h, partner, true, m.setting.mistake)) continue;
    setHf(n, h, H.GUEST, RUNNING);
    setHf(n, h, H.PERM, LIVE);
    m.step('start', h);
  }
}

/** Guard on before arming, off only when the owner itself has committed a record that is not armed. */
function permits(m: Moves, h: number): void {
  const s = m.from;
  const { mistake } = m.setting;
  const known = hf(s, h, H.KNOWN);
  const perm = hf(s, h, H.PERM);
  if (hf(s, h, H.GUEST) === NONE || (known & BEGUN) === 0) return;
  const level = hf(s, h, H.AGENT);
  const confirmed = level === COMMITTED || (mistake === 'confirm-by-query' && level === READ);
  if ((known & ARMED) === 0 && confirmed && perm !== STANDING && hf(s, h, H.GIVING) === 0) {
    const n = m.draft();
    setHf(n, h, H.PERM, STANDING);
    setHf(n, h, H.GUEST, RUNNING);
    setHf(n, h, H.OVERLAP, 0);
    m.step('stand', h);
  }
  const ready = (known & SYNC) !== 0 && hf(s, h, H.MIRROR) === WHOLE;
  if ((ready || mistake === 'ignore-stale') && perm === STANDING && (known & ARMED) === 0) guardOn(m, h);
  if (m.setting.handOver && hf(s, h, H.GUEST) === RUNNING && perm >= LIVE && ready) {
    const n = m.draft();
    setHf(n, h, H.PERM, 0);
    setHf(n, h, H.GUEST, STOPPED);
    setHf(n, h, H.GIVING, 1);
    m.step('pause-to-give', h);
  }
}

function mirrors(m: Moves, h: number): void {
  const s = m.from;
  const mirror = hf(s, h, H.MIRROR);
  const known = hf(s, h, H.KNOWN);
  const linked = hf(s, 1 - h, H.EXPORT) === 1 && hf(s, 1 - h, H.LIFE) === UP;
  if (hf(s, h, H.GUEST) === NONE) return;
  const recorded = hasAll(known, BEGUN) && (known & ARMED) === 0 && hf(s, h, H.AGENT) === COMMITTED;
  if (mirror === HELD && (recorded || m.setting.mistake === 'release-unrecorded')) {
    setHf(m.draft(), h, H.MIRROR, NO_MIRROR);
    m.step('release', h);
  }
  if (!linked || hf(s, h, H.GUEST) !== RUNNING) return;
  if (mirror === NO_MIRROR && hasAll(known, BEGUN)) {
    setHf(m.draft(), h, H.MIRROR, COPYING);
    m.step('copy', h);
  }
}
