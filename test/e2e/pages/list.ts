import type { Locator } from '@playwright/test';
import { bulk } from '../../../src-renderer/lib/messages/bulk.ts';
import { map } from '../../../src-renderer/lib/messages/map.ts';
import { mapView } from '../../../src-renderer/lib/messages/map-view.ts';
import { objectives } from '../../../src-renderer/lib/messages/objectives.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { expect } from '../expect.ts';
import { DialogBox } from './dialog.ts';
import type { Hand } from './hand.ts';

/** Every machine in a table, and what can be done with many of them at once. */
export class ListPage {
  readonly hand: Hand;

  constructor(hand: Hand) {
    this.hand = hand;
  }

  get table(): Locator {
    return this.hand.page.getByRole('table', { name: map.table.title });
  }

  /** The head is one of them; of hundreds only those in view are drawn. */
  get rows(): Locator {
    return this.table.getByRole('row');
  }

  /** The names of machines, in the order of the rows. */
  get names(): Locator {
    return this.table.getByRole('rowheader');
  }

  get search(): Locator {
    return this.hand.page.getByRole('searchbox', { name: map.table.filter });
  }

  /** Of the rows that are shown. */
  get all(): Locator {
    return this.hand.page.getByRole('checkbox', { name: bulk.all });
  }

  /** What can be done with those chosen; not there while none is. */
  get bar(): Locator {
    return this.hand.page.getByRole('toolbar', { name: bulk.actions });
  }

  async open(): Promise<void> {
    await this.hand.place(shell.list);
  }

  async isThere(): Promise<void> {
    await expect(this.table).toBeVisible();
  }

  column(name: string): Locator {
    return this.table.getByRole('columnheader', { name });
  }

  async sortBy(name: string): Promise<void> {
    await this.hand.click(this.column(name).getByRole('button'));
  }

  /** What stands in the rows that are drawn, in their order. */
  memoryShares(): Promise<string[]> {
    return this.hand.page.locator('tbody tr[data-row] td:nth-of-type(5)').allTextContents();
  }

  async show(filter: keyof typeof mapView.filters): Promise<void> {
    const choice = this.hand.page.getByRole('combobox', { name: mapView.filter, exact: true });
    await choice.selectOption(mapView.filters[filter]);
  }

  async find(text: string): Promise<void> {
    await this.search.fill(text);
  }

  async chooseAll(): Promise<void> {
    await this.all.check();
  }

  /** What is ordered for those chosen, under `name`. */
  order(name: string | RegExp): Locator {
    return this.bar.getByRole('button', { name });
  }

  async give(name: string | RegExp): Promise<void> {
    await this.hand.click(this.order(name));
  }

  protectMany(): Promise<DialogBox> {
    return this.#dialog(/^Protect \d+…/);
  }

  drillMany(): Promise<DialogBox> {
    return this.#dialog(/^Drill \d+…/);
  }

  maintainMany(): Promise<DialogBox> {
    return this.#dialog(bulk.maintenance);
  }

  async #dialog(order: string | RegExp): Promise<DialogBox> {
    await this.give(order);
    const dialog = new DialogBox(this.hand);
    await dialog.isThere();
    return dialog;
  }

  async chooseNone(): Promise<void> {
    await this.give(bulk.clear);
    await expect(this.bar).toHaveCount(0);
  }

  async openObjectives(): Promise<void> {
    await this.hand.click(this.hand.page.getByRole('link', { name: objectives.page.open, exact: true }));
  }
}
