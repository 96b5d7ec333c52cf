import type { Locator } from '@playwright/test';
import { map } from '../../../src-renderer/lib/messages/map.ts';
import { mapView } from '../../../src-renderer/lib/messages/map-view.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { expect } from '../expect.ts';
import type { Hand } from './hand.ts';

/** For whatever the agents need to notice a change and the page to show it. */
const NOTICE_MS = 30_000;

/** The picture of the fleet, and the sentence above it. */
export class MapPage {
  readonly hand: Hand;
  readonly grid: Locator;

  constructor(hand: Hand) {
    this.hand = hand;
    this.grid = hand.page.getByRole('grid', { name: map.grid });
  }

  /** Only what is in view is drawn. */
  get rows(): Locator {
    return this.grid.getByRole('row');
  }

  /** A column each: the hosts on stage, those that are folded, and the wings. */
  get columns(): Locator {
    return this.grid.getByRole('columnheader');
  }

  /** The names of the hosts on stage. */
  get heads(): Locator {
    return this.columns.getByRole('link');
  }

  get headline(): Locator {
    return this.hand.page.getByRole('heading', { level: 1 });
  }

  /** By what its head says of the host, e.g. that one machine takes most of it. */
  column(says: RegExp): Locator {
    return this.grid.getByRole('columnheader', { name: says });
  }

  async open(): Promise<void> {
    await this.hand.place(shell.map);
    await this.isThere();
  }

  async isThere(): Promise<void> {
    await expect(this.grid).toBeVisible();
  }

  /** The practice fleet, as it is when it was started. */
  async isPractice(): Promise<void> {
    const name = map.headline.someProtected(2, 7);
    const headline = this.hand.page.getByRole('heading', { level: 1, name, exact: true });
    await expect(headline).toBeVisible({ timeout: NOTICE_MS });
  }

  async openHost(name: string): Promise<void> {
    await this.hand.click(this.columns.getByRole('link', { name: new RegExp(`^${name}\\b`) }));
    await expect(this.hand.page.getByRole('heading', { level: 1, name, exact: true })).toBeVisible();
  }

  /** Opens the wizard at the machine, which has no standby. */
  async protect(machine: string): Promise<void> {
    await this.hand.click(this.hand.page.getByRole('link', { name: map.protectName(machine) }));
  }

  /** Opens the dialog from the machine's place on its standby. */
  async failOver(machine: string): Promise<void> {
    const link = this.hand.page.getByRole('link', { name: map.failoverName(machine), exact: true });
    await this.hand.click(link);
  }

  chip(name: RegExp): Locator {
    return this.grid.getByRole('link', { name });
  }

  /** The chip of a machine on a host, saying `word`. */
  seat(machine: string, word: string | RegExp, host: string): Locator {
    const words = typeof word === 'string' ? word : word.source;
    return this.chip(new RegExp(`^${machine}\\b.*${words}.*\\b${host}$`));
  }

  async shows(machine: string, word: string | RegExp, host: string, timeout = NOTICE_MS): Promise<void> {
    await expect(this.seat(machine, word, host)).toBeVisible({ timeout });
  }

  async says(headline: string | RegExp, timeout = NOTICE_MS): Promise<void> {
    await expect(this.hand.page.getByRole('heading', { level: 1, name: headline })).toBeVisible({ timeout });
  }

  /** No host is missed any more. */
  async hearsEveryHost(): Promise<void> {
    const missed = this.hand.page.getByRole('heading', { level: 1, name: /does not answer/ });
    await expect(missed).toHaveCount(0, { timeout: 60_000 });
  }

  /** What the witness of that name says of its votes. */
  vote(witness: string): Locator {
    const list = this.hand.page.getByRole('list', { name: map.witness });
    return list.getByRole('listitem').filter({ hasText: witness });
  }

  /** What happened, or happens, to a host that was lost. */
  story(host: string): Locator {
    return this.hand.page.getByRole('region', { name: mapView.story.title(host) });
  }

  /** All hosts of a large fleet, in small. */
  get skyline(): Locator {
    return this.hand.page.getByRole('region', { name: mapView.skyline });
  }

  sky(host: string): Locator {
    return this.skyline.getByRole('button', { name: new RegExp(`^${host},`) });
  }

  get search(): Locator {
    return this.hand.page.getByRole('searchbox', { name: mapView.find });
  }

  get nothingFound(): Locator {
    return this.hand.page.getByText(mapView.noMatch);
  }

  /** No search and no filter any more. */
  async showEverything(): Promise<void> {
    await this.hand.click(this.hand.button(mapView.clear));
  }

  async show(filter: keyof typeof mapView.filters): Promise<void> {
    const choice = this.hand.page.getByRole('combobox', { name: mapView.filter, exact: true });
    await choice.selectOption(mapView.filters[filter]);
  }

  async groupBy(group: keyof typeof mapView.groups): Promise<void> {
    await this.hand.page.getByLabel(mapView.group).selectOption(mapView.groups[group]);
  }

  /** A host whose column is folded; a click brings it forward with its partners. */
  folded(host: string): Locator {
    return this.columns.getByRole('button', { name: new RegExp(`^${host}`) });
  }

  /** The head of a group, which folds and opens it. */
  group(name: string | RegExp): Locator {
    return this.grid.getByRole('button', { name });
  }

  get fartherAway(): Locator {
    return this.hand.button(mapView.zoomOut);
  }

  async farther(): Promise<void> {
    await this.hand.click(this.fartherAway);
  }

  async closer(): Promise<void> {
    await this.hand.click(this.hand.button(mapView.zoomIn));
  }

  async whatIf(): Promise<void> {
    await this.hand.click(this.hand.page.getByRole('link', { name: mapView.whatIf }));
  }
}
