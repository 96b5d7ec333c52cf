import { expect } from '../expect.ts';
import { Frame } from '../pages/frame.ts';
import { SettingsPage } from '../pages/settings.ts';
import type { Tour } from './tour.ts';

/** A stranger in a host's place, a password no longer known, the practice fleet, a console that is gone. */
export async function visitTroubles(tour: Tour): Promise<void> {
  const { hand, look, map, host, wire, mock } = tour;
  const { page } = hand;
  wire.leadTo(mock.healthy.port);
  await map.open();
  await map.openHost('cora');
  await expect(host.keyChanged).toBeVisible();
  await look('host-key-changed');
  const key = await host.lookAtKey('cora');
  await look('dialog-key-changed');
  await key.escape();

  await tour.console.kill();
  await new Frame(hand).hasLostItsConsole();
  await look('console-lost');
  const again = await tour.startConsole();
  await page.goto(again.url);
  await map.openHost('boreas');
  const logIn = await host.openLogIn('boreas');
  await logIn.isThere();
  await look('dialog-log-in-again');
  await logIn.escape();
  await map.open();
  await look('map-no-passwords');

  const settings = new SettingsPage(hand);
  await settings.open();
  await settings.startPractice();
  await map.isPractice();
  await look('map-practice');
  await map.openHost('atlas');
  await look('host-practice');
  await again.kill();
}
