import type { Emit } from './checker.ts';
import {
  at,
  COPYING,
  GONE,
  H,
  HELD,
  hf,
  NO_MIRROR,
  NONE,
  RUNNING,
  SPLITS,
  type State,
  setHf,
  UP,
  WHOLE,
  WIDTHS,
} from './layout.ts';
import { lease } from './lease.ts';
import { commit, propose, renumber } from './register.ts';
import type { Setting } from './rules.ts';

/** One state's steps in the making: `from` is read, `draft` gives a copy to change, `step` reports it. */
export class Moves {
  readonly setting: Setting;
  from: State = new Uint8Array(WIDTHS.length);
  readonly #draft: State = new Uint8Array(WIDTHS.length);
  #emit: Emit = () => undefined;

  constructor(setting: Setting) {
    this.setting = setting;
  }

  start(from: State, emit: Emit): void {
    this.from = from;
    this.#emit = emit;
  }

  draft(): State {
    this.#draft.set(this.from);
    return this.#draft;
  }

  /** A swap of host `h` through `partner`: made at once, or split while the setting allows another one. */
  swap(action: string, h: number, partner: number, record: number, epoch: number, giving = false): void {
    if (commit(this.draft(), h, partner, record, epoch, this.setting.mistake !== 'no-coupling'))
      this.step(action, h, partner);
    this.#split(this.draft(), action, h, partner, record, epoch, giving);
  }

  /** A takeover: a candidate's lease from both, and under it the swap. */
  takeOver(h: number, partner: number, record: number, epoch: number): void {
    const { mistake } = this.setting;
    const n = this.draft();
    if (!lease(n, h, partner, false, mistake)) return;
    if (commit(n, h, partner, record, epoch, mistake !== 'no-coupling')) this.step('take-over', h, partner);
    const split = this.draft();
    lease(split, h, partner, false, mistake);
    this.#split(split, 'take-over', h, partner, record, epoch, false);
  }

  #split(
    n: State,
    action: string,
    h: number,
    partner: number,
    record: number,
    epoch: number,
    giving: boolean,
  ): void {
    if (at(n, SPLITS) === 0) return;
    n[SPLITS] = at(n, SPLITS) - 1;
    propose(n, h, partner, record, epoch);
    if (giving) setHf(n, h, H.GIVING, 1);
    this.step(`${action}, split`, h, partner);
  }

  step(action: string, who: number, whom = 0, fault = false): void {
    settle(this.#draft);
    renumber(this.#draft);
    this.#emit(this.#draft, action, who, whom, fault);
  }
}

/** The link from `h`'s guest to the other copy is lost: a complete mirror holds, an incomplete one is given up. */
export function breakMirror(n: State, h: number): void {
  const mirror = hf(n, h, H.MIRROR);
  if (mirror === WHOLE) setHf(n, h, H.MIRROR, HELD);
  if (mirror === COPYING) setHf(n, h, H.MIRROR, NO_MIRROR);
}

export function closeExport(n: State, h: number): void {
  if (hf(n, h, H.EXPORT) === 0) return;
  setHf(n, h, H.EXPORT, 0);
  breakMirror(n, 1 - h);
}

/** What follows at once; a guest that may write alone is taken to do so, because nothing gets better by its not writing. */
function settle(n: State): void {
  for (const h of [0, 1]) {
    if (hf(n, h, H.GUEST) === NONE) {
      setHf(n, h, H.PERM, 0);
      setHf(n, h, H.MIRROR, NO_MIRROR);
      setHf(n, h, H.OVERLAP, 0);
      continue;
    }
    const mirror = hf(n, h, H.MIRROR);
    const alone = mirror === NO_MIRROR || mirror === COPYING;
    if (alone && hf(n, h, H.GUEST) === RUNNING && hf(n, h, H.LIFE) === UP) setHf(n, 1 - h, H.FRESH, 0);
  }
  for (const h of [0, 1]) if (hf(n, h, H.LIFE) === GONE) setHf(n, h, H.FRESH, 0);
}
