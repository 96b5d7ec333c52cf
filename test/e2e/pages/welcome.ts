import type { Locator } from '@playwright/test';
import { welcome } from '../../../src-renderer/lib/messages/welcome.ts';
import { expect } from '../expect.ts';
import type { Hand } from './hand.ts';

/** The first page of a console that knows no host. */
export class WelcomePage {
  readonly hand: Hand;

  constructor(hand: Hand) {
    this.hand = hand;
  }

  get connecting(): Locator {
    return this.hand.action(welcome.connect);
  }

  get practising(): Locator {
    return this.hand.button(welcome.practice);
  }

  async isThere(): Promise<void> {
    await expect(this.hand.page.getByRole('heading', { level: 1, name: welcome.title })).toBeVisible();
  }

  /** Ends on the wizard *Add a host*. */
  async connect(): Promise<void> {
    await this.hand.click(this.connecting);
  }

  async practice(): Promise<void> {
    await this.hand.click(this.practising);
  }
}
