import type { Page } from '@playwright/test';
import { telling } from '../../../src-renderer/lib/messages/telling.ts';
import { axeFindings } from '../axe.ts';
import { startFixtureFleet } from '../fixture/server.ts';
import { expect, test } from '../fixtures.ts';
import { HostPage } from '../pages/host.ts';
import { MapPage } from '../pages/map.ts';
import { SettingsPage } from '../pages/settings.ts';
import { TellingCard } from '../pages/telling.ts';
import { WelcomePage } from '../pages/welcome.ts';

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

test('on practice hosts: set, tried, told, all of it kept on the host', async ({
  hand,
  page,
  startConsole,
}) => {
  await watchNotifications(page);
  await page.goto((await startConsole()).url);
  await new WelcomePage(hand).practice();
  const map = new MapPage(hand);
  const settings = new SettingsPage(hand);
  const card = new TellingCard(hand);
  await map.isPractice();
  await settings.open();
  await expect(card.text(telling.practice)).toBeVisible();
  await expect(card.text(telling.nothing)).toBeVisible();

  await card.switch(telling.mail);
  await expect(card.saving).toBeDisabled();
  await card.mailBy('mail.example.org', 'understudy@example.org');
  await card.mailTo('ada');
  await card.says(/ada is no mail address/);
  await card.mailTo('ada@example.org');
  await card.test();
  await expect(card.text(/^Sent from \w+ in \d+ ms: Kept on the practice host/)).toBeVisible();
  expect(await axeFindings(page, 'telling')).toEqual([]);
  await card.save();
  await page.reload();
  await expect(card.receivers).toHaveValue('ada@example.org');

  await test.step('a host fails: what its partner tells can be read', async () => {
    await map.open();
    await map.openHost('atlas');
    await new HostPage(hand).cutPower();
    await settings.open();
    // Nobody looks at the page from here on.
    await page.evaluate(() => Reflect.set(document, 'hasFocus', () => false));
    await card.says(/atlas does not answer, and nobody takes over/, 90_000);
    await card.read();
    await card.says(/A decision is needed\./);
    expect(await axeFindings(page, 'told')).toEqual([]);
    await expect.poll(() => shown(page)).toContainEqual(expect.stringMatching(/^Practice: /));
    await page.evaluate(() => (Reflect.get(globalThis, 'last') as { onclick(): void }).onclick());
    await expect(page).toHaveURL(/#\/(pairs\/.*)?$/);
  });
});

test('what was told, what is held back and what did not get through', async ({ hand, page }) => {
  const fleet = await startFixtureFleet('automatic');
  try {
    await page.goto(`${fleet.url}#/settings`);
    const card = new TellingCard(hand);
    await card.says('shop runs on boreas now');
    const late = card.text(/Webhook: on its way \(3 attempts\): chat\.example\.org answers 503/);
    await expect(late).toBeVisible();
    await expect(card.text('mail has had no current copy for 10 minutes.')).toBeVisible();
    await expect(card.password).toHaveValue('');
    await card.says(telling.keptHint);
    expect(await axeFindings(page, 'told-lately')).toEqual([]);
  } finally {
    await fleet.stop();
  }
});
