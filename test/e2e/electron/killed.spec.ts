import { expect, test } from '@playwright/test';
import { drill } from '../../../src-renderer/lib/messages/drill.ts';
import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { palette } from '../../../src-renderer/lib/messages/palette.ts';
import { replication } from '../../../src-renderer/lib/messages/replication.ts';
import { DialogBox } from '../pages/dialog.ts';
import { Keys } from '../pages/keys.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';
import { ProtectWizard } from '../pages/protect.ts';
import { ModeFields } from '../pages/replication.ts';
import { Laptop } from './laptop.ts';

/**
 * The window killed in the middle of tasks, several at a time: each is carried out, once, and told when it is opened again. Of a
 * first copy: life.spec.ts. The parts build on each other.
 */
/** A task lasts seconds, and is killed in its middle. */
const SLOW = 4e9;
const FAST = 3e10;
const STANDBY = { mail: 'boreas', files: 'boreas', 'erp-db': 'boreas' } as const;
let laptop: Laptop;

test.describe.configure({ mode: 'serial', timeout: 400_000 });

test.beforeAll(async () => {
  laptop = await Laptop.open(FAST);
});

test.afterAll(async () => {
  await laptop?.close();
});

const pace = (copyBps: number): void => {
  laptop.practice.world.pace.copyBps = copyBps;
};

/** By what the palette is searched for and calls it; ends on the machine's page or its dialog. A task needs no open dialog. */
async function find(text: string, label: string): Promise<void> {
  if (await dialog().box.isVisible()) await dialog().escape();
  await new Keys(laptop.page).palette(text, label);
}

const dialog = (): DialogBox => new DialogBox(laptop.hand);
const give = (button: string): Promise<void> => dialog().press(button);

/** The order is under way: its dialog shows the steps. */
async function underWay(): Promise<void> {
  await expect(dialog().steps).toBeVisible();
}

async function standsBy(machine: string, host: string): Promise<void> {
  const map = new MapPage(laptop.hand);
  await map.open();
  await map.shows(machine, 'in sync', host, 120_000);
}

test('three machines are protected', async () => {
  const wizard = await laptop.connect([{ name: 'atlas' }, { name: 'boreas' }, { name: 'cora' }]);
  await wizard.protectNow();
  for (const [machine, standby] of Object.entries(STANDBY)) {
    const protect = new ProtectWizard(laptop.hand);
    await protect.choose(machine, standby);
    await protect.start();
    await protect.done(machine);
    if (machine !== 'erp-db') await protect.another();
  }
});

test('a comparison, another way to keep a copy, another standby', async () => {
  pace(SLOW);
  await find('replace erp-db', palette.replace('erp-db'));
  const { hand } = laptop;
  const erp = new PairPage(hand, 'erp-db');
  await erp.chooseStandby('cora');
  const { dialog: box, mending } = erp;
  const go = box.button(orders.replace.go('cora'));
  await expect(mending.or(go).first()).toBeVisible();
  if (await mending.isVisible()) await hand.click(mending);
  await hand.click(go);
  await underWay();
  await find('replication files', replication.dialog.title('files'));
  await new ModeFields(hand).keep('interval');
  await give(replication.dialog.save);
  await underWay();
  await find('compare mail now', palette.verify('mail'));
  await expect(laptop.page.getByRole('progressbar').first()).toBeVisible();
  await laptop.killed();
  pace(FAST);
  await laptop.taskDone('verify', 'mail');
  await laptop.taskDone('mode', 'files');
  await laptop.taskDone('replace-standby', 'erp-db');
  await standsBy('erp-db', 'cora');
});

test('a drill, a move, the end of a protection', async () => {
  await find('drill mail', drill.dialog.title('mail'));
  await give(drill.go);
  await underWay();
  await find('switch over files', palette.switchover('files'));
  await give(orders.switchover.go('boreas'));
  await underWay();
  await find('end protection erp-db', palette.end('erp-db'));
  await give(orders.end.go);
  await laptop.killed();
  await laptop.taskDone('drill', 'mail');
  await laptop.taskDone('switchover', 'files');
  await laptop.taskDone('unprotect', 'erp-db');
});

test('a failover', async () => {
  await standsBy('mail', 'boreas');
  await laptop.practice.power('atlas', false);
  await new MapPage(laptop.hand).says(/^atlas does not answer\./);
  await find('fail over mail', palette.failover('mail'));
  const mail = new PairPage(laptop.hand, 'mail');
  await mail.verdictIs('unproven', 60_000);
  await mail.vouch();
  await mail.startOn('boreas');
  await expect(mail.dialog.text(orders.failover.runningTitle('mail', 'boreas'))).toBeVisible();
  await laptop.killed(['atlas']);
  await laptop.taskDone('failover', 'mail');
});

test('the way back: the old copy started again, the other made whole, what was kept aside discarded', async () => {
  await laptop.practice.power('atlas', true);
  await laptop.logIn('atlas');
  await find('old copy of mail', palette.revert('mail'));
  await give(orders.revert.go('atlas'));
  await underWay();
  await laptop.killed();
  await laptop.taskDone('revert', 'mail');

  pace(SLOW);
  await find('fail back mail', palette.return('mail'));
  await give(orders.return.go('boreas'));
  await underWay();
  await laptop.killed();
  pace(FAST);
  await laptop.taskDone('resync', 'mail');
  await standsBy('mail', 'boreas');

  await find('discard mail', palette.discard('mail'));
  await give(orders.discard.go);
  await underWay();
  await laptop.killed();
  await laptop.taskDone('discard', 'mail');
  // Going back to the old copy gives up what was written since, on a person's word; nothing else was lost, or ran twice.
  expect(laptop.practice.world.violations).toEqual([
    expect.stringMatching(/^mail starts on atlas with write \d+; \d+ was acknowledged$/),
  ]);
});
