import { count, list } from '../format.ts';

/** Ways to look at the picture, and what it tells of large fleets and of failures. */
export const mapView = {
  tools: 'How the map is shown',
  find: 'Find a machine or host',
  clear: 'Show everything',
  filter: 'Show',
  filters: {
    all: 'All machines',
    attention: 'What needs somebody',
    'not-armed': 'What does not start by itself',
    'by-itself': 'What starts by itself',
    unprotected: 'What is not protected',
  },
  group: 'Group by',
  groups: { none: 'Nothing', host: 'Host', site: 'Site' },
  zoomIn: 'Closer',
  zoomOut: 'Farther',
  zooms: { near: 'close', middle: 'at some distance', far: 'from afar' },
  zoomed: (how: string) => `The map is shown ${how}.`,
  print: 'Print the map',
  whatIf: 'What if…',
  noMatch: 'No machine matches.',
  noMatchText: 'Look for something else, or show everything again.',
  skyline: 'All hosts',
  skylineHint: 'Choose a host: it comes on stage with its partners. The bar is its memory in use.',
  sky: (name: string, site: string, runs: number, standbys: number) =>
    `${name}, ${site}: ${runs} run, ${standbys} stand by`,
  skyLoad: (cpu: string, memory: string) => `CPU ${cpu}, memory ${memory}`,
  skyLost: 'no answer',
  skyTroubled: (n: number) => (n === 1 ? '1 machine needs somebody' : `${n} machines need somebody`),
  wings: (n: number) => count(n, 'other host'),
  wingsNote: 'In the wings',
  wingsCounts: (runs: number, standbys: number) => `${runs} run · ${standbys} stand by`,
  hidden: (n: number) => `${count(n, 'more pair')} between other hosts`,
  machines: (n: number) => count(n, 'machine'),
  troubled: (n: number) => (n === 1 ? '1 needs somebody' : `${n} need somebody`),
  counts: (runs: number, standbys: number) =>
    [runs > 0 ? `${runs} run` : '', standbys > 0 ? `${standbys} stand by` : ''].filter(Boolean).join(' · '),
  share: (memory: string) => `${memory} of the memory`,
  hog: (name: string, of: 'cpu' | 'memory', percent: string) =>
    `${name} takes ${percent} of the ${of === 'cpu' ? 'CPU' : 'memory'}`,
  leaseOut: (clock: string) => `lease ran out ${clock}`,
  story: {
    title: (host: string) => `What happens to ${host}`,
    over: (host: string) => `What happened to ${host}`,
    lost: (host: string) => `${host} is not heard any more.`,
    back: (host: string) => `${host} is back.`,
    leaseOut: 'Its last lease ran out: nothing that is armed runs there.',
    leaseRuns: 'Its lease still runs: until then nothing is started elsewhere.',
    coming: (names: readonly string[], host: string) =>
      `${list(names)} ${names.length === 1 ? 'starts' : 'start'} on ${host} by ${names.length === 1 ? 'itself' : 'themselves'}.`,
    cameBack: (names: readonly string[], host: string) => `${list(names)} came back on ${host}.`,
    after: (span: string) => `after ${span}`,
    asks: (names: readonly string[]) =>
      `${list(names)} ${names.length === 1 ? 'waits' : 'wait'} for your decision.`,
    down: (names: readonly string[]) =>
      `${list(names)} ${names.length === 1 ? 'stays' : 'stay'} down until it returns.`,
    aside: (names: readonly string[]) =>
      `Old ${names.length === 1 ? 'copy' : 'copies'} of ${list(names)} set aside: decide what becomes of ${names.length === 1 ? 'it' : 'them'}.`,
    withoutStandby: (n: number) => `${count(n, 'machine runs', 'machines run')} on without a standby.`,
    now: 'now',
    next: 'next',
    decide: (name: string) => `Decide about ${name}…`,
  },
};
