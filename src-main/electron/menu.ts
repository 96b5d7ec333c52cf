import { type BrowserWindow, Menu, type MenuItemConstructorOptions } from 'electron';
import { menuWords as words } from './menu-words.ts';

type Item = MenuItemConstructorOptions;

export interface MenuTarget {
  /** The window in front, opened where there is none; at that place of the page ("#/list"), or where it is. */
  show(place?: string): BrowserWindow;
}

/** The platform's usual menu, without what does not belong into a console. */
export function installMenu(target: MenuTarget): void {
  Menu.setApplicationMenu(Menu.buildFromTemplate(template(target, process.platform === 'darwin')));
}

function template(target: MenuTarget, mac: boolean): Item[] {
  const { settings, ...items } = itemsFor(target);
  const separator: Item = { type: 'separator' };
  return [
    ...(mac ? [appMenu(settings)] : []),
    {
      label: words.file,
      submenu: [
        items.addHost,
        items.protect,
        separator,
        items.importSettings,
        ...(mac ? [] : [settings]),
        separator,
        mac ? { role: 'close' } : { role: 'quit' },
      ],
    },
    { role: 'editMenu' },
    {
      label: words.view,
      submenu: [
        { role: 'reload' },
        separator,
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        separator,
        { role: 'togglefullscreen' },
      ],
    },
    {
      label: words.go,
      submenu: [
        items.search,
        separator,
        items.map,
        items.list,
        items.activity,
        items.objectives,
        items.whatIf,
      ],
    },
    { role: 'windowMenu' },
    {
      role: 'help',
      label: words.help,
      submenu: [items.manual, items.shortcuts, items.runbook, separator, items.diagnostics],
    },
  ];
}

/** On a Mac settings and quitting stand under the application's name. */
function appMenu(settings: Item): Item {
  const separator: Item = { type: 'separator' };
  return {
    role: 'appMenu',
    submenu: [
      { role: 'about' },
      separator,
      settings,
      separator,
      { role: 'services' },
      separator,
      { role: 'hide' },
      { role: 'hideOthers' },
      { role: 'unhide' },
      separator,
      { role: 'quit' },
    ],
  };
}

function itemsFor({ show }: MenuTarget) {
  const place = (label: string, hash: string, accelerator?: string): Item => ({
    label,
    click: () => void show(hash),
    ...(accelerator === undefined ? {} : { accelerator }),
  });
  /** The page knows the key; here it is only told, so that it is found. */
  const key = (label: string, keyCode: string, modifiers: 'control'[] = []): Item => ({
    label,
    accelerator: modifiers.length > 0 ? `CmdOrCtrl+${keyCode}` : keyCode,
    registerAccelerator: false,
    click: () => {
      const shown = show();
      shown.webContents.sendInputEvent({ type: 'keyDown', keyCode, modifiers });
      shown.webContents.sendInputEvent({ type: 'keyUp', keyCode, modifiers });
    },
  });
  return {
    settings: place(words.settings, '#/settings', 'CmdOrCtrl+,'),
    addHost: place(words.addHost, '#/add-host', 'CmdOrCtrl+N'),
    protect: place(words.protect, '#/protect', 'CmdOrCtrl+Shift+N'),
    importSettings: place(words.importSettings, '#/settings/import'),
    diagnostics: place(words.diagnostics, '#/settings/diagnostics'),
    map: place(words.map, '#/', 'CmdOrCtrl+1'),
    list: place(words.list, '#/list', 'CmdOrCtrl+2'),
    activity: place(words.activity, '#/activity', 'CmdOrCtrl+3'),
    objectives: place(words.objectives, '#/objectives', 'CmdOrCtrl+4'),
    whatIf: place(words.whatIf, '#/what-if', 'CmdOrCtrl+5'),
    runbook: place(words.runbook, '#/runbook'),
    manual: place(words.manual, '#/manual'),
    search: key(words.search, 'K', ['control']),
    shortcuts: key(words.shortcuts, 'F1'),
  };
}
