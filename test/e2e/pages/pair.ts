import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { pairs } from '../../../src-renderer/lib/messages/pairs.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { expect } from '../expect.ts';
import type { Hand } from './hand.ts';

const TASK_MS = 300_000;

/** A pair's page and its dialogs. */
export class PairPage {
  readonly hand: Hand;
  readonly machine: string;

  constructor(hand: Hand, machine: string) {
    this.hand = hand;
    this.machine = machine;
  }

  /** Opens the page from the map. */
  async open(): Promise<void> {
    const { page } = this.hand;
    await this.hand.click(page.getByRole('navigation').getByRole('link', { name: shell.map, exact: true }));
    await this.hand.click(
      page
        .getByRole('grid')
        .getByRole('link', { name: new RegExp(`^${this.machine}\\b`) })
        .first(),
    );
    await expect(page.getByRole('heading', { level: 1, name: this.machine })).toBeVisible();
  }

  async openDialog(name: 'failover' | 'switchover' | 'return' | 'replace' | 'end'): Promise<void> {
    const dialog = this.hand.page.getByRole('dialog');
    // What is told of both copies comes in above the button: it may move away under the pointer, and is clicked again.
    await expect(async () => {
      if (!(await dialog.isVisible())) await this.hand.click(this.hand.action(pairs.actions[name]));
      await expect(dialog).toBeVisible({ timeout: 5_000 });
    }).toPass({ timeout: 30_000 });
  }

  /** Reads the verdict, types the machine's name and starts it; resolves right after the click, with its time (ms). */
  async confirmFailover(standby: string): Promise<number> {
    const dialog = this.hand.page.getByRole('dialog');
    await expect(dialog.getByText(orders.failover.verdict.unproven)).toBeVisible({ timeout: 30_000 });
    await this.hand.type(dialog.getByLabel(orders.failover.type(this.machine)), this.machine);
    const go = dialog.getByRole('button', { name: orders.failover.go(this.machine, standby) });
    await expect(go).toBeEnabled();
    const at = Date.now();
    await this.hand.click(go);
    return at;
  }

  async failoverDone(standby: string): Promise<void> {
    const dialog = this.hand.page.getByRole('dialog');
    await expect(dialog.getByText(orders.failover.done(this.machine, standby)).first()).toBeVisible({
      timeout: TASK_MS,
    });
  }

  async give(button: string, done: string): Promise<void> {
    const dialog = this.hand.page.getByRole('dialog');
    await this.hand.click(dialog.getByRole('button', { name: button, exact: true }));
    await expect(dialog.getByText(done).first()).toBeVisible({ timeout: TASK_MS });
  }

  async closeDialog(): Promise<void> {
    await this.hand.click(
      this.hand.page.getByRole('dialog').getByRole('button', { name: orders.close, exact: true }).last(),
    );
    await expect(this.hand.page.getByRole('dialog')).toBeHidden();
  }

  async shows(text: string, timeout = TASK_MS): Promise<void> {
    await expect(this.hand.page.getByText(text, { exact: false }).first()).toBeVisible({ timeout });
  }
}
