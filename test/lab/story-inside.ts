import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium, expect, type Page } from '@playwright/test';
import { orders } from '../../src-renderer/lib/messages/orders.ts';
import { welcome } from '../../src-renderer/lib/messages/welcome.ts';
import { startDisplay, startElectron } from '../e2e/electron-app.ts';
import { CHROMIUM, startHeadless } from '../e2e/headless.ts';
import { AddHostWizard } from '../e2e/pages/add-host.ts';
import { Hand } from '../e2e/pages/hand.ts';
import { PairPage } from '../e2e/pages/pair.ts';
import { ProtectWizard } from '../e2e/pages/protect.ts';
import { type Lab, openLab } from './lab.ts';
import { Recorder } from './recorder.ts';

/** The story itself; story.ts starts it inside the lab's network namespace. */
const { values } = parseArgs({
  args: process.argv.slice(2),
  options: { json: { type: 'boolean', default: false }, shell: { type: 'string', default: 'browser' } },
});
const ANSWER_MS = 120_000;
const PAIR_SEEN_MS = 60_000;

interface Screen {
  page: Page;
  close(): Promise<void>;
}

/** A home without keys or an SSH agent, so that the console offers the password as a stranger would see it. */
async function openScreen(home: string): Promise<Screen> {
  const env = { HOME: home, SSH_AUTH_SOCK: '' };
  if (values.shell === 'electron') {
    const display = await startDisplay();
    const running = await startElectron({ display: display.display, dataDir: join(home, 'data'), env });
    return {
      page: running.page,
      async close() {
        await running.close();
        display.stop();
      },
    };
  }
  const console = await startHeadless({ dataDir: join(home, 'data'), env });
  const browser = await chromium.launch(CHROMIUM);
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(console.url);
  return {
    page,
    async close() {
      await browser.close();
      await console.stop();
    },
  };
}

const stages: Record<string, number> = {};
async function stage<T>(name: string, work: () => Promise<T>): Promise<T> {
  const began = Date.now();
  console.error(`${name} ...`);
  const value = await work();
  stages[name] = (stages[name] ?? 0) + (Date.now() - began) / 1000;
  console.error(`${name}: ${((Date.now() - began) / 1000).toFixed(1)} s`);
  return value;
}

/** Starts the machine by hand on the host where it is, and waits for its first answer; seconds. */
async function startByHand(lab: Lab, host: string, guest: string): Promise<number> {
  await lab.exec(host, ['virsh', 'destroy', guest]);
  const began = Date.now();
  const started = await lab.exec(host, ['virsh', 'start', guest]);
  if (started.code !== 0) throw new Error(`virsh start ${guest}: ${started.stderr}`);
  const answer = await lab.firstAnswer(guest, ANSWER_MS);
  if (!answer) throw new Error(`${guest} started by hand does not answer`);
  return (answer.at - began) / 1000;
}

async function nothingRunsOn(lab: Lab, host: string): Promise<void> {
  const { stdout } = await lab.exec(host, ['virsh', 'list', '--name']);
  if (stdout.trim() !== '') throw new Error(`${host} came back and runs ${stdout.trim()}`);
}

