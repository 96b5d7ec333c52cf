import type { Locator } from '@playwright/test';
import type { TaskKind } from '../../../agent/protocol/task.ts';
import { activity } from '../../../src-renderer/lib/messages/activity.ts';
import { pairs } from '../../../src-renderer/lib/messages/pairs.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { expect } from '../expect.ts';
import type { Hand } from './hand.ts';

/** Tasks and history. */
export class ActivityPage {
  readonly hand: Hand;

  constructor(hand: Hand) {
    this.hand = hand;
  }

  async open(): Promise<void> {
    await this.hand.place(shell.activity);
  }

  /** Each task of that kind on the machine: those that run, and those that ended. */
  tasks(kind: TaskKind, machine: string): Locator {
    return this.hand.page.getByRole('article', { name: activity.task(pairs.taskKind[kind], machine) });
  }

  /** How a task itself stands: steps of one that still runs may be done. */
  stateOf(task: Locator): Locator {
    return task.locator('header');
  }

  /** Told in the history, in these words. */
  async tells(text: string): Promise<void> {
    await expect(this.hand.page.getByText(text)).toBeVisible();
  }
}
