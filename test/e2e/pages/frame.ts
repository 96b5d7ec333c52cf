import type { Locator } from '@playwright/test';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { expect } from '../expect.ts';
import type { Hand } from './hand.ts';

/** What stands around every screen: its title, the one switch, the banners, what is told in passing. */
export class Frame {
  readonly hand: Hand;

  constructor(hand: Hand) {
    this.hand = hand;
  }

  /** Pauses all automation, or lets it go on. */
  get automation(): Locator {
    return this.hand.page.getByRole('switch');
  }

  /** What is said for a moment, and spoken. */
  get log(): Locator {
    return this.hand.page.getByRole('log');
  }

  /** On a page without a banner or a refusal of its own: what is told of the console. */
  get alert(): Locator {
    return this.hand.page.getByRole('alert');
  }

  get practice(): Locator {
    return this.hand.page.getByText(shell.practice.text);
  }

  get navigation(): Locator {
    return this.hand.page.getByRole('navigation', { name: shell.navigation });
  }

  title(name: string | RegExp): Locator {
    return this.hand.page.getByRole('heading', { level: 1, name });
  }

  async shows(title: string | RegExp): Promise<void> {
    await expect(this.title(title)).toBeVisible();
  }

  async hasLostItsConsole(): Promise<void> {
    await expect(this.alert.filter({ hasText: shell.lost.title })).toBeVisible();
  }

  async isPaused(): Promise<void> {
    await expect(this.automation).toHaveAttribute('aria-checked', 'false');
  }

  async isOn(): Promise<void> {
    await expect(this.automation).toHaveAttribute('aria-checked', 'true');
  }
}
