import type { Locator } from '@playwright/test';
import { automation } from '../../../src-renderer/lib/messages/automation.ts';
import { expect } from '../expect.ts';
import type { Hand } from './hand.ts';

/** What a machine does by itself if its host fails, on the machine's page. */
export class AutomationCard {
  readonly hand: Hand;

  constructor(hand: Hand) {
    this.hand = hand;
  }

  /** One of those who decide. */
  voter(host: string): Locator {
    return this.hand.page.getByRole('listitem').filter({ hasText: host });
  }

  /** Its record is up to date. */
  async countsOn(host: string): Promise<void> {
    await expect(this.voter(host).getByText(automation.votes.fine)).toBeVisible();
  }

  /** The owner's lease, renewed all the time. */
  async showsTheLeaseOf(host: string): Promise<void> {
    const words = new RegExp(`^${host} may run it until renewed; renewed \\d(\\.\\d)? s ago\\.$`);
    await expect(this.hand.page.getByText(words)).toBeVisible();
  }

  /** Of the standby, when the owner is not heard. */
  async countsDown(standby: string, host: string): Promise<void> {
    const words = new RegExp(`^${standby} steps in in \\d s unless ${host} is heard\\.$`);
    await expect(this.hand.page.getByText(words)).toBeVisible();
  }

  /** In place of a witness that it lacks. */
  async chooseWitness(): Promise<void> {
    await this.hand.click(this.hand.action(automation.mend.witness));
  }
}
