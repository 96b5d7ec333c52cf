import { expect } from '@playwright/test';
import { addHost } from '../../../src-renderer/lib/messages/add-host.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import type { Hand } from './hand.ts';

/** Agent installation on a slow, emulated host. */
const INSTALL_MS = 180_000;

/** The wizard *Add a host*, from its first step to its last. */
export class AddHostWizard {
  readonly hand: Hand;

  constructor(hand: Hand) {
    this.hand = hand;
  }

  /** Address and log-in; `password` null: the same log-in as for the host before. */
  async logIn(address: string, password: string | null): Promise<void> {
    const { hand } = this;
    await hand.type(hand.field(addHost.address), address);
    if (password !== null) {
      const choice = hand.page.getByRole('radio', { name: addHost.password });
      if (!(await choice.isChecked())) await hand.click(choice);
      await hand.type(hand.field(addHost.password), password);
    }
    await hand.click(hand.button(shell.next));
  }

  async acceptFingerprint(): Promise<string> {
    await expect(this.hand.page.getByText(/SHA256:/).first()).toBeVisible();
    const shown =
      (await this.hand.page
        .getByText(/SHA256:/)
        .first()
        .textContent()) ?? '';
    await this.hand.click(this.hand.button(addHost.fingerprint.matches));
    return shown.trim();
  }

  async install(): Promise<void> {
    await this.hand.click(this.hand.button(addHost.found.install));
    await expect(this.hand.page.getByRole('heading', { name: /is connected\.$/ })).toBeVisible({
      timeout: INSTALL_MS,
    });
  }

  async addAnother(): Promise<void> {
    await this.hand.click(this.hand.action(addHost.done.another));
  }

  async protectNow(): Promise<void> {
    await this.hand.click(this.hand.action(addHost.done.protect));
  }
}
