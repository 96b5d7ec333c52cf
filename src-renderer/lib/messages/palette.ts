/** The quick way to any place: Ctrl+K. */
export const palette = {
  title: 'Go to',
  field: 'Machine, host or action',
  hint: (keys: string) => `${keys} from anywhere. Arrows choose, Enter goes.`,
  none: (text: string) => `Nothing matches “${text}”.`,
  open: 'Search',
  kinds: {
    page: 'Page',
    host: 'Host',
    pair: 'Protected machine',
    machine: 'Machine',
    action: 'Action',
    manual: 'Manual',
  },
  protect: (name: string) => `Protect ${name}…`,
  failover: (name: string) => `Fail over ${name}…`,
  results: 'Results',
};
