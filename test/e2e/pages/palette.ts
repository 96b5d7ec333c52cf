import type { Locator, Page } from '@playwright/test';
import { palette } from '../../../src-renderer/lib/messages/palette.ts';
import { shortcuts } from '../../../src-renderer/lib/messages/shortcuts.ts';
import { expect } from '../expect.ts';

/** The quick way to any place, by keyboard: nothing of it needs a hand on the mouse. */
export class Palette {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  get field(): Locator {
    return this.page.getByRole('combobox', { name: palette.field });
  }

  /** What is found, the best first. */
  get options(): Locator {
    return this.page.getByRole('option');
  }

  option(label: string | RegExp): Locator {
    return this.page.getByRole('option', { name: label }).first();
  }

  async open(): Promise<void> {
    await this.page.keyboard.press('Control+k');
    await this.field.waitFor();
  }

  async find(text: string): Promise<void> {
    await this.open();
    await this.field.fill(text);
  }

  /** To the first that is found. */
  async goTo(text: string): Promise<void> {
    await this.find(text);
    await this.page.keyboard.press('Enter');
  }

  async isClosed(): Promise<void> {
    await expect(this.field).toBeHidden();
  }
}

/** The list of the keyboard's shortcuts. */
export class ShortcutSheet {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  get sheet(): Locator {
    return this.page.getByRole('dialog', { name: shortcuts.title });
  }

  /** Works with single letters switched off too. */
  async open(): Promise<void> {
    await this.page.keyboard.press('F1');
    await this.isThere();
  }

  async isThere(): Promise<void> {
    await expect(this.sheet).toBeVisible();
  }

  async close(): Promise<void> {
    await this.page.keyboard.press('Escape');
    await expect(this.sheet).toBeHidden();
  }
}
