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
