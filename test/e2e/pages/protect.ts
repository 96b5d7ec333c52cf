import { protect } from '../../../src-renderer/lib/messages/protect.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { expect } from '../expect.ts';
import type { Hand } from './hand.ts';

const COPY_MS = 300_000;

/** The wizard *Protect a machine*. */
export class ProtectWizard {
  readonly hand: Hand;

  constructor(hand: Hand) {
    this.hand = hand;
  }

  async choose(machine: string, standby: string): Promise<void> {
    const { page } = this.hand;
    const choice = page.getByRole('radio', { name: new RegExp(`^${machine}\\b`) });
    if (!(await choice.isChecked())) await this.hand.click(choice);
    const where = page.getByRole('radio', { name: new RegExp(`^${standby}\\b`) });
    if (!(await where.isChecked())) await this.hand.click(where);
    await this.hand.click(this.hand.button(shell.next));
    await expect(page.getByRole('heading', { name: protect.policyTitle(machine) })).toBeVisible();
    await this.hand.click(this.hand.button(shell.next));
  }

  async start(): Promise<void> {
    const button = this.hand.button(protect.start);
    await expect(button).toBeEnabled({ timeout: 60_000 });
    await this.hand.click(button);
    await expect(
      this.hand.page.getByRole('heading', { name: /^First copy of|is protected\.$/ }).first(),
    ).toBeVisible();
  }

  async done(machine: string): Promise<void> {
    await expect(this.hand.page.getByText(protect.done(machine)).first()).toBeVisible({ timeout: COPY_MS });
  }

  async toMap(): Promise<void> {
    await this.hand.click(this.hand.action(protect.map));
  }

  async another(): Promise<void> {
    await this.hand.click(this.hand.button(protect.another));
  }
}
