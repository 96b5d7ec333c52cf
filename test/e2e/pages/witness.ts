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

  /** From "what do you own?" to the machines it judges, which are those without a witness. */
  async choose(kind: keyof typeof witness.kinds, box: string): Promise<void> {
    const { page } = this.hand;
    await this.#own(kind);
    const choice = page.getByRole('radio', { name: new RegExp(`^${box}\\b`) });
    if (!(await choice.isChecked())) await this.hand.click(choice);
    await this.hand.click(this.hand.button(shell.next));
  }

  /** There is only one of it: no box to choose. */
  async chooseWorkstation(): Promise<void> {
    await this.#own('console');
    await expect(this.hand.page.getByRole('checkbox').first()).toBeVisible();
  }

  async #own(kind: keyof typeof witness.kinds): Promise<void> {
    const { page } = this.hand;
    await this.hand.click(page.getByRole('radio', { name: new RegExp(`^${witness.kinds[kind]}`) }));
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
    await this.hand.click(this.hand.button(shell.next));
    await expect(this.hand.page.getByText(witness.test.happens)).toBeVisible({ timeout: 30_000 });
  }

  async set(box: string): Promise<void> {
    await this.hand.click(this.hand.button(witness.test.go(box)));
    await expect(this.hand.page.getByRole('heading', { name: witness.done.title(box, 0, 1) })).toBeVisible({
      timeout: 60_000,
    });
  }

  async makeAutomatic(): Promise<void> {
    await this.hand.click(this.hand.button(witness.done.makeAutomatic));
    await expect(this.hand.page.getByText(witness.done.madeAutomatic)).toBeVisible();
  }
}
