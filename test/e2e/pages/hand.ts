import type { Locator, Page } from '@playwright/test';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { expect } from '../expect.ts';

/** The name of a field, which may go on with "(optional)". */
export const labelled = (label: string): RegExp =>
  new RegExp(`^${label.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}( \\(|$)`);

/** The person's hand: every activation and every field typed into is counted. */
export class Hand {
  /** The window looked at; a console started again gets a new one. */
  page: Page;
  clicks = 0;
  fields = 0;

  constructor(page: Page) {
    this.page = page;
  }

  async click(target: Locator): Promise<void> {
    await expect(target).toBeEnabled();
    await target.click();
    this.clicks += 1;
  }

  async type(target: Locator, text: string): Promise<void> {
    await target.fill(text);
    this.fields += 1;
  }

  /** Goes to one of the places of the main navigation. */
  async place(name: string): Promise<void> {
    const navigation = this.page.getByRole('navigation', { name: shell.navigation });
    await this.click(navigation.getByRole('link', { name, exact: true }));
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole('button', { name, exact: true });
  }

  /** A button or a link that looks like one. */
  action(name: string | RegExp): Locator {
    return this.page.getByRole('button', { name }).or(this.page.getByRole('link', { name })).first();
  }

  field(name: string): Locator {
    return this.page.getByRole('textbox', { name, exact: true });
  }
}
