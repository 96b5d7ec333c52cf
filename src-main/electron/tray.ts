import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Menu, Notification, nativeImage, Tray } from 'electron';
import type { Client } from '../contract/client.ts';
import type { DesktopState } from '../contract/index.ts';
import { trayWords as words } from './menu-words.ts';

export interface TrayOptions {
  desk: Client;
  /** Folder of the marks, one a state. */
  icons: string;
  show(): void;
  quit(): void;
}

const UNKNOWN: DesktopState = { tone: 'idle', text: words.starting, pairs: 0, paused: 0 };
/** Tooltips and menus show no more. */
const TEXT_MOST = 120;

/** A mark whose shape and colour say how all is, with what is needed in a hurry. Null where the desktop has no tray. */
export function installTray(options: TrayOptions): Tray | null {
  const { desk, icons, show } = options;
  // With a file beside it for screens of twice the density, which Electron finds by its name.
  const mark = ({ tone }: DesktopState) => nativeImage.createFromPath(join(icons, `${tone}.png`));
  const tray = opened(() => new Tray(mark(UNKNOWN)));
  if (tray === null) return null;
  const tell = (state: DesktopState): void => {
    tray.setImage(mark(state));
    tray.setToolTip(words.name(short(state.text)));
    tray.setContextMenu(menuOf(state, options));
  };
  tell(UNKNOWN);
  desk.on('desktop', tell);
  void desk.call('desktop.state', {}).then((state) => {
    if (state.ok) tell(state.value);
  });
  // Some desktops open the menu at a click; others tell of it.
  tray.on('click', show);
  return tray;
}

function opened(open: () => Tray): Tray | null {
  try {
    return open();
  } catch (error) {
    console.error(`no tray: ${String(error)}`);
    return null;
  }
}

function menuOf(state: DesktopState, { desk, show, quit }: TrayOptions): Menu {
  const { pairs, paused, text } = state;
  const pause = paused < pairs;
  return Menu.buildFromTemplate([
    { label: short(text), enabled: false },
    { type: 'separator' },
    { label: words.open, click: show },
    {
      label: pause ? words.pause : words.resume,
      enabled: pairs > 0,
      click: () => void setPaused(desk, pause),
    },
    { type: 'separator' },
    { label: words.quit, click: quit },
  ]);
}

/** What was ordered from the tray is answered beside it: no window needs to be open. */
async function setPaused(desk: Client, paused: boolean): Promise<void> {
  const order = { requestId: randomUUID(), scope: { kind: 'fleet' as const }, change: { paused } };
  const given = await desk.call('automation.set', order);
  const failed = given.ok ? given.value.outcomes.filter(({ problem }) => problem !== null) : [];
  if (!given.ok) say(words.unchanged, given.problem.message);
  else if (failed.length > 0)
    say(
      words.partly(paused),
      failed.map(({ name, problem }) => `${name}: ${problem?.message ?? ''}`).join('\n'),
    );
  else say(words.changed(paused), words.machines(given.value.outcomes.length));
}

function say(title: string, body: string): void {
  if (Notification.isSupported()) new Notification({ title, body: short(body) }).show();
}

const short = (text: string): string => (text.length > TEXT_MOST ? `${text.slice(0, TEXT_MOST - 1)}…` : text);
