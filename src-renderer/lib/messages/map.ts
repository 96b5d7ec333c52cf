import { count, list } from '../format.ts';

/** The picture of the fleet and the one sentence above it. */
export const map = {
  grid: 'Hosts and the machines on them',
  counts: (runs: number, standbys: number, votes: number) =>
    [`${runs} run here`, `${standbys} stand by`, votes > 0 ? `votes for ${votes}` : '']
      .filter(Boolean)
      .join(' · '),
  cpu: (percent: string) => `CPU ${percent}`,
  memory: (percent: string) => `Memory ${percent}`,
  loadOld: (when: string) => `load from ${when}`,
  connecting: 'Connecting…',
  noAnswer: (clock: string) => `No answer since ${clock}`,
  waitsForYou: 'Waits for you',
  lostNote: 'What ran here stays aside when it returns.',
  ghost: 'A second host goes here: the place where these machines have their standbys.',
  noVms: 'No machines on this host',
  unprotected: 'Not protected',
  /** The same, within a chip. */
  unprotectedHere: 'not protected',
  protect: 'Protect…',
  protectName: (name: string) => `Protect ${name}`,
  failover: 'Fail over…',
  failoverName: (name: string) => `Fail over ${name}`,
  cpuShare: (percent: string) => `CPU ${percent}`,
  spoken: (role: 'primary' | 'standby', word: string, host: string) =>
    [word, `${role} on ${host}`].filter(Boolean).join(', '),
  witness: 'Witness',
  witnessVotes: (n: number) =>
    n === 0 ? 'looks on, votes for nothing yet' : `votes for ${count(n, 'machine')}`,
  witnessLost: (clock: string) => `no answer since ${clock}`,
  folded: (runs: number, standbys: number) => `${runs} run, ${standbys} stand by`,
  focus: 'bring to the front with its partners',
  foldedRows: (n: number) => `${count(n, 'more pair')} between folded hosts`,
  empty: {
    noHost: 'No hosts yet.',
    noHostText: 'Add the first server, then a second one, and its machines appear here.',
  },
  table: {
    title: 'Machines',
    filter: 'Find a machine, host or state',
    name: 'Machine',
    host: 'Host',
    state: 'State',
    cpu: 'CPU',
    protection: 'Protection',
    running: 'running',
    none: 'not protected',
    standby: (host: string, automation: string) => `standby on ${host}, ${automation}`,
    noMatch: (text: string) => `Nothing matches “${text}”.`,
    empty: 'No machines yet.',
    emptyText: 'Connect a server, and every machine on it is listed here.',
  },
  headline: {
    loading: 'Reading the fleet…',
    locked: (names: readonly string[]) => `${list(names)} ${names.length === 1 ? 'waits' : 'wait'} for you.`,
    allProtected: (n: number) => (n === 1 ? 'The machine is protected.' : `All ${n} machines are protected.`),
    someProtected: (n: number, all: number) =>
      n === 0 ? 'No machine is protected yet.' : `${n} of ${all} machines are protected.`,
    ifFails: (host: string, names: readonly string[], standbys: readonly string[]) =>
      `If ${host} fails now, ${list(names)} can start on ${list(standbys)}.`,
    startsItself: (host: string, names: readonly string[], standbys: readonly string[], span: string) =>
      `If ${host} fails now, ${list(names)} ${names.length === 1 ? 'starts' : 'start'} on ${list(standbys)} by ${names.length === 1 ? 'itself' : 'themselves'} after about ${span}.`,
    waitsForYou: (names: readonly string[]) =>
      `${list(names)} ${names.length === 1 ? 'waits' : 'wait'} for your click.`,
    witnessLost: (names: readonly string[]) =>
      names.length === 0
        ? 'It is a witness and votes for no machine: nothing depends on it.'
        : `It gives the third vote for ${list(names)}. Nothing is stopped, and nothing starts by itself until it is back.`,
    noneByItself: 'Nothing starts by itself yet: that takes a witness.',
    chooseWitness: 'Choose a witness…',
    notArmed: (names: readonly string[]) => `${list(names)} ${names.length === 1 ? 'is' : 'are'} not armed.`,
    steppingIn: (host: string, names: readonly string[]) =>
      `${host} is not heard. ${list(names)} ${names.length === 1 ? 'comes' : 'come'} back by ${names.length === 1 ? 'itself' : 'themselves'}.`,
    frozen: (name: string, host: string) => `${name} is frozen on ${host}.`,
    paused: 'Automation is paused.',
    nothingLost: 'Nothing that was acknowledged would be lost.',
    someLost: (names: readonly string[]) =>
      `${list(names)} would lose what ${names.length === 1 ? 'it has' : 'they have'} written since the last point; the others nothing.`,
    behind: (name: string) => `The copy of ${name} is further behind than it may be.`,
    without: (names: readonly string[]) =>
      `${list(names)} ${names.length === 1 ? 'has' : 'have'} no standby.`,
    protect: (name: string) => `Protect ${name}…`,
    protectOne: 'Protect a machine…',
    lostHost: (host: string, names: readonly string[]) =>
      `${host} does not answer. ${list(names)} ${names.length === 1 ? 'is' : 'are'} down with it.`,
    lostHostDetail: (clock: string, standby: string) =>
      `No answer since ${clock}. The copy on ${standby} can be started once you have read the evidence.`,
    failover: (name: string) => `Fail over ${name}…`,
    cameBack: (host: string, names: readonly string[], places: readonly string[]) =>
      `${host} is down. ${list(names)} came back on ${list(places)}.`,
    nothingAsked: 'Nothing is asked of you now.',
    staysAside: (host: string) => `When ${host} returns, its old copies stay aside until you decide.`,
    downWith: (names: readonly string[]) =>
      `${list(names)} ${names.length === 1 ? 'has' : 'have'} no standby and ${names.length === 1 ? 'is' : 'are'} down with it.`,
    moving: (name: string) => `${name} is changing hosts.`,
    quarantined: (host: string, name: string) => `${host} is back. Its old copy of ${name} is set aside.`,
    quarantinedDetail: (name: string, host: string) =>
      `${name} runs on ${host} and has no standby until you decide what happens to the old copy.`,
    decide: (host: string) => `Make ${host} the standby again…`,
    waiting: (host: string, name: string) => `${host} waits and does not start ${name}.`,
    waitingDetail: (other: string) =>
      `It may have been superseded and cannot ask ${other}. Bring ${other} back, or look at the evidence.`,
    look: (name: string) => `Look at ${name}`,
    hostLost: (host: string) => `${host} does not answer.`,
    noAnswerSince: (clock: string) => `No answer since ${clock}.`,
    withoutStandby: (names: readonly string[]) =>
      `${list(names)} ${names.length === 1 ? 'runs on, but has' : 'run on, but have'} no standby until it returns.`,
    seeHost: (host: string) => `Look at ${host}`,
    stopped: (name: string) => `${name} is stopped.`,
    stoppedDetail: (host: string) => `${host} answers, but the machine does not run there.`,
    notInSync: (name: string) => `${name} runs without a current standby.`,
    copyAgain: (name: string) => `Copy ${name} anew…`,
    held: (name: string) => `${name} holds its writes.`,
    unknown: (name: string) => `Nothing is known of ${name}: neither of its hosts answers.`,
    copying: (name: string) => `${name} is being copied.`,
    copyingMany: (n: number) => `${n} machines are being copied.`,
    copyingDetail: (percent: string, left: string) => (left ? `${percent}, ${left}.` : `${percent} done.`),
    follow: 'Follow it',
    oneHost: (host: string) => `${host} is connected. A second host gives its machines a standby.`,
    oneHostDetail: (n: number) => `${count(n, 'machine')} found.`,
    noMachines: 'The hosts are connected. There are no machines on them yet.',
    noMachinesDetail: 'As soon as one is defined it appears here by itself.',
    addSecond: 'Add another host',
  },
};
