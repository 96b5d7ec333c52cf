import type { Locator } from '@playwright/test';
import { type ManualPicture, topics } from '../../../src-renderer/lib/manual.ts';
import { manual } from '../../../src-renderer/lib/messages/manual.ts';
import { expect } from '../expect.ts';
import type { Hand } from './hand.ts';

/** The manual inside the console. */
export class ManualPage {
  readonly hand: Hand;
  readonly pictures: ManualPicture[] = topics.flatMap(([, { picture }]) => picture ?? []);

  constructor(hand: Hand) {
    this.hand = hand;
  }

  async isThere(): Promise<void> {
    const title = this.hand.page.getByRole('heading', { level: 1, name: manual.title, exact: true });
    await expect(title).toBeVisible();
  }

  /** On the page, or opened large: by what it says to who does not see it. */
  image({ alt }: ManualPicture, within: Locator = this.hand.page.getByRole('figure')): Locator {
    return within.getByRole('img', { name: alt, exact: true });
  }

  /** The button that lies over the picture. */
  opener({ caption }: ManualPicture): Locator {
    return this.hand.button(manual.large(caption));
  }

  dialog({ caption }: ManualPicture): Locator {
    return this.hand.page.getByRole('dialog', { name: caption, exact: true });
  }

  /** Has come, whole, and is drawn: a broken one has no size of its own. */
  async loaded(image: Locator): Promise<void> {
    await image.scrollIntoViewIfNeeded();
    await expect(image).toHaveJSProperty('complete', true);
    await expect.poll(() => image.evaluate((one: HTMLImageElement) => one.naturalWidth)).toBeGreaterThan(0);
  }
}
