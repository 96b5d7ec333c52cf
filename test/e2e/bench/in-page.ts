import type { Page } from '@playwright/test';

/** Run inside the page: nothing of it may refer to what is outside. */

export interface Seen {
  percent: number;
  /** Wall clock, ms, after the frame that shows it was drawn. */
  at: number;
}

/** From now on notes every figure of that machine's chip, once its frame is drawn. */
export async function watchChip(page: Page, machine: string): Promise<void> {
  await page.evaluate((name) => {
    const seen: { percent: number; at: number }[] = [];
    Object.assign(window, { benchSeen: seen });
    const chip = [...document.querySelectorAll('[role="grid"] a')].find((link) =>
      (link.textContent ?? '').trim().startsWith(name),
    );
    if (!chip) throw new Error(`no chip of ${name} on stage`);
    const drawn = new MessageChannel();
    const waiting: number[] = [];
    drawn.port1.onmessage = () => {
      const percent = waiting.shift();
      if (percent !== undefined) seen.push({ percent, at: performance.timeOrigin + performance.now() });
    };
    new MutationObserver(() => {
      const percent = Number(/CPU (\d+) %/.exec(chip.textContent ?? '')?.[1]);
      if (Number.isNaN(percent)) return;
      requestAnimationFrame(() => {
        waiting.push(percent);
        // A task after the frame's own work: by then it is drawn.
        drawn.port2.postMessage(null);
      });
    }).observe(chip, { characterData: true, childList: true, subtree: true });
  }, machine);
}

export const seenSoFar = (page: Page): Promise<Seen[]> =>
  page.evaluate(() => (window as unknown as { benchSeen: Seen[] }).benchSeen);

/** Pans the map down and up again for so long; how long each frame took, ms. */
export function pan(page: Page, forMs: number): Promise<number[]> {
  return page.evaluate(
    (ms) =>
      new Promise<number[]>((resolve) => {
        const frames: number[] = [];
        const begun = performance.now();
        let last = begun;
        let step = 28;
        const go = (now: number): void => {
          frames.push(now - last);
          last = now;
          const before = window.scrollY;
          window.scrollBy({ top: step, behavior: 'instant' });
          if (window.scrollY === before) step = -step;
          if (now - begun < ms) requestAnimationFrame(go);
          else resolve(frames.slice(1));
        };
        requestAnimationFrame(go);
      }),
    forMs,
  );
}
