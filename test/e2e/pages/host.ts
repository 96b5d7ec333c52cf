import { addHost } from '../../../src-renderer/lib/messages/add-host.ts';
import { hosts } from '../../../src-renderer/lib/messages/hosts.ts';
import { expect } from '../expect.ts';
import type { Hand } from './hand.ts';

/** A host's page. */
export class HostPage {
  readonly hand: Hand;

  constructor(hand: Hand) {
    this.hand = hand;
  }

  /** A host that waits for the person, e.g. because its password is no longer known. */
  async logIn(name: string, password: string): Promise<void> {
    const { hand } = this;
    await hand.click(hand.button(`${hosts.login.go}…`));
    const dialog = hand.page.getByRole('dialog', { name: hosts.login.title(name) });
    const choice = dialog.getByRole('radio', { name: addHost.password });
    if (!(await choice.isChecked())) await hand.click(choice);
    await hand.type(dialog.getByRole('textbox', { name: addHost.password }), password);
    await hand.click(dialog.getByRole('button', { name: hosts.login.go, exact: true }));
    await expect(dialog).toBeHidden();
  }

  /** For a host that does not answer: without it the console tries again ever more slowly. */
  async tryNow(): Promise<void> {
    await this.hand.click(this.hand.button(hosts.retryNow));
    await expect(this.hand.page.getByText(hosts.state.online, { exact: true })).toBeVisible();
  }

  async cutPower(): Promise<void> {
    await this.hand.click(this.hand.button(hosts.power.cut));
    await expect(this.hand.button(hosts.power.restore)).toBeVisible();
  }

  async restorePower(): Promise<void> {
    await this.hand.click(this.hand.button(hosts.power.restore));
    await expect(this.hand.button(hosts.power.cut)).toBeVisible({ timeout: 30_000 });
  }
}
