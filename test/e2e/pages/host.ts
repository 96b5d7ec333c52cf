import { expect } from '@playwright/test';
import { hosts } from '../../../src-renderer/lib/messages/hosts.ts';
import type { Hand } from './hand.ts';

/** A host's page. */
export class HostPage {
  readonly hand: Hand;

  constructor(hand: Hand) {
    this.hand = hand;
  }

  async cutPower(): Promise<void> {
    await this.hand.click(this.hand.button(hosts.power.cut));
    await expect(this.hand.button(hosts.power.restore)).toBeVisible();
  }

  async restorePower(): Promise<void> {
    await this.hand.click(this.hand.button(hosts.power.restore));
    await expect(this.hand.button(hosts.power.cut)).toBeVisible({ timeout: 30_000 });
  }
}
