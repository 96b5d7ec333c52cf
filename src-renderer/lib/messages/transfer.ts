import { count } from '../format.ts';

/** Settings of this console to a file and back. */
export const transfer = {
  title: 'Settings of this console as a file',
  text: 'For a new laptop: what is set here and where your hosts are. No password, no key, no certificate is in it.',
  export: 'Save the settings as a file',
  import: 'Read settings from a file…',
  exported: (name: string) => `Saved as ${name}.`,
  dialog: 'Read settings from a file',
  choose: 'Choose a file',
  chosen: (name: string) => `From ${name}`,
  reading: 'The file is being read.',
  unreadable: (name: string) => ({
    kind: 'file-unreadable',
    message: `${name} cannot be read.`,
    next: 'Look whether it is still there, and choose it again.',
  }),
  nothing: 'Everything in it is so already. There is nothing to change.',
  changes: 'This would change',
  change: (from: string, to: string) => `${from} → ${to}`,
  hosts: (n: number) => `${count(n, 'host')} in it that this console does not know`,
  hostsText: 'They are offered with “Add a host” afterwards. Nothing is done on them.',
  apply: 'Take them over',
  applied: 'The settings were taken over.',
  names: {
    theme: 'Theme',
    operator: 'Your name',
    shortcuts: 'Single letters as shortcuts',
    desktop: 'Notifications on this desktop',
    policy: 'If a host fails',
    profile: 'How fast',
    witness: 'Witness',
  },
};
