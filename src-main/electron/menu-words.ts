/** The words of the native menu; those of the page lie in src-renderer/lib/messages. */
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
  help: 'Help',
  shortcuts: 'Keyboard shortcuts',
  diagnostics: 'Gather diagnostics…',
};
