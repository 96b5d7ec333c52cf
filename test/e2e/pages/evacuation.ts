import type { Locator } from '@playwright/test';
import { evacuation } from '../../../src-renderer/lib/messages/evacuation.ts';
import { expect } from '../expect.ts';
import { DialogBox } from './dialog.ts';
import type { Hand } from './hand.ts';

/** All machines of a host moved away, or brought home. */
export class EvacuationDialog extends DialogBox {
  readonly #words: (typeof evacuation)['away' | 'home'];

  constructor(hand: Hand, kind: 'away' | 'home', host: string) {
    super(hand, evacuation[kind].title(host));
    this.#words = evacuation[kind];
  }

  /** Those that can go, in the order in which they go. */
  get machines(): Locator {
    return this.box.getByRole('list', { name: evacuation.list });
  }

  machine(name: string): Locator {
    return this.machines.getByRole('checkbox', { name: new RegExp(name) });
  }

  get live(): Locator {
    return this.text(evacuation.how.live);
  }

  async go(machines: number): Promise<void> {
    await this.press(this.#words.go(machines));
  }

  async allMoved(machines: number, timeout: number): Promise<void> {
    const done = evacuation.done(machines, machines);
    await expect(this.box.getByRole('status')).toContainText(done, { timeout });
  }
}
