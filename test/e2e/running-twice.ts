import type { Page } from '@playwright/test';
import { map } from '../../src-renderer/lib/messages/map.ts';
import { pairs } from '../../src-renderer/lib/messages/pairs.ts';

declare global {
  interface Window {
    /** Machines seen to run in two places at once, with what was shown. */
    runningTwice?: string[];
  }
}

/**
 * Watches the page from its first paint on: whenever the picture changes, no machine may be shown to run on two
 * hosts. Reads the words of the chips, not their colours.
 */
export async function watchForTwoCopies(page: Page): Promise<() => Promise<string[]>> {
  const { runs, paused, onStage } = pairs.place;
  const running = [runs, paused, onStage('').trim()];
  await page.addInitScript(watch, { running, protect: map.protectName('') });
  return () => page.evaluate(() => window.runningTwice ?? ['the page was not watched']);
}

/** Runs in the page. */
function watch({ running, protect }: { running: string[]; protect: string }): void {
  const found: string[] = [];
  window.runningTwice = found;
  const look = (): void => {
    const places = new Map<string, string[]>();
    const add = (name: string, text: string): void => {
      places.set(name, [...(places.get(name) ?? []), text]);
    };
    for (const link of document.querySelectorAll('[role=grid] [role=gridcell] a')) {
      const text = (link.getAttribute('aria-label') ?? link.textContent ?? '').replace(/\s+/g, ' ').trim();
      if (text.startsWith(protect)) add(text.slice(protect.length), text);
      else if (running.some((word) => text.includes(word))) add(text.split(/[ ,]/)[0] ?? '', text);
    }
    for (const texts of places.values()) if (texts.length > 1) found.push(texts.join(' | '));
  };
  new MutationObserver(look).observe(document, {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
    attributeFilter: ['aria-label'],
  });
}
