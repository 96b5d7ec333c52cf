import type { Locator } from '@playwright/test';
import { addHost } from '../../../src-renderer/lib/messages/add-host.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { expect } from '../expect.ts';
import type { Hand } from './hand.ts';

/** Agent installation on a slow, emulated host. */
const INSTALL_MS = 180_000;

export interface LoginValues {
  address?: string;
  port?: number | string;
  user?: string;
  password?: string;
  keyPath?: string;
  passphrase?: string;
}

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

  /** Fills in what is given and leaves the rest as it stands. */
  async enter(values: LoginValues): Promise<void> {
    const { hand } = this;
    const { address, port, user, password, keyPath, passphrase } = values;
    if (address !== undefined) await hand.type(hand.field(addHost.address), address);
    if (port !== undefined) await hand.type(hand.field(addHost.port), String(port));
    if (user !== undefined) await hand.type(hand.field(addHost.user), user);
    if (password !== undefined) {
      await this.choose(addHost.password);
      await hand.type(hand.field(addHost.password), password);
    }
    if (keyPath !== undefined) {
      await this.choose(addHost.key);
      await hand.type(this.input(addHost.keyPath), keyPath);
    }
    if (passphrase !== undefined) await hand.type(this.input(addHost.passphrase), passphrase);
  }

  async choose(method: string): Promise<void> {
    const choice = this.hand.page.getByRole('radio', { name: method });
    if (!(await choice.isChecked())) await this.hand.click(choice);
  }

  async next(): Promise<void> {
    await this.hand.click(this.hand.button(shell.next));
  }

  /** The message stands at its field. */
  async complainsAt(field: string, message: RegExp): Promise<void> {
    const input = this.input(field);
    await expect(input).toHaveAccessibleDescription(message);
    await expect(input).toHaveAttribute('aria-invalid', 'true');
  }

  /** A label may go on with "(optional)". */
  input(field: string): Locator {
    return this.hand.page.getByRole('textbox', { name: new RegExp(`^${field}( \\(|$)`) });
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

  /** The button says why it does nothing. */
  async cannotInstall(): Promise<void> {
    const button = this.hand.button(addHost.found.install);
    await expect(button).toBeDisabled();
    await expect(button).toHaveAccessibleDescription(addHost.found.cannot);
  }

  async canInstall(): Promise<void> {
    await expect(this.hand.button(addHost.found.install)).toBeEnabled();
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
