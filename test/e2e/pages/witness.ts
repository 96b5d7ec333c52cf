import type { Locator } from '@playwright/test';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { witness } from '../../../src-renderer/lib/messages/witness.ts';
import { expect } from '../expect.ts';
import type { Hand } from './hand.ts';

/** The wizard *Choose a witness*. */
export class WitnessWizard {
  readonly hand: Hand;

  constructor(hand: Hand) {
    this.hand = hand;
  }

  /** What somebody owns that could be one. */
  kind(kind: keyof typeof witness.kinds): Locator {
    return this.hand.page.getByRole('radio', { name: new RegExp(`^${witness.kinds[kind]}`) });
  }

  box(name: string): Locator {
    return this.hand.page.getByRole('radio', { name: new RegExp(`^${name}\\b`) });
  }

  /** One that it shall judge. */
  machine(name: string): Locator {
    return this.hand.page.getByRole('checkbox', { name: new RegExp(`^${name}`) });
  }

  testing(box: string): Locator {
    return this.hand.button(witness.test.go(box));
  }

  /** From "what do you own?" to the machines it judges, which are those without a witness. */
  async choose(kind: keyof typeof witness.kinds, box: string): Promise<void> {
    await this.own(kind);
    const choice = this.box(box);
    if (!(await choice.isChecked())) await this.hand.click(choice);
    await this.goOn();
  }

  /** There is only one of it: no box to choose. */
  async chooseWorkstation(): Promise<void> {
    await this.own('console');
    await expect(this.hand.page.getByRole('checkbox').first()).toBeVisible();
  }

  async own(kind: keyof typeof witness.kinds): Promise<void> {
    await this.hand.click(this.kind(kind));
    await this.goOn();
  }

  async goOn(): Promise<void> {
    await this.hand.click(this.hand.button(shell.next));
  }

  /** The only machines it shall judge. */
  async only(...machines: string[]): Promise<void> {
    for (const box of await this.hand.page.getByRole('checkbox').all()) {
      const label = (await box.locator('xpath=..').textContent()) ?? '';
      const wanted = machines.some((machine) => label.trim().startsWith(machine));
      if ((await box.isEnabled()) && (await box.isChecked()) !== wanted) await this.hand.click(box);
    }
  }

  async test(): Promise<void> {
    await this.goOn();
    await expect(this.hand.page.getByText(witness.test.happens)).toBeVisible({ timeout: 30_000 });
  }

  async set(box: string): Promise<void> {
    await this.hand.click(this.testing(box));
    await this.isSet(box, 0, 1, 60_000);
  }

  /** With so many of all that could not be told. */
  async isSet(box: string, not: number, all: number, timeout?: number): Promise<void> {
    const title = this.hand.page.getByRole('heading', { name: witness.done.title(box, not, all) });
    await expect(title).toBeVisible(timeout ? { timeout } : {});
  }

  async makeAutomatic(): Promise<void> {
    await this.hand.click(this.hand.button(witness.done.makeAutomatic));
    await expect(this.hand.page.getByText(witness.done.madeAutomatic)).toBeVisible();
  }
}