async function tell(lab: Lab, page: Page) {
  const hand = new Hand(page);
  const hosts = new AddHostWizard(hand);
  const wizard = new ProtectWizard(hand);
  const erp = new PairPage(hand, 'erp');

  await stage('connect', async () => {
    await hand.click(hand.action(welcome.connect));
    await hosts.logIn(lab.host('atlas').address, lab.password);
    await hosts.acceptFingerprint();
    await hosts.install();
    await hosts.addAnother();
    await hosts.logIn(lab.host('boreas').address, null);
    await hosts.acceptFingerprint();
    await hosts.install();
  });

  await stage('protect', async () => {
    await hosts.protectNow();
    await wizard.choose('erp', 'boreas');
    await wizard.start();
  });
  await stage('firstCopy', () => wizard.done('erp'));
  const { clicks, fields } = hand;
  await stage('protect', async () => {
    await wizard.another();
    await wizard.choose('shop', 'atlas');
    await wizard.start();
  });
  await stage('firstCopy', () => wizard.done('shop'));
  await wizard.toMap();

  const recorder = await Recorder.start(lab, 'erp');
  try {
    await recorder.waitForMore(200, ANSWER_MS);
    const ackedBefore = recorder.acked;
    await lab.powerOff('atlas');
    const { clickToAnswerS, resumed } = await stage('failover', async () => {
      await expect(page.getByRole('heading', { level: 1, name: /does not answer/ })).toBeVisible({
        timeout: PAIR_SEEN_MS,
      });
      await hand.click(hand.action(/^Fail over erp/));
      const clickedAt = await erp.confirmFailover('boreas');
      const answer = await lab.firstAnswer('erp', ANSWER_MS);
      if (!answer) throw new Error('erp does not answer after the failover');
      await erp.failoverDone('boreas');
      await recorder.waitForMore(20, ANSWER_MS);
      return { clickToAnswerS: (answer.at - clickedAt) / 1000, resumed: true };
    });
    await recorder.stop();
    const outage = await recorder.outage();
    const verdict = await recorder.verify();
    await erp.closeDialog();
    const handStartS = await startByHand(lab, 'boreas', 'erp');

    await stage('return', async () => {
      await lab.powerOn('atlas');
      await erp.open();
      await erp.shows('old copy set aside', ANSWER_MS);
      await nothingRunsOn(lab, 'atlas');
    });
    await stage('resync', async () => {
      await erp.openDialog('return');
      await erp.give(orders.return.go('atlas'), orders.return.done('atlas'));
      await erp.closeDialog();
      await erp.shows('in sync');
    });
    await stage('switchback', async () => {
      await erp.openDialog('switchover');
      await erp.give(orders.switchover.go('atlas'), orders.switchover.done('erp', 'atlas'));
      await erp.closeDialog();
      if (!(await lab.firstAnswer('erp', ANSWER_MS)))
        throw new Error('erp does not answer after switching back');
      const status = await lab.status();
      const runsOn = status.guests.find((guest) => guest.name === 'erp')?.runsOn ?? [];
      expect(runsOn).toEqual(['atlas']);
    });
    expect(resumed).toBe(true);
    return { clicks, fields, ackedBefore, verdict, outageS: outage.seconds, clickToAnswerS, handStartS };
  } finally {
    await recorder.stop();
  }
}

const round = (value: number): number => Math.round(value * 100) / 100;

const lab = await openLab();
if (!lab) throw new Error('there is no lab');
const home = await mkdtemp(join(tmpdir(), 'understudy-story-'));
const screen = await openScreen(home);
try {
  const told = await tell(lab, screen.page);
  const result = {
    shell: values.shell,
    stages: Object.fromEntries(Object.entries(stages).map(([name, seconds]) => [name, round(seconds)])),
    clicks: told.clicks,
    fields: told.fields,
    acked: told.ackedBefore,
    missing: told.verdict.missing,
    outageS: round(told.outageS),
    clickToAnswerS: round(told.clickToAnswerS),
    handStartS: round(told.handStartS),
    overheadS: round(told.clickToAnswerS - told.handStartS),
  };
  if (!values.json) console.table(result);
  console.log(JSON.stringify(result));
  process.exitCode = result.missing === 0 && result.acked >= 200 ? 0 : 1;
} catch (error) {
  const picture = join(tmpdir(), 'understudy-story-failed.png');
  await screen.page.screenshot({ path: picture }).catch(() => undefined);
  console.error(error instanceof Error ? error.stack : error);
  console.error(`What was on screen: ${picture}`);
  process.exitCode = 1;
} finally {
  await screen.close().catch(() => undefined);
  await rm(home, { recursive: true, force: true });
}
