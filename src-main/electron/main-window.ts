import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { app, BrowserWindow, ipcMain, screen } from 'electron';
import type { CoreLink } from './core-link.ts';
import { APP_START, isOwnPage } from './security/origin.ts';

interface Bounds {
  x?: number;
  y?: number;
  width: number;
  height: number;
  maximized: boolean;
}

/** Dragging tells many times a second. */
const KEEP_BOUNDS_MS = 500;

const DEFAULT: Bounds = { width: 1280, height: 800, maximized: false };

function readBounds(file: string): Bounds {
  try {
    const stored = JSON.parse(readFileSync(file, 'utf8')) as Partial<Bounds>;
    const { x, y, width, height, maximized } = { ...DEFAULT, ...stored };
    if (!(Number.isFinite(width) && Number.isFinite(height))) return DEFAULT;
    // A window remembered on a screen that is no longer there opens where there is one.
    const visible = screen.getAllDisplays().some(({ workArea }) => {
      return (
        x !== undefined &&
        y !== undefined &&
        x >= workArea.x &&
        x < workArea.x + workArea.width &&
        y >= workArea.y &&
        y < workArea.y + workArea.height
      );
    });
    return visible && x !== undefined && y !== undefined
      ? { x, y, width, height, maximized }
      : { width, height, maximized };
  } catch {
    return DEFAULT;
  }
}

/** Opens the window and joins its page to the core; returns it. */
export function openMainWindow(options: {
  core: CoreLink;
  dataDir: string;
  preload: string;
  icon: string;
  /** Where in the page it begins: "#/list"; empty: the start page. */
  place: string;
}): BrowserWindow {
  const { core } = options;
  const boundsFile = join(options.dataDir, 'window.json');
  const { maximized, ...bounds } = readBounds(boundsFile);
  const window = new BrowserWindow({
    ...bounds,
    minWidth: 800,
    minHeight: 560,
    show: false,
    icon: options.icon,
    title: 'Understudy',
    backgroundColor: '#11151b',
    webPreferences: {
      preload: options.preload,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webSecurity: true,
    },
  });
  const page = window.webContents.id;

  const onReady = (event: Electron.IpcMainEvent): void => {
    if (event.sender.id !== page || !isOwnPage(event.senderFrame?.url ?? '')) return;
    // A reloaded page starts anew.
    core.closePage(page);
    core.openPage(page, (message) => {
      if (!window.isDestroyed()) window.webContents.send('core', message);
    });
  };
  const onMessage = (event: Electron.IpcMainEvent, message: unknown): void => {
    if (event.sender.id === page && isOwnPage(event.senderFrame?.url ?? '')) core.fromPage(page, message);
  };
  ipcMain.on('page-ready', onReady);
  ipcMain.on('page', onMessage);

  if (maximized) window.maximize();
  window.once('ready-to-show', () => window.show());
  const keep = (): void => {
    const state: Bounds = { ...window.getNormalBounds(), maximized: window.isMaximized() };
    writeFileSync(boundsFile, JSON.stringify(state));
  };
  // Also while it is open: a laptop whose battery ends closes no window.
  let soon: NodeJS.Timeout | undefined;
  const keepSoon = (): void => {
    clearTimeout(soon);
    soon = setTimeout(keep, KEEP_BOUNDS_MS);
  };
  window.on('resize', keepSoon);
  window.on('move', keepSoon);
  const ending = (): void => {
    clearTimeout(soon);
    keep();
  };
  window.on('close', ending);
  // Quitting waits for the core and then ends without closing the window (main.ts).
  app.on('before-quit', ending);
  window.on('closed', () => {
    app.off('before-quit', ending);
    core.closePage(page);
    ipcMain.off('page-ready', onReady);
    ipcMain.off('page', onMessage);
  });
  void window.loadURL(`${APP_START}${options.place}`);
  return window;
}

/** Brings the window to the front, at that place; a page that is there is told to go, and not loaded anew. */
export function showWindow(window: BrowserWindow, place: string): void {
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
  if (place === '') return;
  if (window.webContents.isLoading()) void window.loadURL(`${APP_START}${place}`);
  else window.webContents.send('core', { t: 'event', event: 'go', data: { place } });
}
