const RATE = (mibPerS: number | null): string =>
  mibPerS === null ? 'as fast as they go' : `at ${mibPerS} MiB/s at the most`;

/** How fast a host sends copies. */
export const limits = {
  card: 'Copies sent from here',
  now: (host: string, mibPerS: number | null) => `${host} sends copies ${RATE(mibPerS)} now.`,
  also: (from: string, days: string, mibPerS: number | null) => `${days}, ${from}: ${RATE(mibPerS)}.`,
  otherwise: (mibPerS: number | null) => `Otherwise ${RATE(mibPerS)}.`,
  hours: (from: number, to: number) => `${from}:00 to ${to}:00`,
  days: ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'],
  daysShort: ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'],
  workdays: 'Mon to Fri',
  everyDay: 'Every day',
  change: 'Limit copies…',
  title: (host: string) => `How fast ${host} sends copies`,
  what: 'For everything copied from this host together: first copies, what brings one up to date, points, and reading both sides to compare. Never for the writes of a running mirror, nor for what a machine stands still for.',
  rate: 'At most (MiB/s)',
  rateHint: 'Empty: as fast as it goes.',
  rateWrong: 'Enter a whole number of MiB/s, or leave it empty.',
  withHours: 'Another limit in certain hours',
  hoursRate: 'In these hours at most (MiB/s)',
  on: 'On these days',
  from: 'From',
  to: 'To',
  hour: (hour: number) => `${hour}:00`,
  clockOf: (host: string) => `By the clock of ${host}.`,
  everyHost: 'The same for every host',
  save: 'Set the limit',
  saved: (host: string) => `The limit for copies from ${host} is set.`,
  cost: 'What that costs',
  slower: (mibPerS: number, hours: string) =>
    `100 GiB take ${hours} at ${mibPerS} MiB/s: until a first copy or a resync has ended nothing can fail over to it.`,
  points:
    'A point that does not come about within its time is told. When a machine writes faster than the limit, the last part of it goes as fast as it can.',
};
