import { isCoordinated, makesPoints } from '../../../agent/protocol/index.ts';
import type { DiskFacts, Place, SheetFacts } from './facts.ts';
import type { Command, Step } from './model.ts';
import { domain, line, word } from './shell.ts';
import { AGENT, ownerBy, STATE } from './standing.ts';

const RUN = '/run/understudy';
const GUARD = 'understudy-guard.service';
const STORAGE = 'understudy-storage.service';

const names = (all: readonly string[]): string => all.join(', ');

/** The agent there is stopped for good, until it is started again by hand. */
export function stopAgent(at: Place): Step {
  const freeze =
    at.armedThere.length === 0
      ? []
      : [
          `Other machines run on ${at.name} by a lease that its agent renews: ${names(at.armedThere)}. Without the agent they stand still within 15 seconds. If that agent works, do not go on here: use the console or “understudy failover”.`,
        ];
  return {
    title: `Stop the agent on ${at.name} for good`,
    text: ['It would take the machine for a stranger and end it. It may be gone already.'],
    warnings: freeze,
    commands: [
      {
        on: at.name,
        run: `systemctl disable --now ${AGENT}`,
        mayFail: 'it says that the unit does not exist where the agent was removed',
      },
      { on: at.name, run: `systemctl is-active ${AGENT}`, expect: 'inactive' },
    ],
  };
}

/** The guard and libvirt's hook have no more to do with this one machine; they go on looking after all others. */
export function letGo({ uuid, machine }: SheetFacts, at: Place): Step {
  const lists = `${STATE}/guard/protected ${RUN}/guard/.protected`;
  return {
    title: `Take ${machine} off the guard’s list on ${at.name}`,
    text: [
      'The guard kills a protected machine that no agent has permitted, and libvirt’s hook refuses to start it. Both go by this list. All other machines stay guarded.',
    ],
    commands: [
      {
        on: at.name,
        run: `sed -i /^${uuid}/d ${lists}`,
        mayFail: 'a list that does not exist names nobody',
      },
      {
        on: at.name,
        run: `systemctl restart ${GUARD}`,
        mayFail: 'a guard that is not installed kills nobody',
      },
      {
        on: at.name,
        run: `grep -s ^${uuid} ${RUN}/guard.alive || echo not guarded`,
        expect: 'not guarded',
        until: true,
      },
    ],
  };
}

const NEWER =
  'The first shows the owner’s id. If it is another one, sides have changed since this page was written, and this host may have run the machine itself: find a newer page, or ask somebody.';

/** What the standby wrote down last of its copy. */
export function lookAtCopy(facts: SheetFacts): Step {
  const on = facts.standby.name;
  const { pairId } = facts;
  const record: Command = {
    on,
    run: `grep -o '"replica":{[^}]*}' ${STATE}/votes/${pairId}.json | tail -n 1`,
    expect: '"state":"in-sync"',
  };
  const notes: Command = {
    on,
    run: `grep -o '"image":"[a-z]*"' ${STATE}/pairs/${pairId}.json`,
    expect: '"image":"complete"',
  };
  const step = {
    title: `Look what the copy on ${on} is worth`,
    commands: [ownerBy(facts, facts.standby), record, notes],
  };
  const points = `${on} keeps complete states of the disks (points). What was written after the newest one is lost.`;
  if (makesPoints(facts.mode))
    return { ...step, text: [NEWER, points], commands: [ownerBy(facts, facts.standby)] };
  return {
    ...step,
    text: [
      NEWER,
      '“in-sync” and “complete”: every write that was acknowledged is on it.',
      '“stale” with “complete”: a whole copy, but the machine went on without it: what it wrote since is lost. “catching-up”, “none”, “partial” or “point”: the copy cannot be started; bring the other host or its disks back instead.',
    ],
    ...(facts.mode.kind === 'sync' && facts.mode.memory ? memoryLook(step.commands, facts) : {}),
  };
}

/** Writes were acknowledged from the standby's memory: they are there only if nobody has pulled its plug since. */
function memoryLook(commands: Command[], { standby }: SheetFacts): Pick<Step, 'commands' | 'warnings'> {
  return {
    commands: [...commands, { on: standby.name, run: `systemctl is-active ${STORAGE}`, expect: 'active' }],
    warnings: [
      `The copy acknowledges writes from memory. If the last command does not say “active”, the storage daemon or ${standby.name} itself has ended in between: the last writes may be missing. Then start the copy only if nothing better can be had.`,
    ],
  };
}

/** Nothing of ours has the copy's files open any more. */
export function closeCopy(facts: SheetFacts): Step {
  const { standby } = facts;
  const others =
    standby.keepsToo.length === 0
      ? []
      : [
          `${standby.name} keeps copies of other machines too: ${names(standby.keepsToo)}. Those go on without a copy as soon as their own agents have noted that; where those are gone as well, their writes wait.`,
        ];
  return {
    title: `Close the copy on ${standby.name}`,
    text: [
      'The storage daemon writes out everything it has and lets the files go. It must end by itself: never kill it.',
    ],
    warnings: others,
    commands: [
      { on: standby.name, run: `systemctl stop ${STORAGE}`, mayFail: 'it may not be installed any more' },
      { on: standby.name, run: `systemctl is-active ${STORAGE}`, expect: 'inactive' },
      ...(makesPoints(facts.mode) ? [] : facts.disks.map((disk) => isFree(disk, standby))),
    ],
  };
}

