import type { Locator } from '@playwright/test';
import { automation } from '../../../src-renderer/lib/messages/automation.ts';
import { limits } from '../../../src-renderer/lib/messages/limits.ts';
import { protect } from '../../../src-renderer/lib/messages/protect.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { expect } from '../expect.ts';
import type { Hand } from './hand.ts';
import { LimitsDialog } from './limits.ts';

const COPY_MS = 300_000;

/** The wizard *Protect a machine*. */
export class ProtectWizard {
  readonly hand: Hand;

  constructor(hand: Hand) {
    this.hand = hand;
  }

  machine(name: string): Locator {
    return this.hand.page.getByRole('radio', { name: new RegExp(`^${name}\\b`) });
  }

  /** A host where the copy can be. */
  standby(host: string): Locator {
    return this.hand.page.getByRole('radio', { name: new RegExp(`^${host}\\b`) });
  }

  get next(): Locator {
    return this.hand.button(shell.next);
  }

  get starting(): Locator {
    return this.hand.button(protect.start);
  }

  /** To the last step but one: what is chosen so far stands. */
  async choose(machine: string, standby: string): Promise<void> {
    await this.#take(this.machine(machine));
    await this.standOn(standby);
    await this.asksWhatHappens(machine);
    await this.goOn();
  }

  /** Where its machine is chosen already, e.g. by the link that led here. */
  async standOn(host: string): Promise<void> {
    await this.#take(this.standby(host));
    await this.goOn();
  }

  async asksWhatHappens(machine: string): Promise<void> {
    await expect(this.hand.page.getByRole('heading', { name: protect.policyTitle(machine) })).toBeVisible();
  }

  async goOn(): Promise<void> {
    await this.hand.click(this.next);
  }

  async back(): Promise<void> {
    await this.hand.click(this.hand.button(shell.back));
  }

  /** Once it is certain that nothing runs elsewhere. */
  async letItStartByItself(): Promise<void> {
    const name = new RegExp(`^${automation.policy.automatic}`);
    await this.hand.click(this.hand.page.getByRole('radio', { name }));
  }

  async judgeBy(witness: string): Promise<void> {
    await this.hand.page.getByLabel(protect.witness).selectOption(witness);
  }

  async #take(choice: Locator): Promise<void> {
    if (!(await choice.isChecked())) await this.hand.click(choice);
  }

  /** On the plan: how fast that host sends copies. */
  async limit(host: string): Promise<LimitsDialog> {
    await this.hand.click(this.hand.button(limits.change));
    return new LimitsDialog(this.hand, host);
  }

  async start(): Promise<void> {
    await expect(this.starting).toBeEnabled({ timeout: 60_000 });
    await this.hand.click(this.starting);
    await expect(
      this.hand.page.getByRole('heading', { name: /^First copy of|is protected\.$/ }).first(),
    ).toBeVisible();
  }

  /** The first copy is under way. */
  async isCopying(): Promise<void> {
    await expect(this.hand.page.getByRole('progressbar')).toBeVisible();
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
