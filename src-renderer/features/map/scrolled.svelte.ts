import { inView, type Viewed } from './window.ts';

/** The height that is taken at the window's upper edge by what stays there, px. */
function barHeight(): number {
  const bar = document.querySelector('header.top');
  if (!bar || getComputedStyle(bar).position !== 'sticky') return 0;
  return bar.getBoundingClientRect().height;
}

/**
 * Which rows of a list that scrolls with the window are drawn. The row with the focus is always among them (`kept`): whoever
 * reads on with the keyboard must not lose its place because the wheel was turned.
 */
export class Scrolled {
  range = $state.raw<Viewed>({ from: 0, to: 40 });
  /** The list's upper edge is above the window's: what stood there is out of sight. */
  above = $state(false);
  /** The height of the window's bar, px. */
  bar = $state(0);
  /** Everything is drawn: it is being printed. */
  printing = $state(false);
  readonly #count: () => number;
  /** One row's height, px. */
  readonly #pitch: () => number;
  #frame = 0;
  #body: HTMLElement | null = null;

  constructor(count: () => number, pitch: () => number) {
    this.#count = count;
    this.#pitch = pitch;
  }

  /** Attach to the element that holds the rows. */
  readonly attach = (body: HTMLElement): (() => void) => {
    this.#body = body;
    const soon = (): void => {
      this.#frame ||= requestAnimationFrame(() => {
        this.#frame = 0;
        this.measure();
      });
    };
    const print = (): void => {
      this.printing = true;
    };
    const printed = (): void => {
      this.printing = false;
    };
    const moved = new ResizeObserver(soon);
    moved.observe(document.body);
    addEventListener('scroll', soon, { passive: true });
    addEventListener('resize', soon);
    addEventListener('beforeprint', print);
    addEventListener('afterprint', printed);
    soon();
    return () => {
      cancelAnimationFrame(this.#frame);
      moved.disconnect();
      removeEventListener('scroll', soon);
      removeEventListener('resize', soon);
      removeEventListener('beforeprint', print);
      removeEventListener('afterprint', printed);
    };
  };

  measure(): void {
    if (!this.#body) return;
    const { top } = this.#body.getBoundingClientRect();
    const bar = barHeight();
    if (bar !== this.bar) this.bar = bar;
    const above = top < bar;
    if (above !== this.above) this.above = above;
    const next = inView(-top, innerHeight, this.#pitch(), this.#count());
    if (next.from !== this.range.from || next.to !== this.range.to) this.range = next;
  }

  /** Indexes of the rows to draw, in order. */
  rows(count: number, kept: number): number[] {
    const { from, to } = this.printing ? { from: 0, to: count } : this.range;
    const shown: number[] = [];
    if (kept >= 0 && kept < Math.min(from, count)) shown.push(kept);
    for (let index = from; index < Math.min(to, count); index += 1) shown.push(index);
    if (kept >= to && kept < count) shown.push(kept);
    return shown;
  }
}

export const remPx = (): number =>
  Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
