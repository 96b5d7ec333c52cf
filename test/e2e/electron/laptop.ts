import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@playwright/test';
import type { TaskKind } from '../../../agent/protocol/task.ts';
import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { type RunningApp, startDisplay, startElectron } from '../electron-app.ts';
import { ActivityPage } from '../pages/activity.ts';
import { AddHostWizard } from '../pages/add-host.ts';
import { Hand } from '../pages/hand.ts';
import { HostPage } from '../pages/host.ts';
import { MapPage } from '../pages/map.ts';
import { WelcomePage } from '../pages/welcome.ts';
import { type PracticeHosts, startPracticeHosts } from '../practice-hosts.ts';

const TASK_MS = 120_000;

/** The console's window and what it keeps; the practice hosts live in the test's process and outlast it. */
export class Laptop {
  readonly practice: PracticeHosts;
  readonly dataDir: string;
  readonly #screen: { display: string; stop(): void };
  #running: RunningApp | null = null;
  /** Hosts it knows, by name. */
  readonly #known: string[] = [];

  static async open(copyBps: number): Promise<Laptop> {
    const screen = await startDisplay();
    const practice = await startPracticeHosts({ pace: { copyBps } });
    const laptop = new Laptop(screen, practice, await mkdtemp(join(tmpdir(), 'understudy-life-')));
    await laptop.start();
    return laptop;
  }

  private constructor(
    screen: Awaited<ReturnType<typeof startDisplay>>,
    practice: PracticeHosts,
    dataDir: string,
  ) {
    this.#screen = screen;
    this.practice = practice;
    this.dataDir = dataDir;
  }

  get running(): RunningApp {
    if (!this.#running) throw new Error('the window is closed');
    return this.#running;
  }

  get page(): RunningApp['page'] {
    return this.running.page;
  }

  /** Of the window as it is now: one that was started anew has another page. */
  get hand(): Hand {
    return new Hand(this.page);
  }

  async start(): Promise<void> {
    this.#running = await startElectron({ display: this.#screen.display, dataDir: this.dataDir });
  }

  /** From the first page; `port`: another way to that host. Ends on the wizard's last page. */
  async connect(wanted: readonly { name: string; port?: number }[]): Promise<AddHostWizard> {
    const wizard = new AddHostWizard(this.hand);
    await new WelcomePage(this.hand).connect();
    for (const [index, { name, port: other }] of wanted.entries()) {
      if (index > 0) await wizard.addAnother();
      const { address, port, user, password } = this.practice.access(name);
      await wizard.enter({ address: `${user}@${address}:${other ?? port}`, password });
      await wizard.next();
      await wizard.acceptFingerprint();
      await wizard.install();
      this.#known.push(name);
    }
    return wizard;
  }

  /** SIGKILL, and opened again. Without a keychain the passwords went with the window. */
  async killed(unreachable: readonly string[] = []): Promise<void> {
    const child = this.running.app.process();
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    await this.start();
    for (const name of this.#known) if (!unreachable.includes(name)) await this.logIn(name);
  }

  async logIn(name: string): Promise<void> {
    const map = new MapPage(this.hand);
    await map.open();
    await map.openHost(name);
    const host = new HostPage(this.hand);
    await host.logIn(name, this.practice.access(name).password);
    await host.isConnected();
  }

  /** The task stands in the activity, once and done, although its console was killed meanwhile. */
  async taskDone(kind: TaskKind, machine: string): Promise<void> {
    const activity = new ActivityPage(this.hand);
    await activity.open();
    const tasks = activity.tasks(kind, machine);
    await expect(activity.stateOf(tasks.first())).toContainText(orders.taskState.done, { timeout: TASK_MS });
    await expect(tasks).toHaveCount(1);
  }

  async close(): Promise<void> {
    await this.#running?.close();
    this.#screen.stop();
    await this.practice.close();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}
