import { hosts } from '../../../src-renderer/lib/messages/hosts.ts';
import { settings } from '../../../src-renderer/lib/messages/settings.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { expect } from '../expect.ts';
import type { Tour } from './tour.ts';

/** A stranger in a host's place, a password no longer known, the practice fleet, a console that is gone. */
export async function visitTroubles(tour: Tour): Promise<void> {
  const { hand, look, map, wire, mock } = tour;
  const { page } = hand;
  wire.leadTo(mock.healthy.port);
  await map.open();
  await map.openHost('cora');
  await expect(hand.button(hosts.key.show)).toBeVisible();
  await look('host-key-changed');
  await hand.click(hand.button(hosts.key.show));
  await expect(
    page
      .getByRole('dialog')
      .getByText(/SHA256:/)
      .first(),
  ).toBeVisible();
  await look('dialog-key-changed');
  await page.keyboard.press('Escape');

  await tour.console.kill();
  await expect(page.getByRole('alert').filter({ hasText: shell.lost.title })).toBeVisible();
  await look('console-lost');
  const again = await tour.startConsole();
  await page.goto(again.url);
  await map.openHost('boreas');
  await hand.click(hand.button(`${hosts.login.go}…`));
  await expect(page.getByRole('dialog', { name: hosts.login.title('boreas') })).toBeVisible();
  await look('dialog-log-in-again');
  await page.keyboard.press('Escape');
  await map.open();
  await look('map-no-passwords');

  await hand.place(shell.settings);
  await hand.click(hand.button(settings.practiceStart));
  await map.says(/^2 of 7 machines are protected\.$/);
  await look('map-practice');
  await map.openHost('atlas');
  await look('host-practice');
  await again.kill();
}
