/** The page's one ticking clock: relative times follow it, so none goes silently stale. */
class Clock {
  now = $state(Date.now());

  constructor() {
    setInterval(() => {
      this.now = Date.now();
    }, 1_000);
  }
}

export const ticking = new Clock();

/** A quicker clock for what lasts seconds (a lease, a countdown). Call while a component is being made. */
export function quickClock(everyMs = 200): { readonly now: number } {
  let now = $state(Date.now());
  $effect(() => {
    const timer = setInterval(() => {
      now = Date.now();
    }, everyMs);
    return () => clearInterval(timer);
  });
  return {
    get now() {
      return now;
    },
  };
}
