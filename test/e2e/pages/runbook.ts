import type { Locator } from '@playwright/test';
import { runbook } from '../../../src-renderer/lib/messages/runbook.ts';
import { expect } from '../expect.ts';
import type { Hand } from './hand.ts';

/** What to do by hand, as it is printed. */
export class RunbookPage {
  readonly hand: Hand;

  constructor(hand: Hand) {
    this.hand = hand;
  }

  get paper(): Locator {
    return this.hand.page.getByRole('article', { name: runbook.paper });
  }

  /** It has been written. */
  async isThere(): Promise<void> {
    await expect(this.paper).toBeVisible();
  }
}
