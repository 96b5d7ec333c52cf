import { count, list } from '../format.ts';

/** Hosts keep their names as they are; "this workstation" begins a sentence like any word. */
const start = (name: string): string => (name.startsWith('this ') ? `T${name.slice(1)}` : name);

/** The wizard that finds the third vote. */
export const witness = {
  title: 'Choose a witness',
  why: 'When two hosts lose each other, each might think the other one is dead. A third box that hears both decides.',
  steps: ['What do you own?', 'Which box?', 'For which machines?', 'Test', 'Done'],
  own: 'What is always on, and stands on its own?',
  kinds: {
    pi: 'Raspberry Pi or another small computer',
    piText: 'Best: its own power supply, next to the switch. 64 MB of memory are enough, x64 or arm64.',
    nas: 'NAS',
    nasText: 'If it lets you in by SSH and runs Linux with systemd. Its disks are not used.',
    vps: 'Server elsewhere (VPS)',
    vpsText: 'Good when both hosts reach it through the internet, also after a router restart.',
    host: 'A third hypervisor host',
    hostText: 'One of your hosts that holds no side of the machine.',
    console: 'This workstation',
    consoleText:
      'Votes while it is awake and connected. When it sleeps, pairs disarm and nothing is stopped.',
  },
  which: {
    title: {
      pi: 'Which small computer?',
      nas: 'Which NAS?',
      vps: 'Which server?',
      host: 'Which host?',
      console: '',
    },
    legend: 'Boxes of this fleet',
    none: 'No such box is connected yet.',
    noneText: 'Connect it like a host, with SSH. It only gets the small agent, and runs no machines.',
    noThird: 'There is no third host.',
    noThirdText: 'Every host you connected holds one side of each machine.',
    add: 'Connect another box…',
    addFirst: 'Connect the box…',
    offline: 'Does not answer.',
    votes: (n: number) => (n === 0 ? 'votes for nothing yet' : `votes for ${count(n, 'machine')}`),
    missing: 'Choose a box.',
  },
  pairs: {
    title: (name: string) => `What shall ${name} judge?`,
    legend: 'Machines',
    none: 'No machine is protected yet.',
    noneText: 'Protect a machine first; its witness is asked for on the way.',
    has: (witness: string) => `witness is ${witness}`,
    hasNone: 'no witness',
    member: (name: string) => `${name} holds one side of it.`,
    remember: 'Offer it for machines protected from now on',
    missing: 'Choose at least one machine.',
  },
  test: {
    title: (name: string) => `Is ${name} fit to judge?`,
    testing: 'Asking both hosts…',
    again: 'Test again',
    untested: 'It has to be tested first: test again.',
    blocked: 'A check stands in the way. Mend it, then test again.',
    happens: 'What will happen',
    items: (name: string, machines: readonly string[]) => [
      `${start(name)} gets the third vote for ${list(machines, 5)}.`,
      'Pairs that are armed disarm for a moment, and arm again by themselves.',
      'No machine is touched. A witness never sees their data.',
    ],
    go: (name: string) => `Make ${name} the witness`,
    setting: 'Setting it…',
  },
  done: {
    title: (name: string, bad: number, all: number) =>
      bad === 0
        ? `${start(name)} is the witness.`
        : bad === all
          ? `${start(name)} is not the witness.`
          : `${start(name)} judges ${all - bad} of ${all}.`,
    automatic: (names: readonly string[]) =>
      `${list(names)} still ${names.length === 1 ? 'waits' : 'wait'} for a person when ${names.length === 1 ? 'its' : 'their'} host fails.`,
    makeAutomatic: 'Start by themselves from now on',
    madeAutomatic: 'They start by themselves from now on, as soon as they are armed.',
    map: 'Go to the map',
  },
};
