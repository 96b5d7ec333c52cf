import { count } from '../format.ts';

/** How a pair's copy is kept, and what that costs. */
export const replication = {
  title: 'How the copy is kept',
  choice: 'How is its copy kept?',
  kinds: {
    sync: 'Mirrored',
    async: 'Close behind',
    interval: 'Every so often',
    shared: 'Shared storage',
    external: 'Kept by others',
  },
  kindTexts: {
    sync: 'Each write is on both hosts before the machine hears that it is done. Nothing is lost when a host fails.',
    async: 'What has changed follows every few seconds. The machine never waits for the other host.',
    interval:
      'What has changed is sent at intervals. Earlier states are kept, and each of them can be started.',
    shared: 'Both hosts reach the very same disks (NFS, a cluster file system). Nothing is copied.',
    external:
      'A replication you have set up yourself (DRBD, ZFS, Ceph, a storage array). It is watched, and promoted at a failover.',
  },
  syncOptions: 'Faster, or never waiting long',
  memory: 'In memory on the standby',
  memoryText:
    'A write is done when the standby has it in memory; its disk follows. Faster where its disk is slow. If both hosts fail at once, the last writes may be missing.',
  goOn: 'Rather go on than wait',
  goOnText:
    'When the standby is too slow for a write, the machine goes on alone and its copy falls behind, until the standby is fast again.',
  goOnMs: 'A write waits at most (ms)',
  goOnHint: 'From 100 ms to 15000 ms.',
  goOnWrong: 'Enter a whole number of milliseconds, e.g. 1000.',
  shared: {
    summary: 'Shared storage: both hosts reach the very same disks.',
    atRisk: 'At risk: nothing, as long as the storage lives.',
    single: 'The storage is a single point of failure: when it is gone or damaged there is no second copy.',
    locks:
      'It must carry locks between the hosts, and a process is ended, not only frozen, once its host may not run the machine any more.',
    planned: (to: string) =>
      `Nothing is copied. Every 2 seconds it is proved that ${to} reaches the same files.`,
  },
  external: {
    summary: (synchronous: boolean) =>
      synchronous
        ? 'Kept by a replication of others that is synchronous.'
        : 'Kept by a replication of others that is not synchronous.',
    atRiskSync: 'At risk: nothing, if the replication does what you say of it.',
    atRiskAsync: 'At risk: whatever the replication has not brought over yet.',
    atRiskNow: 'what the replication has not brought over yet',
    word: 'That it is synchronous is your word. It must let writes wait while its link is broken, or a failover loses them.',
    asked: (span: string) => `Its state is asked for every ${span}, on both hosts.`,
    planned:
      'Nothing is copied by us. The replication is asked how it is, and its copy is promoted before the machine starts.',
    state: 'Command that tells its state',
    stateHint:
      'Says in-sync, behind N seconds, behind N bytes or broken. The full path, then its arguments; run as root, without a shell.',
    promote: 'Command that promotes the copy',
    promoteHint:
      'Makes the copy on its host the one that is written to. It must do no harm when it is run again.',
    demote: 'Command that demotes it',
    demoteHint: 'Left empty: the machine cannot be switched over, only failed over.',
    same: 'The same commands are run on both hosts.',
    every: 'Its state is asked for every',
    everyHint: 'From 1 second to 5 minutes, e.g. 5 s.',
    everyWrong: 'Enter a time such as 5 s or 1 min.',
    synchronous:
      'It is synchronous: no write is acknowledged before the copy has it, even while the link is broken',
    commandMissing: 'Enter the full path of a program, then its arguments.',
    quoteOpen: 'A double quote is not closed.',
    notAutomatic: 'Its replication is not synchronous: its copy lacks what was written last.',
    needsSynchronous:
      'Starting by itself goes with a synchronous replication only: say below that it is one, or decide yourself.',
  },
  attended: {
    lastLook: 'Last looked at',
    said: 'What was found',
    lastWhole: 'Last had everything',
    behind: 'Behind by',
    never: 'never',
  },
  kept: 'Who keeps the copy is chosen when a machine is protected. For another way end its protection, and protect it anew.',
  every: 'A point every',
  everyHint: 'From 30 seconds to a day, e.g. 30 s, 15 min or 4 h.',
  everyWrong: 'Enter a time such as 30 s, 15 min or 4 h.',
  rpo: 'At most behind by',
  rpoHint: 'From 5 seconds to an hour, e.g. 30 s. You are told before it is exceeded.',
  retention: 'Which points are kept',
  last: 'The last ones',
  hourly: 'Hourly ones',
  daily: 'Daily ones',
  weekly: 'Weekly ones',
  countWrong: 'A whole number up to 1000.',
  cost: 'What that costs',
  atRisk: {
    sync: 'At risk: nothing that was acknowledged.',
    memory:
      'At risk: nothing when one host fails. When the standby fails too, before its disk has followed, or its storage ends uncleanly: the last writes. Such a copy never starts by itself; it is compared first, which reads all disks.',
    goOn: (ms: number) =>
      `At risk while the standby is too slow: everything since a write had waited ${ms} ms. Until the copy has caught up nothing fails over by itself.`,
    async: (span: string) => `At risk: what was written in the last ${span}, at the most.`,
    interval: (span: string) =>
      `At risk: what was written in the last ${span}, and while a point is being made.`,
  },
  waits: {
    sync: 'Writes wait for the other host: a slow link makes them slower.',
    memory: 'Writes wait for the other host’s memory, not for its disk: a slow link makes them slower.',
    goOn: (ms: number) => `No write waits longer than about ${ms} ms for it.`,
    points:
      'The machine stands still for a moment (about 0.2 s) at each point; between them its writes wait for nobody.',
  },
  line: {
    unknown:
      'The line between the hosts carries what the machine writes; how much that is, is not known yet.',
    sync: (rate: string) => `The line between the hosts carries every write: ${rate} as it writes now.`,
    points: (rate: string, bytes: string) =>
      `The line carries what has changed, each block once a point: at most ${bytes} a point, ${rate} on average as it writes now.`,
  },
  disk: {
    sync: (bytes: string) => `The standby needs room for its disks: up to ${bytes}.`,
    points: (bytes: string, points: number, each: string) =>
      `The standby needs room for its disks, up to ${bytes}, and for the changes of ${count(points, 'point')}: up to ${each} each as it writes now.`,
    pointsUnknown: (bytes: string, points: number) =>
      `The standby needs room for its disks, up to ${bytes}, and for the changes of ${count(points, 'point')}.`,
  },
  byPerson: 'A failover is your decision: nothing starts by itself from a copy that lacks the last writes.',
  needsManual:
    'Its failover is automatic. Set it to manual first: that goes with a copy that has everything only.',
  needsManualWizard: 'Goes with “you decide” only.',
  summary: {
    sync: 'Mirrored: each write is on both hosts before it is acknowledged.',
    memory:
      'Mirrored, in memory on the standby: each write is there before it is acknowledged, and on its disk soon after.',
    goOn: (ms: number) => `Rather goes on than waits longer than ${ms} ms.`,
    async: (span: string) => `Close behind: at most ${span}.`,
    interval: (span: string) => `A point every ${span}.`,
  },
  unclean:
    'The standby ended uncleanly with writes in memory only. Its copy counts for nothing until it has been compared, which is done by itself once both hosts answer.',
  now: 'At risk now',
  nothing: 'nothing that was acknowledged',
  nothingYet: 'nothing: no write since the newest point',
  behind: (span: string, bytes: string | null) =>
    bytes === null ? `the last ${span}` : `the last ${span}, ${bytes}`,
  unknown: 'not known',
  newestPoint: 'Newest point',
  quiesced: 'file systems at rest',
  crash: 'as after a loss of power',
  next: 'Next point',
  beingMade: 'being made',
  notHeard: 'not known while its host does not answer',
  took: 'Made in',
  stood: 'Machine stood still for',
  near: 'About to be further behind than it may.',
  missed: 'Further behind than it may be.',
  points: (n: number) => `${count(n, 'restore point')}`,
  startHint:
    'To start from an earlier one, choose it in the failover dialog; to try one out, in the drill’s.',
  toMove: 'For its move only: afterwards it is kept by points again.',

  change: 'Change…',
  pointNow: 'Make a point now',
  pointOrdered: (name: string) => `A point of ${name} is being made.`,
  dialog: {
    title: (name: string) => `How the copy of ${name} is kept`,
    save: 'Keep it so',
    running: (name: string) => `The copy of ${name} is being changed over`,
    done: (name: string) => `The copy of ${name} is kept as you chose.`,
    builtUpon: 'What is on the standby already is built upon, and not copied again where that can be helped.',
  },
  from: 'Start from',
  newest: (when: string) => `the newest point, ${when}`,
  earlier: (when: string) => `the point of ${when}`,
};
