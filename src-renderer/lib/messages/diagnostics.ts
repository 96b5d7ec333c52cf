/** What is gathered for whoever helps. */
export const diagnostics = {
  title: 'Diagnostics',
  text: 'One file for whoever helps you: versions, the state of the fleet, recent history, the console’s log. You see all of it before it is saved, and it is sent nowhere.',
  open: 'Gather diagnostics…',
  dialog: 'What the file would hold',
  removed:
    'Passwords, passphrases, tokens, keys and the private parts of certificates are taken out. Names and addresses of hosts and machines stay in: whoever helps needs them to tell things apart.',
  gathering: 'Gathering…',
  save: 'Save the file',
  saved: (name: string) => `Saved as ${name}.`,
  size: (bytes: string) => bytes,
  parts: {
    versions: 'Versions of console, system and agents',
    settings: 'Settings of this console',
    notices: 'What the console told you and was not dismissed',
    fleet: 'Hosts, machines, pairs and tasks as last heard',
    audit: 'The last 500 lines of the history',
    log: 'The console’s log since it was started',
  },
};
