/** The wizard that gives a machine its standby. */
export const protect = {
  title: 'Protect a machine',
  steps: ['Machine and standby', 'If its host fails', 'Checks and plan', 'First copy'],
  policyTitle: (vm: string) => `What happens when the host of ${vm} fails?`,
  machine: 'Which machine?',
  filter: 'Find a machine',
  none: 'Every machine has a standby.',
  noneText: 'There is nothing left to protect.',
  noMatch: (text: string) => `No machine matches “${text}”.`,
  spec: (host: string, state: string, cpus: number, memory: string, disk: string) =>
    `${host} · ${state} · ${cpus} CPU · ${memory} memory · ${disk} disk`,
  standby: 'Where does its standby wait?',
  standbyText: (free: string) => `${free} memory free`,
  standbyOffline: 'Does not answer.',
  noStandby: 'There is no second host.',
  noStandbyText: 'A standby needs another hypervisor host. Add one, then come back.',
  chooseMachine: 'Choose a machine first.',
  chooseStandby: 'Choose where its standby waits.',
  standbySilent: (host: string) => `${host} does not answer. Wait until it does, or choose another host.`,
  checkFirst: 'Both hosts have to be looked at first: check again.',
  checking: 'Looking at both hosts…',
  checksTitle: (vm: string, standby: string) => `Can ${standby} stand in for ${vm}?`,
  fixesLeft: 'Something stands in the way. Mend it above, then check again.',
  checkAgain: 'Check again',
  plan: 'What will happen',
  planCopy: (bytes: string, from: string, to: string) =>
    `${bytes} are copied from ${from} to ${to}, encrypted. The machine runs on meanwhile.`,
  planSync: (to: string) =>
    `From then on each write is in both places before it is acknowledged. A slow link to ${to} makes writes slower.`,
  planPoints: (mode: string) => `From then on its copy is kept by points. ${mode}`,
  modeWrong: 'Something about how its copy is kept is not right yet.',
  planAutostart: (vm: string) =>
    `Autostart of ${vm} is turned off: only the agents start it, so it never runs twice. It is put back when protection ends.`,
  planFailover: (to: string) => `Nothing starts on ${to} unless you fail over or switch over.`,
  planAutomatic: (to: string, witness: string) =>
    `If its host fails, ${to} starts it by itself, as soon as ${to} and ${witness} agree that it cannot run elsewhere.`,
  planUnarmed: (to: string) =>
    `It is set to start by itself on ${to}, and does not until it has a witness: then it arms itself.`,
  witness: 'Witness',
  noWitness: 'None',
  automaticNeedsWitness:
    'Without a witness nothing starts by itself: two hosts alone cannot tell a lost host from a cut cable.',
  manualWithoutWitness: 'Not needed for that. It can be added at any time.',
  howWitness: 'How to get one',
  start: 'Start protection',
  starting: 'Starting…',
  runningOthers: (vm: string, to: string) => `${to} becomes the standby of ${vm}`,
  running: (vm: string, to: string) => `First copy of ${vm} to ${to}`,
  leave: 'You may leave or close the console: the agents carry on, and you find it again under Activity.',
  done: (vm: string) => `${vm} is protected.`,
  doneText: (vm: string, to: string) =>
    `The copy on ${to} is in sync. Every write of ${vm} now goes to both hosts.`,
  donePoints: (vm: string, to: string) =>
    `A first complete point of ${vm} is on ${to}, and the next ones follow by themselves.`,
  doneOthers: (vm: string, to: string) =>
    `${to} stands by for ${vm}. Its copy is looked at again and again from now on.`,
  failed: (vm: string) => `${vm} is not protected.`,
  cancelled: (vm: string) => `The first copy of ${vm} was stopped. The machine runs on as before.`,
  another: 'Protect another machine',
  open: (vm: string) => `Look at ${vm}`,
  map: 'Go to the map',
  again: 'Start over',
};
