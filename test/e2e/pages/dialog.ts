import type { Locator } from '@playwright/test';
import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { expect } from '../expect.ts';
import { type Hand, labelled } from './hand.ts';

/** A dialog over the page: whichever is open, or the one called `name`. */
export class DialogBox {
  readonly hand: Hand;
  readonly #name: string | undefined;

  constructor(hand: Hand, name?: string) {
    this.hand = hand;
    this.#name = name;
  }

  get box(): Locator {
    const { page } = this.hand;
    return this.#name === undefined
      ? page.getByRole('dialog')
      : page.getByRole('dialog', { name: this.#name });
  }

  /** What has been done so far, of a task that this dialog has begun. */
  get steps(): Locator {
    return this.box.getByRole('list', { name: orders.steps });
  }

  get progress(): Locator {
    return this.box.getByRole('progressbar');
  }

  /** What could not be done, and what to do now. */
  get alert(): Locator {
    return this.box.getByRole('alert');
  }

  button(name: string): Locator {
    return this.box.getByRole('button', { name, exact: true });
  }

  field(name: string): Locator {
    return this.box.getByRole('textbox', { name: labelled(name) });
  }

  /** Of several ways, the one whose name begins so. */
  way(name: string): Locator {
    return this.box.getByRole('radio', { name: new RegExp(`^${name}`) });
  }

  text(words: string | RegExp): Locator {
    return this.box.getByText(words);
  }

  async isThere(): Promise<void> {
    await expect(this.box).toBeVisible();
  }

  /** And no other in its place. */
  async isGone(): Promise<void> {
    await expect(this.hand.page.getByRole('dialog')).toHaveCount(0);
  }

  async press(name: string): Promise<void> {
    await this.hand.click(this.button(name));
  }

  async type(name: string, text: string): Promise<void> {
    await this.hand.type(this.field(name), text);
  }

  async choose(name: string): Promise<void> {
    await this.hand.click(this.way(name));
  }

  /** By the button below, which stands there when nothing can be ordered any more; the one above is the cross. */
  async close(): Promise<void> {
    await this.hand.click(this.button(orders.close).last());
  }

  async cancel(): Promise<void> {
    await this.press(shell.cancel);
    await this.isGone();
  }

  /** Nothing was ordered, or it goes on without the dialog. */
  async escape(): Promise<void> {
    await this.hand.page.keyboard.press('Escape');
    await this.isGone();
  }
}
