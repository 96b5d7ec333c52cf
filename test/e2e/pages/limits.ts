import { limits } from '../../../src-renderer/lib/messages/limits.ts';
import { DialogBox } from './dialog.ts';
import type { Hand } from './hand.ts';

/** How fast a host sends copies, and how fast in certain hours. */
export class LimitsDialog extends DialogBox {
  constructor(hand: Hand, host: string) {
    super(hand, limits.title(host));
  }

  /** MiB/s; empty: as fast as it goes. */
  async rate(text: string): Promise<void> {
    await this.hand.type(this.box.getByLabel(limits.rate, { exact: true }), text);
  }

  /** On, or off again. */
  async otherHours(): Promise<void> {
    await this.hand.click(this.box.getByRole('checkbox', { name: limits.withHours }));
  }

  async rateInThem(text: string): Promise<void> {
    await this.hand.type(this.box.getByLabel(limits.hoursRate, { exact: true }), text);
  }

  async save(): Promise<void> {
    await this.press(limits.save);
  }
}
