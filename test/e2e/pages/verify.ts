import type { Locator } from '@playwright/test';
import { timetable } from '../../../src-renderer/lib/messages/timetable.ts';
import { verify } from '../../../src-renderer/lib/messages/verify.ts';
import { expect } from '../expect.ts';
import { DialogBox } from './dialog.ts';
import type { Hand } from './hand.ts';

/** Comparisons of a machine's copy with it, on the machine's page. */
export class VerifyCard {
  readonly hand: Hand;

  constructor(hand: Hand) {
    this.hand = hand;
  }

  get card(): Locator {
    return this.hand.page.getByRole('region', { name: verify.title, exact: true });
  }

  async compare(): Promise<void> {
    await this.hand.click(this.card.getByRole('button', { name: verify.go, exact: true }));
  }

  async settings(machine: string): Promise<VerifySettingsDialog> {
    await this.hand.click(this.card.getByRole('link', { name: verify.settings, exact: true }));
    return new VerifySettingsDialog(this.hand, machine);
  }

  /** The last comparison found nothing; when, is told in the words of the clock. */
  async saysThatTheyAreAlike(standby: string, timeout: number): Promise<void> {
    const words = new RegExp(`^The copy on ${standby} was compared .+, and it is the same\\.$`);
    await expect(this.card.getByText(words)).toBeVisible({ timeout });
  }

  async says(text: string): Promise<void> {
    await expect(this.card.getByText(text)).toBeVisible();
  }

  /** One of the figures of the last comparison. */
  async tells(fact: keyof typeof verify.facts): Promise<void> {
    await expect(this.card.getByText(verify.facts[fact], { exact: true })).toBeVisible();
  }
}

/** When it is compared. */
export class VerifySettingsDialog extends DialogBox {
  constructor(hand: Hand, machine: string) {
    super(hand, verify.form.title(machine));
  }

  async every(when: keyof typeof timetable.every): Promise<void> {
    await this.choose(timetable.every[when]);
  }

  async save(): Promise<void> {
    await this.press(verify.form.save);
    await this.isGone();
  }
}
