import type { Locator } from '@playwright/test';
import { hosts } from '../../../src-renderer/lib/messages/hosts.ts';
import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { pairs } from '../../../src-renderer/lib/messages/pairs.ts';
import { expect } from '../expect.ts';
import { DialogBox } from './dialog.ts';
import type { Hand } from './hand.ts';
import { MapPage } from './map.ts';

const TASK_MS = 300_000;
const VERDICT_MS = 30_000;

/** A pair's page and its dialogs. */
export class PairPage {
  readonly hand: Hand;
  readonly machine: string;

  constructor(hand: Hand, machine: string) {
    this.hand = hand;
    this.machine = machine;
  }

  /** Whichever of its dialogs is open. */
  get dialog(): DialogBox {
    return new DialogBox(this.hand);
  }

  get histories(): Locator {
    return this.hand.page.getByRole('heading', { name: pairs.histories.title });
  }

  async isThere(): Promise<void> {
    await expect(this.hand.page.getByRole('heading', { level: 1, name: this.machine })).toBeVisible();
  }

  /** The banner that says so, with what can be done about it. */
  banner(says: string): Locator {
    return this.hand.page.getByRole('alert').filter({ hasText: says });
  }

  /** As a table for a spreadsheet. */
  async exportHistory(): Promise<void> {
    await this.hand.click(this.hand.button(pairs.export));
  }

  /** Opens the page from the map. */
  async open(): Promise<void> {
    const map = new MapPage(this.hand);
    await map.open();
    await this.hand.click(map.chip(new RegExp(`^${this.machine}\\b`)).first());
    await this.isThere();
  }

  async openDialog(name: 'failover' | 'switchover' | 'return' | 'replace' | 'end'): Promise<void> {
    const { box } = this.dialog;
    // What is told of both copies comes in above the button: it may move away under the pointer, and is clicked again.
    await expect(async () => {
      if (!(await box.isVisible())) await this.hand.click(this.hand.action(pairs.actions[name]));
      await expect(box).toBeVisible({ timeout: 5_000 });
    }).toPass({ timeout: 30_000 });
  }

  /** Whether it is certain that the old copy stands still. */
  async verdictIs(verdict: keyof typeof orders.failover.verdict, timeout?: number): Promise<void> {
    const words = this.dialog.box.getByText(orders.failover.verdict[verdict], { exact: true });
    await expect(words).toBeVisible(timeout ? { timeout } : {});
  }

  /** Where the person vouches for what is not proven; not there when nothing has to be vouched for. */
  get vouching(): Locator {
    return this.dialog.box.getByLabel(orders.failover.type(this.machine));
  }

  async vouch(): Promise<void> {
    await this.hand.type(this.vouching, this.machine);
  }

  async startOn(standby: string): Promise<void> {
    await this.dialog.press(orders.failover.go(this.machine, standby));
  }

  /** Reads the verdict, types the machine's name and starts it; resolves right after the click, with its time (ms). */
  async confirmFailover(standby: string): Promise<number> {
    await this.verdictIs('unproven', VERDICT_MS);
    await this.vouch();
    const go = this.dialog.button(orders.failover.go(this.machine, standby));
    await expect(go).toBeEnabled();
    const at = Date.now();
    await this.hand.click(go);
    return at;
  }

  async failoverDone(standby: string): Promise<void> {
    const done = this.dialog.text(orders.failover.done(this.machine, standby));
    await expect(done.first()).toBeVisible({ timeout: TASK_MS });
  }

  /** Another host than until now. */
  async chooseStandby(host: string): Promise<void> {
    await this.hand.click(this.dialog.box.getByRole('radio', { name: new RegExp(`^${host}\\b`) }));
  }

  /** What stands in the way on that host is mended as in the wizard *Protect a machine*. */
  get mending(): Locator {
    return this.dialog.box.getByRole('button', { name: new RegExp(`^${hosts.check.fix}`) });
  }

  async give(button: string, done: string): Promise<void> {
    await this.dialog.press(button);
    await expect(this.dialog.text(done).first()).toBeVisible({ timeout: TASK_MS });
  }

  async closeDialog(): Promise<void> {
    await this.dialog.close();
    await this.dialog.isGone();
  }

  async shows(text: string, timeout = TASK_MS): Promise<void> {
    await expect(this.hand.page.getByText(text, { exact: false }).first()).toBeVisible({ timeout });
  }
}
