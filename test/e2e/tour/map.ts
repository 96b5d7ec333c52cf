import { bulk } from '../../../src-renderer/lib/messages/bulk.ts';
import { mapView } from '../../../src-renderer/lib/messages/map-view.ts';
import { whatIf } from '../../../src-renderer/lib/messages/what-if.ts';
import { expect } from '../expect.ts';
import type { fleets } from '../fixture/fleets.ts';
import { startFixtureFleet } from '../fixture/server.ts';
import type { Hand } from '../pages/hand.ts';

interface Deps {
  hand: Hand;
  look(name: string): Promise<void>;
}
interface Visit extends Deps {
  open(place: string): Promise<void>;
}

/** fixtureFleet: the map in its main states, small and large, the list and what if. */
export async function takeMapTour(deps: Deps): Promise<void> {
  await on('backup', deps, visitBackup);
  await on('troubles', deps, visitStates);
  await on('many', deps, visitMany);
  await on('big', deps, visitBig);
  await on('bigLost', deps, visitLost);
}

async function on(
  name: keyof typeof fleets,
  deps: Deps,
  visit: (visit: Visit) => Promise<void>,
): Promise<void> {
  const fixture = await startFixtureFleet(name);
  const { page } = deps.hand;
  const open = async (place: string): Promise<void> => {
    await page.goto(`${fixture.url}${place}`);
    await page.reload();
    await expect(page.locator('h1').first()).toBeVisible();
  };
  try {
    await visit({ ...deps, open });
  } finally {
    await fixture.stop();
  }
}

async function visitBackup({ hand, look, open }: Visit): Promise<void> {
  const { page } = hand;
  await open('#/');
  await expect(page.getByRole('grid')).toBeVisible();
  await look('map-one-backup-host');
  await open('#/what-if');
  await look('what-if-nothing');
  await hand.click(page.getByRole('button', { name: /^atlas/ }));
  await expect(page.getByRole('heading', { name: whatIf.headline(['atlas']) })).toBeVisible();
  await look('what-if-atlas');
}

async function visitStates({ look, open }: Visit): Promise<void> {
  await open('#/');
  await look('map-every-state');
}

async function visitMany({ look, open }: Visit): Promise<void> {
  await open('#/');
  await look('map-folded');
}

async function visitBig({ hand, look, open }: Visit): Promise<void> {
  const { page } = hand;
  await open('#/');
  await expect(page.getByRole('region', { name: mapView.skyline })).toBeVisible();
  await look('map-big');
  await hand.click(page.getByRole('button', { name: mapView.zoomOut }));
  await hand.click(page.getByRole('button', { name: mapView.zoomOut }));
  await look('map-big-far');
  await page.getByLabel(mapView.group).selectOption(mapView.groups.host);
  await look('map-big-by-host');
  await page.getByLabel(mapView.group).selectOption(mapView.groups.none);
  await hand.click(page.getByRole('button', { name: mapView.zoomIn }));
  await hand.click(page.getByRole('button', { name: mapView.zoomIn }));
  await page.getByRole('searchbox').fill('erp');
  await look('map-big-search');
  await page.getByRole('searchbox').fill('no such machine');
  await expect(page.getByText(mapView.noMatch)).toBeVisible();
  await look('map-big-nothing-found');
  await visitList({ hand, look, open });
  await open('#/what-if?fail=fra-24,witness-1');
  await expect(page.getByRole('table')).toBeVisible();
  await look('what-if-big');
}

async function visitList({ hand, look, open }: Visit): Promise<void> {
  const { page } = hand;
  await open('#/list');
  await expect(page.getByRole('table')).toBeVisible();
  await look('list-big');
  await page
    .getByRole('combobox', { name: mapView.filter, exact: true })
    .selectOption(mapView.filters.unprotected);
  await page.getByRole('searchbox').fill('dub-1');
  await page.getByRole('checkbox', { name: bulk.all }).check();
  await look('list-chosen');
  await hand.click(page.getByRole('button', { name: /^Protect \d+…/ }));
  await expect(page.getByRole('dialog')).toBeVisible();
  await look('dialog-protect-many');
  await page.keyboard.press('Escape');
  await page.getByRole('combobox', { name: mapView.filter, exact: true }).selectOption(mapView.filters.all);
  await page.getByRole('checkbox', { name: bulk.all }).check();
  await hand.click(page.getByRole('button', { name: /^Drill \d+…/ }));
  await expect(page.getByRole('dialog')).toBeVisible();
  await look('dialog-drill-many');
}

async function visitLost({ hand, look, open }: Visit): Promise<void> {
  await open('#/');
  await expect(hand.page.getByText(mapView.story.title('ams-03'))).toBeVisible();
  await look('map-big-host-lost');
}
