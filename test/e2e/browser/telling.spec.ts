import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { telling } from '../../../src-renderer/lib/messages/telling.ts';
import { welcome } from '../../../src-renderer/lib/messages/welcome.ts';
import { startFixtureFleet } from '../fixture/server.ts';
import { expect, test } from '../fixtures.ts';
import { HostPage } from '../pages/host.ts';
import { MapPage } from '../pages/map.ts';

test.use({ contextOptions: { reducedMotion: 'reduce' } });

/** Stands for the browser's own notifications, which a headless one does not show. */
const watchNotifications = (page: Page) =>
  page.addInitScript(() => {
    const shown: string[] = [];
    Reflect.set(globalThis, 'shown', shown);
    class Watched {
      static permission = 'granted';
      onclick: (() => void) | null = null;
      constructor(title: string) {
        shown.push(title);
        Reflect.set(globalThis, 'last', this);
      }
      close(): void {}
    }
    Reflect.set(globalThis, 'Notification', Watched);
  });
const shown = (page: Page): Promise<string[]> =>
  page.evaluate(() => Reflect.get(globalThis, 'shown') as string[]);

async function axeFindsNothing(page: Page): Promise<void> {
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ target }) => target.join(' '))])).toEqual([]);
  }
}

test('on practice hosts: set, tried, told, all of it kept on the host', async ({
  hand,
  page,
  startConsole,
}) => {
  test.setTimeout(180_000);
  await watchNotifications(page);
  await page.goto((await startConsole()).url);
  await hand.click(hand.button(welcome.practice));
  await new MapPage(hand).says(/^2 of 7 machines are protected\.$/);
  await hand.place(shell.settings);
  const card = page.getByRole('region', { name: telling.title });
  await expect(card.getByText(telling.practice)).toBeVisible();
  await expect(card.getByText(telling.nothing)).toBeVisible();

  await hand.click(card.getByRole('checkbox', { name: telling.mail }));
  await expect(hand.button(telling.save)).toBeDisabled();
  await hand.type(hand.field(telling.host), 'mail.example.org');
  await hand.type(hand.field(telling.from), 'understudy@example.org');
  await hand.type(hand.field(telling.to), 'ada');
  await expect(card.getByText(/ada is no mail address/).first()).toBeVisible();
  await hand.type(hand.field(telling.to), 'ada@example.org');
  await hand.click(hand.button(telling.testMail));
  await expect(card.getByText(/^Sent from \w+ in \d+ ms: Kept on the practice host/)).toBeVisible();
  await axeFindsNothing(page);
  await hand.click(hand.button(telling.save));
  await expect(page.getByText(telling.saved)).toBeVisible();
  await page.reload();
  await expect(hand.field(telling.to)).toHaveValue('ada@example.org');

  await test.step('a host fails: what its partner tells can be read', async () => {
    await new MapPage(hand).open();
    await new MapPage(hand).openHost('atlas');
    await new HostPage(hand).cutPower();
    await hand.place(shell.settings);
    // Nobody looks at the page from here on.
    await page.evaluate(() => Reflect.set(document, 'hasFocus', () => false));
    await expect(card.getByText(/atlas does not answer, and nobody takes over/).first()).toBeVisible({
      timeout: 90_000,
    });
    await hand.click(card.getByText(telling.read).first());
    await expect(card.getByText(/A decision is needed\./).first()).toBeVisible();
    await axeFindsNothing(page);
    await expect.poll(() => shown(page)).toContainEqual(expect.stringMatching(/^Practice: /));
    await page.evaluate(() => (Reflect.get(globalThis, 'last') as { onclick(): void }).onclick());
    await expect(page).toHaveURL(/#\/(pairs\/.*)?$/);
  });
});

test('what was told, what is held back and what did not get through', async ({ page }) => {
  const fleet = await startFixtureFleet('automatic');
  try {
    await page.goto(`${fleet.url}#/settings`);
    const card = page.getByRole('region', { name: telling.title });
    await expect(card.getByText('shop runs on boreas now', { exact: false }).first()).toBeVisible();
    await expect(
      card.getByText(/Webhook: on its way \(3 attempts\): chat\.example\.org answers 503/),
    ).toBeVisible();
    await expect(card.getByText('mail has had no current copy for 10 minutes.')).toBeVisible();
    // A secret is never shown, only that there is one.
    await expect(card.getByLabel(telling.password, { exact: false }).first()).toHaveValue('');
    await expect(card.getByText(telling.keptHint).first()).toBeVisible();
    await axeFindsNothing(page);
  } finally {
    await fleet.stop();
  }
});
