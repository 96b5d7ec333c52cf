import type { Locator } from '@playwright/test';
import { automation } from '../../../src-renderer/lib/messages/automation.ts';
import { DialogBox } from './dialog.ts';
import type { Hand } from './hand.ts';

/** Maintenance of a machine, a host or the whole fleet. */
export class MaintenanceDialog extends DialogBox {
  constructor(hand: Hand, of: string) {
    super(hand, automation.maintenance.title(of));
  }

  /** On the page of what is in maintenance. */
  static banner(hand: Hand): Locator {
    return hand.page.getByText(/^In maintenance until/);
  }

  async begin(): Promise<void> {
    await this.press(automation.maintenance.go);
  }
}
