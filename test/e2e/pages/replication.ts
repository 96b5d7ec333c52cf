import type { Locator } from '@playwright/test';
import { limits } from '../../../src-renderer/lib/messages/limits.ts';
import { replication } from '../../../src-renderer/lib/messages/replication.ts';
import { expect } from '../expect.ts';
import { DialogBox } from './dialog.ts';
import type { Hand } from './hand.ts';
import { LimitsDialog } from './limits.ts';

/** How a machine's copy is kept, on the machine's page. */
export class ReplicationCard {
  readonly hand: Hand;

  constructor(hand: Hand) {
    this.hand = hand;
  }

  get card(): Locator {
    return this.hand.page.getByRole('region', { name: replication.title });
  }

  async says(text: string, timeout?: number): Promise<void> {
    await expect(this.card.getByText(text, { exact: false })).toBeVisible(timeout ? { timeout } : {});
  }

  /** For a copy that is kept by points. */
  async makePoint(): Promise<void> {
    await this.hand.click(this.card.getByRole('button', { name: replication.pointNow, exact: true }));
  }

  async change(machine: string): Promise<ModeDialog> {
    await this.hand.click(this.card.getByRole('link', { name: replication.change, exact: true }));
    return new ModeDialog(this.hand, machine);
  }

  /** How fast its host sends copies. */
  async limit(host: string): Promise<LimitsDialog> {
    await this.hand.click(this.card.getByRole('button', { name: limits.change, exact: true }));
    return new LimitsDialog(this.hand, host);
  }
}

/** Another way to keep the copy. */
export class ModeDialog extends DialogBox {
  readonly machine: string;
  readonly fields: ModeFields;

  constructor(hand: Hand, machine: string) {
    // Its name changes with what it has done.
    super(hand);
    this.machine = machine;
    this.fields = new ModeFields(hand);
  }

  async save(): Promise<void> {
    await this.press(replication.dialog.save);
  }

  async done(timeout: number): Promise<void> {
    await expect(this.text(replication.dialog.done(this.machine))).toBeVisible({ timeout });
  }
}

type Text = 'every' | 'rpo' | 'goOnMs' | ReplicatorText;
type ReplicatorText = 'state' | 'promote' | 'demote';
type Tick = 'memory' | 'goOn' | 'synchronous';

/** The ways to keep a copy and what belongs to each: in the wizard, and in the dialog of a machine. */
export class ModeFields {
  readonly hand: Hand;

  constructor(hand: Hand) {
    this.hand = hand;
  }

  async keep(kind: keyof typeof replication.kinds): Promise<void> {
    const { page } = this.hand;
    await this.hand.click(page.getByRole('radio', { name: new RegExp(`^${replication.kinds[kind]}`) }));
  }

  async tick(option: Tick): Promise<void> {
    const name = option === 'synchronous' ? replication.external.synchronous : replication[option];
    await this.hand.click(this.hand.page.getByRole('checkbox', { name }));
  }

  async enter(field: Text, text: string): Promise<void> {
    await this.hand.type(this.hand.field(this.#label(field)), text);
  }

  /** What it costs, or what is wrong with what was entered. */
  async says(text: string | RegExp): Promise<void> {
    await expect(this.hand.page.getByText(text)).toBeVisible();
  }

  #label(field: Text): string {
    const { external, every, rpo, goOnMs } = replication;
    const { state, promote, demote } = external;
    return { state, promote, demote, every, rpo, goOnMs }[field];
  }
}
