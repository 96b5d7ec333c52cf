import type { Locator } from '@playwright/test';
import { addHost } from '../../../src-renderer/lib/messages/add-host.ts';
import { evacuation } from '../../../src-renderer/lib/messages/evacuation.ts';
import { hosts } from '../../../src-renderer/lib/messages/hosts.ts';
import { expect } from '../expect.ts';
import { DialogBox } from './dialog.ts';
import { EvacuationDialog } from './evacuation.ts';
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
    const dialog = await this.openLogIn(name);
    const choice = dialog.box.getByRole('radio', { name: addHost.password });
    if (!(await choice.isChecked())) await hand.click(choice);
    await dialog.type(addHost.password, password);
    await dialog.press(hosts.login.go);
    await dialog.isGone();
  }

  async openLogIn(name: string): Promise<DialogBox> {
    await this.hand.click(this.hand.button(`${hosts.login.go}…`));
    return new DialogBox(this.hand, hosts.login.title(name));
  }

  async isConnected(): Promise<void> {
    await expect(this.hand.page.getByText(hosts.state.online, { exact: true })).toBeVisible();
  }

  /** For a host that does not answer: without it the console tries again ever more slowly. */
  async tryNow(): Promise<void> {
    await this.hand.click(this.hand.button(hosts.retryNow));
    await this.isConnected();
  }

  async cutPower(): Promise<void> {
    await this.hand.click(this.hand.button(hosts.power.cut));
    await expect(this.hand.button(hosts.power.restore)).toBeVisible();
  }

  async restorePower(): Promise<void> {
    await this.hand.click(this.hand.button(hosts.power.restore));
    await expect(this.hand.button(hosts.power.cut)).toBeVisible({ timeout: 30_000 });
  }

  get keyChanged(): Locator {
    return this.hand.button(hosts.key.show);
  }

  /** Another key than before; ends with both of them in view. */
  async lookAtKey(name: string): Promise<DialogBox> {
    await this.hand.click(this.keyChanged);
    const dialog = new DialogBox(this.hand, hosts.key.title(name));
    await expect(dialog.text(/SHA256:/).first()).toBeVisible();
    return dialog;
  }

  async openRename(name: string): Promise<DialogBox> {
    await this.hand.click(this.hand.button(hosts.rename));
    return new DialogBox(this.hand, hosts.renameTitle(name));
  }

  async rename(from: string, to: string): Promise<void> {
    const dialog = await this.openRename(from);
    await this.hand.type(dialog.box.getByRole('textbox', { name: addHost.found.name, exact: true }), to);
    await this.hand.page.keyboard.press('Enter');
    await expect(this.hand.page.getByRole('heading', { level: 1, name: to })).toBeVisible();
  }

  async openRemove(name: string): Promise<DialogBox> {
    await this.hand.click(this.hand.button(hosts.remove));
    return new DialogBox(this.hand, hosts.removeTitle(name));
  }

  /** For planned work: its machines to their standbys, or back. */
  async evacuate(kind: 'away' | 'home', name: string): Promise<EvacuationDialog> {
    await this.hand.click(this.hand.button(evacuation[kind].button));
    return new EvacuationDialog(this.hand, kind, name);
  }

  /** Its guard still holds a machine whose pair it no longer knows. */
  async saysThatAPairIsLost(): Promise<void> {
    await expect(this.hand.page.getByText(/lost what it knew of its pair/)).toBeVisible();
  }

  async letGo(machine: string, name: string): Promise<LetGoDialog> {
    await this.hand.click(this.hand.button(hosts.guard.letGo.open(machine)));
    return new LetGoDialog(this.hand, machine, name);
  }
}

/** A machine that nobody looks after any more, at a person's word. */
export class LetGoDialog extends DialogBox {
  readonly machine: string;

  constructor(hand: Hand, machine: string, host: string) {
    super(hand, hosts.guard.letGo.title(machine, host));
    this.machine = machine;
  }

  /** Asked for only when it cannot be proved. */
  get vouching(): Locator {
    return this.box.getByRole('checkbox', { name: hosts.guard.letGo.vouch(this.machine) });
  }

  async go(): Promise<void> {
    await this.press(hosts.guard.letGo.go(this.machine));
  }
}
