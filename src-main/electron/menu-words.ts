/** The words of the native menu and the tray; those of the page lie in src-renderer/lib/messages. */
export const menuWords = {
  file: 'File',
  addHost: 'Add a host…',
  protect: 'Protect a machine…',
  importSettings: 'Read settings from a file…',
  settings: 'Settings…',
  view: 'View',
  go: 'Go',
  search: 'Search…',
  map: 'Map',
  list: 'List',
  activity: 'Activity',
  objectives: 'What failures would cost',
  whatIf: 'What if?',
  help: 'Help',
  manual: 'Manual',
  runbook: 'Offline runbook',
  shortcuts: 'Keyboard shortcuts',
  diagnostics: 'Gather diagnostics…',
};

export const trayWords = {
  name: (text: string) => `Understudy: ${text}`,
  starting: 'Understudy is starting.',
  open: 'Open Understudy',
  pause: 'Pause all automation',
  resume: 'Resume automation',
  quit: 'Quit Understudy',
  unchanged: 'Automation was not changed',
  partly: (paused: boolean) => `Automation is not ${done(paused)} everywhere`,
  changed: (paused: boolean) => `Automation is ${done(paused)}`,
  machines: (count: number) => (count === 1 ? '1 machine.' : `${count} machines.`),
};

const done = (paused: boolean): string => (paused ? 'paused' : 'resumed');
