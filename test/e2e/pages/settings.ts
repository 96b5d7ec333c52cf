import type { Locator } from '@playwright/test';
import { automation } from '../../../src-renderer/lib/messages/automation.ts';
import { diagnostics } from '../../../src-renderer/lib/messages/diagnostics.ts';
import { manual } from '../../../src-renderer/lib/messages/manual.ts';
import { runbook } from '../../../src-renderer/lib/messages/runbook.ts';
import { settings } from '../../../src-renderer/lib/messages/settings.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { transfer } from '../../../src-renderer/lib/messages/transfer.ts';
import { expect } from '../expect.ts';
import { DialogBox } from './dialog.ts';
import type { Hand } from './hand.ts';
import { MaintenanceDialog } from './maintenance.ts';

/** What is set for this console; how people are told is a card of its own (telling.ts). */
export class SettingsPage {
  readonly hand: Hand;

  constructor(hand: Hand) {
    this.hand = hand;
  }

  async open(): Promise<void> {
    await this.hand.place(shell.settings);
  }

  async isThere(): Promise<void> {
    await expect(this.hand.page.getByRole('heading', { level: 1, name: settings.title })).toBeVisible();
  }

  /** The name that others see at what is ordered here. */
  async callMe(name: string): Promise<void> {
    await this.hand.type(this.hand.field(settings.operator), name);
    await this.hand.click(this.hand.button(settings.save));
  }

  /** In force on every page. */
  async hasTheme(theme: 'light' | 'dark'): Promise<void> {
    await expect(this.hand.page.locator('html')).toHaveAttribute('data-theme', theme);
  }

  async readFile(): Promise<ImportDialog> {
    await this.hand.click(this.hand.button(transfer.import));
    return new ImportDialog(this.hand);
  }

  async gatherDiagnostics(): Promise<DiagnosticsDialog> {
    await this.hand.click(this.hand.button(diagnostics.open));
    return new DiagnosticsDialog(this.hand);
  }

  async startPractice(): Promise<void> {
    await this.hand.click(this.hand.button(settings.practiceStart));
  }

  /** Of the whole fleet. */
  async maintenance(): Promise<MaintenanceDialog> {
    await this.hand.click(this.hand.button(automation.maintenance.start));
    return new MaintenanceDialog(this.hand, automation.maintenance.fleet);
  }

  async openManual(): Promise<void> {
    await this.hand.click(this.hand.page.getByRole('link', { name: manual.open, exact: true }));
  }

  async openRunbook(): Promise<void> {
    await this.hand.click(this.hand.page.getByRole('link', { name: runbook.open, exact: true }));
  }
}

/** Settings from a file. */
export class ImportDialog extends DialogBox {
  constructor(hand: Hand) {
    super(hand, transfer.dialog);
  }

  /** What taking them over would change. */
  change(from: string, to: string): Locator {
    return this.text(transfer.change(from, to));
  }
}

/** What a file for whoever helps would hold. */
export class DiagnosticsDialog extends DialogBox {
  constructor(hand: Hand) {
    super(hand, diagnostics.dialog);
  }

  async isGathered(): Promise<void> {
    await expect(this.text(diagnostics.parts.fleet)).toBeVisible();
  }
}
