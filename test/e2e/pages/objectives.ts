import type { Locator } from '@playwright/test';
import { objectives } from '../../../src-renderer/lib/messages/objectives.ts';
import { expect } from '../expect.ts';
import { DialogBox } from './dialog.ts';
import type { Hand } from './hand.ts';

/** What failures would cost, machine by machine. */
export class ObjectivesPage {
  readonly hand: Hand;

  constructor(hand: Hand) {
    this.hand = hand;
  }

  get table(): Locator {
    return this.hand.page.getByRole('table');
  }

  async isThere(): Promise<void> {
    await expect(this.table).toBeVisible();
  }

  /** The worst stands first: 1. */
  row(n: number): Locator {
    return this.table.getByRole('row').nth(n);
  }

  machine(row: Locator, name: string): Locator {
    return row.getByRole('link', { name, exact: true });
  }
}

/** The same of one machine, on its page. */
export class ObjectivesCard {
  readonly hand: Hand;

  constructor(hand: Hand) {
    this.hand = hand;
  }

  get card(): Locator {
    return this.hand.page.getByRole('region', { name: objectives.title, exact: true });
  }

  async says(text: string): Promise<void> {
    await expect(this.card.getByText(text, { exact: true })).toBeVisible();
  }

  async setTargets(machine: string): Promise<TargetsDialog> {
    await this.hand.click(this.card.getByRole('link', { name: objectives.settings, exact: true }));
    return new TargetsDialog(this.hand, machine);
  }

  /** What the picture shows, for those who do not see it. */
  picture(says: RegExp): Locator {
    return this.card.getByRole('img', { name: says });
  }

  async openTable(): Promise<void> {
    await this.hand.click(this.card.getByText(objectives.table, { exact: true }));
  }

  get rows(): Locator {
    return this.card.getByRole('table').getByRole('row');
  }

  async export(kind: keyof typeof objectives.export): Promise<void> {
    await this.hand.click(this.card.getByRole('button', { name: objectives.export[kind], exact: true }));
  }

  async scrollTo(): Promise<void> {
    await this.hand.page.getByRole('heading', { name: objectives.title }).scrollIntoViewIfNeeded();
  }
}

/** What a failure may cost the machine. */
export class TargetsDialog extends DialogBox {
  constructor(hand: Hand, machine: string) {
    super(hand, objectives.dialog.title(machine));
  }

  get wrong(): Locator {
    return this.text(objectives.dialog.wrong);
  }

  /** The most that may be lost, and the longest until it answers. */
  async enter(target: 'rpo' | 'rto', text: string): Promise<void> {
    await this.hand.type(this.box.getByLabel(objectives[target]), text);
  }

  async save(): Promise<void> {
    await this.press(objectives.dialog.save);
    await this.isGone();
  }
}
