/** Emptying a host, and bringing its machines home. */
export const evacuation = {
  away: {
    button: 'Move its machines away…',
    title: (host: string) => `Move the machines of ${host} away`,
    text: (host: string) => `Each machine of ${host} goes to its standby, two at a time, in this order.`,
    empty: (host: string) => `Nothing that has a copy elsewhere runs on ${host}.`,
    go: (n: number) => (n === 1 ? 'Move 1 machine' : `Move ${n} machines`),
  },
  home: {
    button: 'Bring its machines home…',
    title: (host: string) => `Bring the machines of ${host} home`,
    text: (host: string) =>
      `Each machine that was protected on ${host} first comes back to it, two at a time, in this order.`,
    empty: (host: string) => `Every machine that belongs on ${host} is there.`,
    go: (n: number) => (n === 1 ? 'Bring 1 machine home' : `Bring ${n} machines home`),
  },
  reading: 'Asking both hosts of every machine…',
  unread: 'Both hosts of every machine have to be asked first.',
  choose: 'Choose at least one machine.',
  orphaned:
    'The console was started anew meanwhile. What was moving goes on by itself, and you find it under Activity; no other is begun.',
  list: 'Machines, in their order',
  how: { live: 'moves while it runs', cold: (why: string) => `is shut down and started: ${why}` },
  to: (host: string) => `to ${host}`,
  earlier: (name: string) => `Move ${name} earlier`,
  earlierShort: 'Earlier',
  unprotected: (names: string) => `These have no copy on another host, and stay: ${names}.`,
  state: { waiting: 'waits', moving: 'is moving', moved: 'moved', stays: 'stays' },
  done: (moved: number, all: number) => `${moved} of ${all} moved.`,
  stopped: 'Stopped: those that waited stay.',
  stop: 'Begin with no other',
};
