import { generateOpensshKey } from '../../src-main/core/ssh/openssh-key.ts';
import { addHost } from '../../src-renderer/lib/messages/add-host.ts';
import { hosts } from '../../src-renderer/lib/messages/hosts.ts';
import { orders } from '../../src-renderer/lib/messages/orders.ts';
import { protect } from '../../src-renderer/lib/messages/protect.ts';
import { shell } from '../../src-renderer/lib/messages/shell.ts';
import { welcome } from '../../src-renderer/lib/messages/welcome.ts';
import { startWire, unusedPort } from './loopback.ts';
import { startMockHost } from './mock-host.ts';
import { AddHostWizard } from './pages/add-host.ts';
import type { Hand } from './pages/hand.ts';
import { HostPage } from './pages/host.ts';
import { MapPage } from './pages/map.ts';
import { PairPage } from './pages/pair.ts';
import { ProtectWizard } from './pages/protect.ts';
import type { Shoot } from './screens.ts';

/** The first page, and the wizard *Add a host* up to what it would install, with what goes wrong on the way. */
export async function firstRun(hand: Hand, shoot: Shoot): Promise<void> {
  const { page } = hand;
  await hand.button(welcome.practice).waitFor();
  await shoot('first-run');
  await hand.click(page.getByRole('link', { name: welcome.connect }));
  await shoot('add-host-empty');
  await hand.click(hand.button(shell.next));
  await shoot('add-host-missing');
  const wizard = new AddHostWizard(hand);
  await wizard.enter({ address: '127.0.0.1', port: await unusedPort(), password: 'x' });
  await hand.click(hand.button(shell.next));
  await page.locator('[aria-invalid="true"]').first().waitFor();
  await shoot('add-host-refused');
  await mockHost(hand, wizard, shoot);
  await hand.place(shell.map);
}

async function mockHost(hand: Hand, wizard: AddHostWizard, shoot: Shoot): Promise<void> {
  const mock = await startMockHost({ password: 'secret', says: { 'libvirt.active': '' } });
  const wire = await startWire(mock.port);
  await wizard.enter({ address: '127.0.0.1', port: wire.port, password: 'wrong' });
  await hand.click(hand.button(shell.next));
  await hand.button(addHost.fingerprint.matches).waitFor();
  await shoot('add-host-fingerprint');
  await hand.click(hand.button(addHost.fingerprint.matches));
  await hand.page.locator('[aria-invalid="true"]').first().waitFor();
  await shoot('add-host-wrong-password');
  await wizard.enter({ password: 'secret' });
  await hand.click(hand.button(shell.next));
  const checks = hand.button(addHost.found.install);
  await hand.button(addHost.fingerprint.matches).or(checks).first().waitFor();
  if (await hand.button(addHost.fingerprint.matches).isVisible())
    await hand.click(hand.button(addHost.fingerprint.matches));
  await checks.waitFor();
  await shoot('add-host-checks');
  await hand.click(hand.button(shell.back));
  const other = await startMockHost({ password: 'secret', hostKey: generateOpensshKey().private });
  wire.leadTo(other.port);
  await hand.click(hand.button(shell.next));
  const changed = hand.button(addHost.changed.trust);
  await changed.or(hand.button(addHost.fingerprint.matches)).first().waitFor();
  await shoot((await changed.isVisible()) ? 'add-host-key-changed' : 'add-host-other-key');
  await Promise.all([wire.stop(), mock.stop(), other.stop()]);
}

/** The whole story on the practice fleet. */
export async function practiceStory(hand: Hand, shoot: Shoot): Promise<void> {
  const { page } = hand;
  const map = new MapPage(hand);
  await page.goto(`${new URL(page.url()).origin}/#/welcome`);
  await hand.click(hand.button(welcome.practice));
  await map.shows('mail', 'in sync', 'boreas');
  await shoot('map');
  await hand.place(shell.list);
  await shoot('list');
  await page.keyboard.press('Control+k');
  await shoot('palette');
  await page.keyboard.press('Escape');
  await protectFiles(hand, map, shoot);
  await places(hand, map, shoot);
  await lose(hand, map, shoot);
  await comeBack(hand, map, shoot);
}

async function protectFiles(hand: Hand, map: MapPage, shoot: Shoot): Promise<void> {
  await map.open();
  await hand.click(hand.page.getByRole('link', { name: 'Protect files' }));
  await hand.button(shell.next).waitFor();
  await shoot('protect-choose');
  const wizard = new ProtectWizard(hand);
  await wizard.choose('files', 'cora');
  await hand.page.getByText(protect.plan).waitFor();
  await shoot('protect-plan');
  await wizard.start();
  await shoot('protect-copy');
  await wizard.done('files');
  await shoot('protect-done');
}

async function places(hand: Hand, map: MapPage, shoot: Shoot): Promise<void> {
  const { page } = hand;
  const pair = new PairPage(hand, 'files');
  await pair.open();
  await shoot('pair');
  await pair.openDialog('switchover');
  await shoot('switch-over');
  await page.keyboard.press('Escape');
  await hand.place(shell.activity);
  await page.getByRole('heading', { level: 3 }).first().waitFor();
  await shoot('activity');
  await hand.place(shell.settings);
  await shoot('settings');
  await map.open();
  await map.openHost('atlas');
  await shoot('host');
  await hand.click(hand.button(hosts.rename));
  await shoot('host-rename');
  await page.keyboard.press('Escape');
}

async function lose(hand: Hand, map: MapPage, shoot: Shoot): Promise<void> {
  const { page } = hand;
  await new HostPage(hand).cutPower();
  await shoot('host-lost');
  await map.open();
  await map.says(/^atlas does not answer/);
  await shoot('map-host-lost');
  const files = new PairPage(hand, 'files');
  await hand.click(page.getByRole('link', { name: 'Fail over files', exact: true }));
  await page.getByText(orders.failover.evidence).waitFor();
  await shoot('fail-over');
  await files.confirmFailover('cora');
  await shoot('fail-over-live');
  await files.failoverDone('cora');
  await shoot('fail-over-done');
  await files.closeDialog();
  await shoot('pair-on-stage');
  await map.open();
  await shoot('map-on-stage');
}

async function comeBack(hand: Hand, map: MapPage, shoot: Shoot): Promise<void> {
  const { page } = hand;
  await map.openHost('atlas');
  await new HostPage(hand).restorePower();
  await map.open();
  await map.shows('files', 'old copy, set aside', 'atlas');
  await shoot('map-quarantined');
  const files = new PairPage(hand, 'files');
  await files.open();
  await shoot('pair-quarantined');
  await files.openDialog('return');
  await shoot('return');
  await files.give(orders.return.go('atlas'), orders.return.done('atlas'));
  await shoot('return-done');
  await files.closeDialog();
  await hand.click(hand.action(/^End protection/));
  await page.getByRole('dialog').waitFor();
  await shoot('end-protection');
  await page.keyboard.press('Escape');
}
