import type { Locator } from '@playwright/test';
import { whatIf } from '../../../src-renderer/lib/messages/what-if.ts';
import { expect } from '../expect.ts';
import type { Hand } from './hand.ts';

/** A failure that is only thought of. */
export class WhatIfPage {
  readonly hand: Hand;

  constructor(hand: Hand) {
    this.hand = hand;
  }

  /** Machine by machine. */
  get table(): Locator {
    return this.hand.page.getByRole('table', { name: whatIf.table.title });
  }

  /** The map as it would be. */
  get picture(): Locator {
    return this.hand.page.getByRole('grid', { name: whatIf.picture });
  }

  /** A host or a witness, to be chosen as one that fails. */
  box(name: string): Locator {
    return this.hand.page.getByRole('button', { name: new RegExp(`^${name}\\b`) });
  }

  async fail(name: string): Promise<void> {
    await this.hand.click(this.box(name));
  }

  /** As by its headline: those fail. */
  async tellsOf(...names: string[]): Promise<void> {
    await expect(this.hand.page.getByRole('heading', { name: whatIf.headline(names) })).toBeVisible();
  }

  async tellsOfNothing(): Promise<void> {
    await expect(this.hand.page.getByText(whatIf.nothing)).toBeVisible();
  }

  /** On the page itself: it is spoken too (announcer.svelte.ts). */
  says(text: RegExp): Locator {
    return this.hand.page.getByRole('main').getByText(text);
  }

  async reset(): Promise<void> {
    await this.hand.click(this.hand.page.getByRole('link', { name: whatIf.reset }));
  }
}
