import type { Locator } from '@playwright/test';
import { drill } from '../../../src-renderer/lib/messages/drill.ts';
import { expect } from '../expect.ts';
import { DialogBox } from './dialog.ts';
import type { Hand } from './hand.ts';

/** Trials of a machine's copy, on the machine's page. */
export class DrillCard {
  readonly hand: Hand;

  constructor(hand: Hand) {
    this.hand = hand;
  }

  get card(): Locator {
    return this.hand.page.getByRole('region', { name: drill.title });
  }

  async open(machine: string): Promise<DrillDialog> {
    await this.hand.click(this.hand.action(drill.open));
    return new DrillDialog(this.hand, machine);
  }

  async settings(machine: string): Promise<DrillSettingsDialog> {
    await this.hand.click(this.card.getByRole('link', { name: drill.settings, exact: true }));
    return new DrillSettingsDialog(this.hand, machine);
  }

  /** The last trial was passed; when, is told in the words of the clock. */
  async saysThatItWorks(standby: string): Promise<void> {
    const words = new RegExp(`^The copy on ${standby} was started .+, and it works\\.$`);
    await expect(this.hand.page.getByText(words)).toBeVisible();
  }

  async says(text: string): Promise<void> {
    await expect(this.hand.page.getByText(text)).toBeVisible();
  }
}

export class DrillDialog extends DialogBox {
  readonly machine: string;

  constructor(hand: Hand, machine: string) {
    super(hand, drill.dialog.title(machine));
    this.machine = machine;
  }

  async start(): Promise<void> {
    await this.press(drill.go);
  }

  async shows(stage: string): Promise<void> {
    await expect(this.text(stage).first()).toBeVisible();
  }

  async hasPassed(timeout: number): Promise<void> {
    await expect(this.text(drill.dialog.passed(this.machine))).toBeVisible({ timeout });
  }
}

/** What shows that the copy works, and when it is tried out. */
export class DrillSettingsDialog extends DialogBox {
  constructor(hand: Hand, machine: string) {
    super(hand, drill.form.title(machine));
  }

  async check(kind: keyof typeof drill.form.checks): Promise<void> {
    await this.choose(drill.form.checks[kind]);
  }

  async port(text: string): Promise<void> {
    await this.type(drill.form.port, text);
  }

  async save(): Promise<void> {
    await this.press(drill.form.save);
    await this.isGone();
  }
}
