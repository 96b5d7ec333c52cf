import { expect } from '../expect.ts';
import type { fleets } from '../fixture/fleets.ts';
import { startFixtureFleet } from '../fixture/server.ts';
import type { Hand } from '../pages/hand.ts';
import { ListPage } from '../pages/list.ts';
import { MapPage } from '../pages/map.ts';
import { WhatIfPage } from '../pages/what-if.ts';

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
  await open('#/');
  await new MapPage(hand).isThere();
  await look('map-one-backup-host');
  await open('#/what-if');
  await look('what-if-nothing');
  const thought = new WhatIfPage(hand);
  await thought.fail('atlas');
  await thought.tellsOf('atlas');
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
  const map = new MapPage(hand);
  await open('#/');
  await expect(map.skyline).toBeVisible();
  await look('map-big');
  await map.farther();
  await map.farther();
  await look('map-big-far');
  await map.groupBy('host');
  await look('map-big-by-host');
  await map.groupBy('none');
  await map.closer();
  await map.closer();
  await map.search.fill('erp');
  await look('map-big-search');
  await map.search.fill('no such machine');
  await expect(map.nothingFound).toBeVisible();
  await look('map-big-nothing-found');
  await visitList({ hand, look, open });
  await open('#/what-if?fail=fra-24,witness-1');
  await expect(new WhatIfPage(hand).table).toBeVisible();
  await look('what-if-big');
}

async function visitList({ hand, look, open }: Visit): Promise<void> {
  const list = new ListPage(hand);
  await open('#/list');
  await list.isThere();
  await look('list-big');
  await list.show('unprotected');
  await list.find('dub-1');
  await list.chooseAll();
  await look('list-chosen');
  const dialog = await list.protectMany();
  await look('dialog-protect-many');
  await dialog.escape();
  await list.show('all');
  await list.chooseAll();
  await list.drillMany();
  await look('dialog-drill-many');
}

async function visitLost({ hand, look, open }: Visit): Promise<void> {
  await open('#/');
  await expect(new MapPage(hand).story('ams-03')).toBeVisible();
  await look('map-big-host-lost');
}
