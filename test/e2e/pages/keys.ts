import type { Page } from '@playwright/test';
import { expect } from '../expect.ts';
import { Palette } from './palette.ts';

/** What has the focus, as it is called. */
export const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const active = document.activeElement;
    const label = active instanceof HTMLInputElement ? active.labels?.[0]?.textContent : null;
    return (active?.getAttribute('aria-label') ?? label ?? active?.textContent ?? '')
      .replace(/\s+/g, ' ')
      .trim();
  });

/** Tab until `name` has the focus, which must be visible all the way. */
export async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  const seen: string[] = [];
  for (let presses = 0; presses < 90; presses += 1) {
    await page.keyboard.press('Tab');
    const here = await focused(page);
    seen.push(here);
    if (typeof name === 'string' ? here === name : name.test(here)) {
      await expectVisibleFocus(page);
      return;
    }
  }
  throw new Error(`no way by Tab to ${String(name)}; passed ${seen.join(' | ')}`);
}

/** Of the element itself, or of the box drawn around it (a card around its radio button). */
export async function expectVisibleFocus(page: Page): Promise<void> {
  const outlined = await page.evaluate(() => {
    const drawn = (element: Element | null): boolean => {
      if (!element) return false;
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      return outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2;
    };
    const active = document.activeElement;
    return drawn(active) || drawn(active?.closest('label') ?? null);
  });
  expect(outlined).toBe(true);
}

export async function tabToRadio(page: Page, legend: string): Promise<void> {
  const inGroup = () =>
    page.evaluate((name) => {
      const active = document.activeElement;
      return active?.closest('fieldset')?.querySelector('legend')?.textContent?.trim() === name;
    }, legend);
  for (let presses = 0; presses < 60 && !(await inGroup()); presses += 1) await page.keyboard.press('Tab');
  expect(await inGroup()).toBe(true);
}

/** A person without a mouse. Nothing here clicks. */
export class Keys {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /** Goes to, or does, what the palette finds first for `text`; it must be called `label`. */
  async palette(text: string, label: string | RegExp): Promise<void> {
    const { keyboard } = this.page;
    const palette = new Palette(this.page);
    await palette.open();
    await keyboard.type(text);
    const wanted = palette.option(label);
    await expect(wanted).toBeVisible();
    for (let at = 0; (await wanted.getAttribute('aria-selected')) !== 'true'; at += 1) {
      expect(at).toBeLessThan(await palette.options.count());
      await keyboard.press('ArrowDown');
    }
    await keyboard.press('Enter');
    await palette.isClosed();
  }

  /** Tab to it, and Enter once it can be used. */
  async press(name: string | RegExp): Promise<void> {
    await tabTo(this.page, name);
    await expect(this.page.locator(':focus')).not.toHaveAttribute('aria-disabled', 'true', {
      timeout: 60_000,
    });
    await this.page.keyboard.press('Enter');
  }

  /** Tab to a field and type over what stands in it. */
  async fill(name: string | RegExp, text: string): Promise<void> {
    await tabTo(this.page, name);
    await this.page.keyboard.press('Control+a');
    if (text === '') await this.page.keyboard.press('Delete');
    else await this.page.keyboard.type(text);
  }

  /** In the group of choices called `legend`: arrows until that one is taken. */
  async choose(legend: string, option: RegExp): Promise<void> {
    await tabToRadio(this.page, legend);
    const wanted = this.page.getByRole('group', { name: legend }).getByRole('radio', { name: option });
    await this.page.keyboard.press('Space');
    for (let presses = 0; presses < 12 && !(await wanted.isChecked()); presses += 1)
      await this.page.keyboard.press('ArrowDown');
    await expect(wanted).toBeChecked();
  }
}
