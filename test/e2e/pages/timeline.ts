import type { Hand } from './hand.ts';

/** The history on a pair's page or under Activity. */
export class TimelinePanel {
  readonly hand: Hand;

  constructor(hand: Hand) {
    this.hand = hand;
  }

  /** What the entries shown say, newest first. */
  entries(): Promise<string[]> {
    return this.hand.page.locator('.timeline li .words > p:first-child').allTextContents();
  }
}
