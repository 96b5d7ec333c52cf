/** Which of many rows of one height are in view. All lengths in one unit. */
export interface Viewed {
  /** First row that is drawn, and the first after it that is not. */
  from: number;
  to: number;
}

/** Rows drawn beyond each edge: the next one is there before the eye or the arrow key gets to it. */
export const OVERSCAN = 8;

/** `top`: how far the first row's upper edge lies above the view; negative: below it. */
export function inView(top: number, height: number, pitch: number, count: number): Viewed {
  const first = Math.floor(top / pitch) - OVERSCAN;
  const last = Math.ceil((top + height) / pitch) + OVERSCAN;
  const from = Math.min(Math.max(0, first), count);
  return { from, to: Math.max(from, Math.min(count, last)) };
}
