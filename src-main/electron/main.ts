import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { app, type BrowserWindow, dialog, powerMonitor, protocol, session, type Tray } from 'electron';
import { defaultDataDir } from '../local/data-dir.ts';
import { commandLine, runCommandLine } from './command-line.ts';
import { CoreLink, keychain } from './core-link.ts';
import type { CoreSettings } from './core-process.ts';
import { openDesk } from './desk-page.ts';
import { openMainWindow, showWindow } from './main-window.ts';
import { installMenu } from './menu.ts';
import { showNotifications } from './notifications.ts';
import { forbidNavigation } from './security/navigation.ts';
import { registerScheme, servePage } from './security/page-protocol.ts';
import { restrictPermissions } from './security/permissions.ts';
import { heldForTest } from './test-switches.ts';
import { installTray } from './tray.ts';

/** How long the core may take to write everything down before the application ends anyway. */
const SHUTDOWN_LIMIT_MS = 5_000;

const dist = join(__dirname, '..');
const option = (name: string): string | undefined =>
  process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3);

function startCore(dataDir: string): CoreLink {
  // Unpacked beside the archive in packages: a Node outside Electron cannot read asar.
  const file = join(__dirname, 'core.cjs').replace('app.asar', 'app.asar.unpacked');
  const { usable, reason } = keychain();
  const settings: CoreSettings = {
    dataDir,
    practice: process.argv.includes('--practice'),
    keychain: usable,
    keychainReason: reason,
  };
  return new CoreLink(file, [JSON.stringify(settings)], (code) => {
    if (ending) return;
    dialog.showErrorBox(
      'Understudy',
      `Understudy's core ended unexpectedly (code ${code}). Your machines and their copies are not affected: the agents go on without it. Start Understudy again.`,
    );
    app.exit(1);
  });
}

let ending = false;
let window: BrowserWindow | null = null;
/** Held, or it vanishes with the garbage. */
let tray: Tray | null = null;

function start(): void {
  const dataDir = option('data-dir') ?? defaultDataDir(process.env, process.platform);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  servePage(protocol, join(dist, 'renderer').replace('app.asar.unpacked', 'app.asar'));
  restrictPermissions(session.defaultSession);
  const core = startCore(dataDir);
  powerMonitor.on('suspend', () => core.sleep(true));
  powerMonitor.on('resume', () => core.sleep(false));
  const open = (place = ''): BrowserWindow => {
    const opened = openMainWindow({
      core,
      dataDir,
      preload: join(__dirname, 'preload.cjs'),
      icon: join(dist, 'icons', 'icon.png'),
      place,
    });
    opened.on('closed', () => {
      window = null;
    });
    window = opened;
    return opened;
  };
  const show = (place = ''): BrowserWindow => {
    if (!window) return open(place);
    showWindow(window, place);
    return window;
  };
  installMenu({ show });
  open();
  const desk = openDesk(core);
  tray = installTray({
    desk,
    icons: join(dist, 'icons', 'tray'),
    show: () => void show(),
    quit: () => app.quit(),
  });
  showNotifications({
    desk,
    icon: join(dist, 'icons', 'icon.png'),
    inView: () => window?.isVisible() === true && window.isFocused() && !window.isMinimized(),
    show,
  });
  app.on('activate', () => show());
  app.on('second-instance', () => show());
  app.on('before-quit', (event) => {
    if (ending) return;
    ending = true;
    event.preventDefault();
    tray?.destroy();
    core.shutDown();
    const limit = setTimeout(() => core.kill(), SHUTDOWN_LIMIT_MS);
    core.onExit(() => {
      clearTimeout(limit);
      app.exit(0);
    });
  });
}

const command = commandLine(process.argv);
registerScheme(protocol);
forbidNavigation(app);
// As root (tests, appliances) Chromium runs only without its sandbox, and then this would end every process.
if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox();
const dataDir = option('data-dir');
// One console per data directory; tests that give their own may run beside the person's.
if (dataDir) app.setPath('userData', dataDir);
if (command) void app.whenReady().then(() => runCommandLine(dist, command));
else if (!app.requestSingleInstanceLock()) app.quit();
else {
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit();
  });
  void app.whenReady().then(heldForTest).then(start);
}
