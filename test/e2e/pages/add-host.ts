import type { Locator } from '@playwright/test';
import { addHost } from '../../../src-renderer/lib/messages/add-host.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { expect } from '../expect.ts';
import { type Hand, labelled } from './hand.ts';

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
    await this.enter({ address, ...(password === null ? {} : { password }) });
    await this.next();
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
    await expect(choice).toBeChecked();
  }

  async next(): Promise<void> {
    await this.hand.click(this.hand.button(shell.next));
  }

  async back(): Promise<void> {
    await this.hand.click(this.hand.button(shell.back));
  }

  /** The message stands at its field. */
  async complainsAt(field: string, message: RegExp): Promise<void> {
    const input = this.input(field);
    await expect(input).toHaveAccessibleDescription(message);
    await expect(input).toHaveAttribute('aria-invalid', 'true');
  }

  input(field: string): Locator {
    return this.hand.page.getByRole('textbox', { name: labelled(field) });
  }

  /** As the host shows it, to be compared. */
  get fingerprint(): Locator {
    return this.hand.page.getByText(/SHA256:/).first();
  }

  async acceptFingerprint(): Promise<string> {
    await expect(this.fingerprint).toBeVisible();
    const shown = (await this.fingerprint.textContent()) ?? '';
    await this.hand.click(this.hand.button(addHost.fingerprint.matches));
    return shown.trim();
  }

  /** Another key than the one known for that address. */
  async saysThatTheKeyChanged(address: string): Promise<void> {
    await expect(this.#heading(addHost.changed.title(address))).toBeVisible();
  }

  /** All the same, on purpose. */
  async trustChangedKey(): Promise<void> {
    await this.hand.click(this.hand.button(addHost.changed.trust));
  }

  /** Logged in: what is on the host of that name. */
  async shows(name: string): Promise<void> {
    await expect(this.#heading(addHost.found.title(name))).toBeVisible();
  }

  role(role: 'hypervisor' | 'witness'): Locator {
    return this.hand.page.getByRole('radio', { name: addHost.found[role] });
  }

  /** Clicked, whatever comes of it. */
  async tryToInstall(): Promise<void> {
    await this.hand.click(this.hand.button(addHost.found.install));
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
    await this.tryToInstall();
    await this.isDone();
  }

  async isDone(timeout = INSTALL_MS): Promise<void> {
    await expect(this.#heading(/is connected\.$/)).toBeVisible({ timeout });
  }

  /** Hosts that the one just added knows. */
  get offered(): Locator {
    return this.hand.page.getByRole('region', { name: addHost.offered.title });
  }

  async addOffered(name: string): Promise<void> {
    await this.hand.click(this.offered.getByRole('link', { name: addHost.offered.add(name) }));
  }

  async addAnother(): Promise<void> {
    await this.hand.click(this.hand.action(addHost.done.another));
  }

  async protectNow(): Promise<void> {
    await this.hand.click(this.hand.action(addHost.done.protect));
  }

  #heading(name: string | RegExp): Locator {
    return this.hand.page.getByRole('heading', { name });
  }
}
