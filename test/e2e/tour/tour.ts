import type { HeadlessConsole } from '../headless.ts';
import type { Home } from '../home.ts';
import { type Listening, startWire, type Wire } from '../loopback.ts';
import { startMockHost } from '../mock-host.ts';
import { AddHostWizard } from '../pages/add-host.ts';
import type { Hand } from '../pages/hand.ts';
import { HostPage } from '../pages/host.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';
import { ProtectWizard } from '../pages/protect.ts';
import { type PracticeHosts, startPracticeHosts } from '../practice-hosts.ts';
import { visitFailover } from './failover.ts';
import { visitAddHost, visitFirstRun } from './first-run.ts';
import { visitPlaces, visitProtect } from './places.ts';
import { visitTroubles } from './troubles.ts';

export interface TourDeps {
  hand: Hand;
  home: Home;
  /** Starts the console of `home`. */
  startConsole(): Promise<HeadlessConsole>;
  /** Called on every screen and dialog, in a state that stays as it is meanwhile. */
  look(name: string): Promise<void>;
}

/** What the stations of the tour share. */
export interface Tour extends TourDeps {
  console: HeadlessConsole;
  practice: PracticeHosts;
  /** The way to cora: another machine can be put in its place. */
  wire: Wire;
  mock: { healthy: Listening; bare: Listening; changed: Listening; hanging: Listening };
  map: MapPage;
  host: HostPage;
  addHosts: AddHostWizard;
  protect: ProtectWizard;
  pair(machine: string): PairPage;
}

export const MOCK_PASSWORD = 'only a mock';
/** Bytes per second: a copy in progress stays in progress while it is looked at. */
export const SLOW = 2e6;
export const FAST = 8e9;

/**
 * Leads through every screen and dialog of the console, on three practice hosts that are added like real ones, from
 * the first page to a console that is lost. The same tour is photographed and checked for accessibility.
 */
export async function takeTour(deps: TourDeps): Promise<void> {
  const practice = await startPracticeHosts({ bootDelayMs: 50, pace: { copyBps: FAST } });
  const password = MOCK_PASSWORD;
  const mock = {
    healthy: await startMockHost({ password }),
    changed: await startMockHost({ password }),
    bare: await startMockHost({ password, says: { libvirt: '', 'libvirt.active': '', 'vm-count': '' } }),
    hanging: await startMockHost({ password, hangsAt: 'prepare', says: { 'machine-id': 'mock-hanging' } }),
  };
  const wire = await startWire(practice.access('cora').port);
  const { hand } = deps;
  const tour: Tour = {
    ...deps,
    console: await deps.startConsole(),
    practice,
    wire,
    mock,
    map: new MapPage(hand),
    host: new HostPage(hand),
    addHosts: new AddHostWizard(hand),
    protect: new ProtectWizard(hand),
    pair: (machine) => new PairPage(hand, machine),
  };
  try {
    await hand.page.goto(tour.console.url);
    for (const visit of [
      visitFirstRun,
      visitAddHost,
      visitProtect,
      visitPlaces,
      visitFailover,
      visitTroubles,
    ])
      await visit(tour);
  } finally {
    for (const host of [...Object.values(mock), wire]) await host.stop();
    await practice.close();
  }
}
