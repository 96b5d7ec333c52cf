/** The offline runbook: a page to print. */
export const runbook = {
  title: 'Offline runbook',
  text: 'What to do by hand, command by command, when neither this console nor the agents can help. Print it, or keep it where you can read it without this workstation.',
  open: 'Offline runbook',
  byHand: 'By hand, when nothing else works: the offline runbook',
  machine: 'Machine',
  all: (n: number) => `All ${n} machines`,
  tooMany: (n: number) =>
    `${n} machines are too many for one page. Choose one, or save the file: it has them all.`,
  print: 'Print…',
  save: 'Save as a file',
  saved: (name: string) => `${name} is saved.`,
  loading: 'Writing the runbook…',
  empty: 'Nothing is protected yet.',
  emptyText: 'Once a machine has a copy, this page says how to start that copy by hand.',
  practice: 'Of a practice fleet nothing is written to this workstation.',
  age: 'As it is since',
  where: 'Written at every change to',
  notYet: 'It is written as soon as a host has answered.',
  folder: 'Write it to another folder too',
  folderHint:
    'A full path on this workstation: a USB stick, or a folder that is kept elsewhere as well. Empty: nowhere else.',
  folderSet: 'Keep it there',
  folderDone: (folder: string) => `The runbook is kept in ${folder} too.`,
  folderGone: 'The runbook is kept in this console’s folder only.',
  paper: 'The runbook as it is printed',
};
