import type { Locator } from '@playwright/test';
import { map } from '../../../src-renderer/lib/messages/map.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { expect } from '../expect.ts';
import type { Hand } from './hand.ts';

/** For whatever the agents need to notice a change and the page to show it. */
const NOTICE_MS = 30_000;

/** The picture of the fleet, and the sentence above it. */
export class MapPage {
  readonly hand: Hand;
  readonly grid: Locator;

  constructor(hand: Hand) {
    this.hand = hand;
    this.grid = hand.page.getByRole('grid', { name: map.grid });
  }

  async open(): Promise<void> {
    await this.hand.place(shell.map);
    await expect(this.grid).toBeVisible();
  }

  async openHost(name: string): Promise<void> {
    await this.hand.click(
      this.grid.getByRole('columnheader').getByRole('link', { name: new RegExp(`^${name}\\b`) }),
    );
    await expect(this.hand.page.getByRole('heading', { level: 1, name, exact: true })).toBeVisible();
  }

  /** The chip of a machine on a host, saying `word`. */
  seat(machine: string, word: string | RegExp, host: string): Locator {
    const words = typeof word === 'string' ? word : word.source;
    return this.grid.getByRole('link', { name: new RegExp(`^${machine}\\b.*${words}.*\\b${host}$`) });
  }

  async shows(machine: string, word: string | RegExp, host: string, timeout = NOTICE_MS): Promise<void> {
    await expect(this.seat(machine, word, host)).toBeVisible({ timeout });
  }

  async says(headline: string | RegExp, timeout = NOTICE_MS): Promise<void> {
    await expect(this.hand.page.getByRole('heading', { level: 1, name: headline })).toBeVisible({ timeout });
  }
}
