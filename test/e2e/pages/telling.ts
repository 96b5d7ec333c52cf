import type { Locator } from '@playwright/test';
import { telling } from '../../../src-renderer/lib/messages/telling.ts';
import { expect } from '../expect.ts';
import type { Hand } from './hand.ts';

/** How the fleet tells people: what is set, what was told. Under Settings. */
export class TellingCard {
  readonly hand: Hand;

  constructor(hand: Hand) {
    this.hand = hand;
  }

  get card(): Locator {
    return this.hand.page.getByRole('region', { name: telling.title });
  }

  get saving(): Locator {
    return this.hand.button(telling.save);
  }

  /** A secret is never shown, only that there is one. */
  get password(): Locator {
    return this.card.getByLabel(telling.password, { exact: false }).first();
  }

  get receivers(): Locator {
    return this.hand.field(telling.to);
  }

  text(words: string | RegExp): Locator {
    return this.card.getByText(words);
  }

  /** At one place at least. */
  async says(words: string | RegExp, timeout?: number): Promise<void> {
    await expect(this.text(words).first()).toBeVisible(timeout ? { timeout } : {});
  }

  /** A way to tell, or the hours in which to tell less. */
  async switch(name: string): Promise<void> {
    await this.hand.click(this.card.getByRole('checkbox', { name, exact: true }));
  }

  async mailBy(server: string, from: string): Promise<void> {
    await this.hand.type(this.hand.field(telling.host), server);
    await this.hand.type(this.hand.field(telling.from), from);
  }

  async mailTo(receivers: string): Promise<void> {
    await this.hand.type(this.receivers, receivers);
  }

  async test(): Promise<void> {
    await this.hand.click(this.hand.button(telling.testMail));
  }

  async save(): Promise<void> {
    await this.hand.click(this.saving);
    await expect(this.hand.page.getByText(telling.saved)).toBeVisible();
  }

  /** The message that was told last. */
  async read(): Promise<void> {
    await this.hand.click(this.card.getByText(telling.read).first());
  }
}
