/** Scrolls to the first or last row of a grid of which only a part is drawn; resolves when that is drawn. */
export type ToEdge = (edge: 'first' | 'last') => Promise<void>;

/** What a grid of which only a part is drawn does before the keyboard moves on. */
export interface PartlyDrawn {
  toEdge: ToEdge;
  /** Draws what lies around the element with the focus; null: it is drawn already. */
  around(from: HTMLElement): Promise<void> | null;
}

/**
 * Keyboard for a grid of links and buttons (WAI-ARIA grid pattern): one tab stop, arrows move to the nearest
 * one in that direction, Home and End to the first and last.
 */
export function gridKeys(grid: HTMLElement, partly?: PartlyDrawn): () => void {
  const refresh = (): void => settle(grid);
  const onFocus = (event: FocusEvent): void => {
    if (event.target instanceof HTMLElement) makeStop(grid, event.target);
  };
  const onKey = (event: KeyboardEvent): void => {
    const from = document.activeElement;
    if (event.altKey || event.ctrlKey || event.metaKey || !(from instanceof HTMLElement)) return;
    const edge = EDGES[event.key];
    if (edge !== undefined) {
      event.preventDefault();
      void (partly?.toEdge(edge) ?? Promise.resolve()).then(() =>
        go(stops(grid).at(edge === 'first' ? 0 : -1)),
      );
      return;
    }
    const direction = DIRECTIONS[event.key];
    if (!direction) return;
    const drawing = partly?.around(from) ?? null;
    if (drawing !== null) {
      event.preventDefault();
      void drawing.then(() => go(nearest(stops(grid), from, direction)));
      return;
    }
    const goal = nearest(stops(grid), from, direction);
    if (!goal) return;
    event.preventDefault();
    go(goal);
  };
  const observer = new MutationObserver(refresh);
  observer.observe(grid, { childList: true, subtree: true });
  grid.addEventListener('focusin', onFocus);
  grid.addEventListener('keydown', onKey);
  refresh();
  return () => {
    observer.disconnect();
    grid.removeEventListener('focusin', onFocus);
    grid.removeEventListener('keydown', onKey);
  };
}

function go(goal: HTMLElement | undefined): void {
  goal?.focus({ preventScroll: true });
  goal?.scrollIntoView({ block: 'nearest' });
}

function stops(grid: HTMLElement): HTMLElement[] {
  return [...grid.querySelectorAll<HTMLElement>('a[href], button')];
}

function settle(grid: HTMLElement): void {
  const all = stops(grid);
  const current = all.find((each) => each.tabIndex === 0 && each.hasAttribute('tabindex'));
  const stop = current ?? all[0];
  if (stop) makeStop(grid, stop);
}

function makeStop(grid: HTMLElement, stop: HTMLElement): void {
  for (const each of stops(grid)) {
    const index = each === stop ? 0 : -1;
    if (each.tabIndex !== index || !each.hasAttribute('tabindex')) each.tabIndex = index;
  }
}

const EDGES: Record<string, 'first' | 'last'> = { Home: 'first', End: 'last' };
const DIRECTIONS: Record<string, { x: number; y: number }> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

/** What lies across the direction counts four times, where no row or column is to be kept. */
const SIDEWAYS_COST = 4;

/** Keeps to the row or column (whatever overlaps it) while something is there, else takes the nearest. */
function nearest(
  all: HTMLElement[],
  from: HTMLElement,
  { x, y }: { x: number; y: number },
): HTMLElement | undefined {
  const start = from.getBoundingClientRect();
  const found = all
    .filter((each) => each !== from)
    .map((each) => {
      const box = each.getBoundingClientRect();
      const along = (middle(box).left - middle(start).left) * x + (middle(box).top - middle(start).top) * y;
      const across = Math.abs(
        (middle(box).left - middle(start).left) * y + (middle(box).top - middle(start).top) * x,
      );
      const kept =
        x === 0
          ? box.left < start.right && box.right > start.left
          : box.top < start.bottom && box.bottom > start.top;
      return { each, along, kept, cost: along + (kept ? 0 : across * SIDEWAYS_COST) };
    })
    .filter(({ along }) => along > 1);
  const line = found.filter(({ kept }) => kept);
  return (line.length > 0 ? line : found).sort((a, b) => a.cost - b.cost)[0]?.each;
}

function middle(box: DOMRect): { left: number; top: number } {
  return { left: box.left + box.width / 2, top: box.top + box.height / 2 };
}
