/** Comparisons of a pair's copy with its machine. */
export const verify = {
  title: 'Comparison',
  state: {
    never: 'not compared yet',
    alike: 'the same',
    differs: 'differs',
    repaired: 'repaired',
    failed: 'not compared',
  },
  says: {
    never: (host: string) =>
      `The copy on ${host} has not been compared with the machine yet. Every write was confirmed by ${host}; whether its disk kept them is not known.`,
    alike: (host: string, when: string) => `The copy on ${host} was compared ${when}, and it is the same.`,
    differs: (host: string, when: string) =>
      `The copy on ${host} was compared ${when}, and it is not the same. It is not counted on, and is being repaired.`,
    repaired: (host: string, when: string) =>
      `The copy on ${host} was compared ${when}, was not the same, and has been repaired. A disk that lost bytes once may do it again: look at the disks of both hosts.`,
    failed: (host: string, when: string) => `The copy on ${host} could not be compared ${when}.`,
  },
  facts: {
    compared: 'compared',
    written: 'written meanwhile',
    differing: 'differing',
    took: 'took',
    repaired: 'repaired',
  },
  places: 'Where they differed',
  place: (target: string, length: string, offset: string) => `${target}: ${length} at ${offset}`,
  more: 'And further places.',
  go: 'Compare now',
  running: 'Comparing…',
  settings: 'Change…',
  history: 'Earlier comparisons',
  outcome: { alike: 'the same', differs: 'not the same', failed: 'not compared', cancelled: 'stopped' },
  banner: (name: string, host: string) => `The copy of ${name} on ${host} is not the same as the machine`,
  bannerText: (host: string) =>
    `It is not counted on: nothing fails over to ${host} by itself until everything has been compared anew and repaired, which has begun.`,
  form: {
    title: (name: string) => `When the copy of ${name} is compared`,
    what: 'Both copies are read while the machine runs. It takes nothing from the protection, but the disks of both hosts have work to do.',
    saved: (name: string) => `${name}: saved.`,
    save: 'Save',
  },
};
