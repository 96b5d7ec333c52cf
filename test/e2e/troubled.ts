import type { Page } from '@playwright/test';
import type { HostView, PairView } from '../../src-main/contract/index.ts';
import { facts } from './fixture/facts.ts';
import { fleets } from './fixture/fleets.ts';
import { type FixtureFleet, startFixtureFleet } from './fixture/server.ts';
import { test as base, expect } from './fixtures.ts';
import { OrderDialog } from './pages/order-dialog.ts';

/** The page on fixtureFleet's fleet of troubles, whose next answers the test decides. */
interface Fixtures {
  fleet: FixtureFleet;
  dialog: OrderDialog;
}

export const troubles = fleets.troubles();
export const pairOf = (name: string): PairView => {
  const found = troubles.pairs[`pair-${name}`];
  if (!found) throw new Error(`there is no pair ${name}`);
  return found;
};
export const hostOf = (id: string): HostView => {
  const found = troubles.hosts[id];
  if (!found) throw new Error(`there is no host ${id}`);
  return found;
};

export const test = base.extend<Fixtures>({
  fleet: async ({ page }, use) => {
    const fleet = await startFixtureFleet('troubles');
    fleet.script.change({ hosts: { atlas: { ...hostOf('atlas'), facts: facts('atlas') } } });
    await page.goto(fleet.url);
    await expect(page.getByRole('grid')).toBeVisible();
    await use(fleet);
    await fleet.stop();
  },
  dialog: async ({ hand }, use) => use(new OrderDialog(hand)),
});

/** To another place of the same page: no reload. */
export async function go(page: Page, place: string): Promise<void> {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, place);
}

export { expect } from './expect.ts';