/** QEMU's own locks say whether anybody has it open. */
const isFree = ({ standby }: DiskFacts, { name }: Place): Command => ({
  on: name,
  run: `qemu-img info ${word(standby)}`,
  expect: 'virtual size',
});

/** Of disks that both hosts reach. */
export function nobodyHasThem(facts: SheetFacts, at: Place): Step {
  return {
    title: 'Make sure that nobody has the disks open',
    text: [
      '“Failed to get … lock” means that a machine still runs on them: go back to the first step. Storage may hold a dead host’s locks for a while (NFS: 90 s).',
    ],
    commands: facts.disks.map((disk) => isFree(disk, at)),
  };
}

/** A layer over the newest complete state, for each disk. */
export function layPoint(facts: SheetFacts): Step {
  const { pairId, standby, disks } = facts;
  const newest = `grep -o '"files":{[^}]*}' ${STATE}/points/${pairId}.json | tail -n 1`;
  return {
    title: 'Lay a disk over the newest point',
    text: [
      'The points stay as they are. The first command shows the files of the newest one; the others make a disk on top, at the place the machine expects it.',
      'For an earlier point leave out “| tail -n 1” in the first command, and name the file you want after -b. An earlier one is set aside when the product starts the machine again.',
    ],
    warnings: [
      'If it says that the file exists, a disk of an earlier attempt lies there: rename it (mv), never delete it.',
    ],
    commands: [
      { on: standby.name, run: newest, expect: '"files":' },
      ...disks.map(
        ({ target, standby: path }): Command => ({
          on: standby.name,
          run: `P=$(${newest} | grep -o '"${target}":"[^"]*"' | cut -d '"' -f 4); test -n "$P" && test ! -e ${word(path)} && qemu-img create -q -f qcow2 -F qcow2 -b "$P" ${word(path)}`,
        }),
      ),
    ],
  };
}

/** Somebody else's replication makes this host's copy the one that is written to. */
export function promote({ mode }: SheetFacts, at: Place): Step[] {
  if (mode.kind !== 'external') return [];
  const command = mode.commands[at.id]?.promote;
  if (command === undefined) return [];
  return [
    {
      title: `Make the copy on ${at.name} the one that is written to`,
      text: ['Your own replication does that. If it refuses, it has a reason: do not go on.'],
      commands: [{ on: at.name, run: line(command) }],
    },
  ];
}

/** `anew`: its definition is made from the file that the agent keeps there. */
export function start(facts: SheetFacts, at: Place, anew: boolean): Step {
  const name = domain(facts);
  const file = `${STATE}/by-hand/${facts.pairId}.xml`;
  return {
    title: `Start ${facts.machine} on ${at.name}`,
    text: [
      anew
        ? `Its definition for ${at.name} is in ${file}, kept there by the agent.`
        : `If it says that there is no such machine: virsh define ${file}`,
    ],
    warnings: [
      `From now on do not start an agent on ${at.name}, nor the other host, before you have gone through “Back to normal”: the agent would end the machine.`,
    ],
    commands: [
      ...(anew ? [{ on: at.name, run: `virsh define ${file}`, expect: 'defined' }] : []),
      { on: at.name, run: `virsh start ${name}`, expect: 'started' },
      { on: at.name, run: `virsh domstate ${name}`, expect: 'running' },
    ],
  };
}

/** In order, so that its disks are complete when the product takes over again. */
export function shutDown(facts: SheetFacts, at: Place): Step {
  const name = domain(facts);
  return {
    title: `Shut ${facts.machine} down on ${at.name}`,
    text: [
      'The record of the fleet does not know that it runs here, so the agent would end it. It comes back at once, by the product. If it does not shut down within some minutes: virsh destroy.',
    ],
    commands: [
      { on: at.name, run: `virsh shutdown ${name}`, expect: 'shutdown' },
      { on: at.name, run: `virsh domstate ${name}`, expect: 'shut off', until: true },
    ],
  };
}

export function startAgent(at: Place, text: string[]): Step {
  return {
    title: `Start the agent on ${at.name} again`,
    text: [
      ...text,
      `Where it was removed, “Add a host” in the console installs it again; what it knows lies in ${STATE} and must still be there.`,
    ],
    commands: [
      { on: at.name, run: `systemctl enable --now ${AGENT}` },
      { on: at.name, run: `systemctl is-active ${AGENT}`, expect: 'active', until: true },
    ],
  };
}

/** Whether the files that the machine runs on are copied by us. */
export const isCopied = ({ mode }: SheetFacts): boolean => !isCoordinated(mode);
