/**
 * Keyboard for a grid of links and buttons (WAI-ARIA grid pattern): one tab stop, arrows move to the nearest
 * one in that direction, Home and End to the first and last.
 */
export function gridKeys(grid: HTMLElement): () => void {
  const refresh = (): void => settle(grid);
  const onFocus = (event: FocusEvent): void => {
    if (event.target instanceof HTMLElement) makeStop(grid, event.target);
  };
  const onKey = (event: KeyboardEvent): void => {
    const from = document.activeElement;
    if (event.altKey || event.ctrlKey || event.metaKey || !(from instanceof HTMLElement)) return;
    const goal = goalOf(event.key, stops(grid), from);
    if (!goal) return;
    event.preventDefault();
    goal.focus();
    goal.scrollIntoView({ block: 'nearest' });
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
  for (const each of stops(grid)) each.tabIndex = each === stop ? 0 : -1;
}

const DIRECTIONS: Record<string, { x: number; y: number }> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

function goalOf(key: string, all: HTMLElement[], from: HTMLElement): HTMLElement | undefined {
  if (key === 'Home') return all[0];
  if (key === 'End') return all.at(-1);
  const direction = DIRECTIONS[key];
  return direction && nearest(all, from, direction);
}

/** What lies across the direction counts four times: keep to the row or column while possible. */
const SIDEWAYS_COST = 4;

function nearest(
  all: HTMLElement[],
  from: HTMLElement,
  { x, y }: { x: number; y: number },
): HTMLElement | undefined {
  const start = middle(from);
  let best: { each: HTMLElement; cost: number } | undefined;
  for (const each of all) {
    const { left, top } = middle(each);
    const along = (left - start.left) * x + (top - start.top) * y;
    const across = Math.abs((left - start.left) * y + (top - start.top) * x);
    const cost = along + across * SIDEWAYS_COST;
    if (each !== from && along > 1 && (!best || cost < best.cost)) best = { each, cost };
  }
  return best?.each;
}

function middle(element: HTMLElement): { left: number; top: number } {
  const box = element.getBoundingClientRect();
  return { left: box.left + box.width / 2, top: box.top + box.height / 2 };
}
