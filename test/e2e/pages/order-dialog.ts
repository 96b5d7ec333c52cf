import type { Locator } from '@playwright/test';
import type { Problem } from '../../../agent/protocol/index.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { expect } from '../expect.ts';
import { DialogBox } from './dialog.ts';

/** Whatever dialog is open: what it says of a refusal, and the button that orders. */
export class OrderDialog extends DialogBox {
  /** In a page that has been opened: no reload, only another place. */
  async open(place: string): Promise<void> {
    await this.hand.page.evaluate((hash) => {
      location.hash = hash;
    }, place);
    await this.isThere();
  }

  /** What happened and what to do, where it is seen without scrolling. */
  async says({ message, next }: Pick<Problem, 'message' | 'next'>): Promise<void> {
    const note = this.box.getByRole('alert').filter({ hasText: message });
    await expect(note).toContainText(next);
    await expect(note).toBeInViewport({ ratio: 0.9 });
  }

  /** The page's own banner lies under the dialog. */
  async saysLost(go: Locator): Promise<void> {
    await expect(this.box.getByRole('alert').filter({ hasText: shell.lost.title })).toBeVisible();
    await expect(go).toBeDisabled();
    await expect(go).toHaveAccessibleDescription(/lost its console/);
  }
}
