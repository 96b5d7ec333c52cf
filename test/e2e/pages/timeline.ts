import { activity } from '../../../src-renderer/lib/messages/activity.ts';
import type { Hand } from './hand.ts';

/** The history on a pair's page or under Activity. */
export class TimelinePanel {
  readonly hand: Hand;

  constructor(hand: Hand) {
    this.hand = hand;
  }

  /** What an entry is founded on, of the newest that says so. */
  async openEvidence(): Promise<void> {
    const evidence = this.hand.page.getByText(activity.evidence).first();
    await this.hand.click(evidence);
    await evidence.scrollIntoViewIfNeeded();
  }

  /** What the entries shown say, newest first. */
  entries(): Promise<string[]> {
    return this.hand.page.locator('.timeline li .words > p:first-child').allTextContents();
  }
}
