import { makesPoints } from '../../../agent/protocol/index.ts';
import type { SheetFacts } from './facts.ts';
import type { Procedure, Sheet, Step } from './model.ts';
import { domain, word } from './shell.ts';
import { isNotThere, isOwner, runsHere, standsStill } from './standing.ts';
import {
  closeCopy,
  isCopied,
  layPoint,
  letGo,
  lookAtCopy,
  nobodyHasThem,
  promote,
  shutDown,
  start,
  startAgent,
  stopAgent,
} from './steps.ts';

/** Everything to be done by hand for one machine. */
export function sheetOf(facts: SheetFacts): Sheet {
  const { pairId, machine, uuid } = facts;
  return {
    ...{ pairId, machine, uuid },
    facts: known(facts),
    warnings: warningsOf(facts),
    procedures: [onStandby(facts), backFromStandby(facts), onOwner(facts), backFromOwner(facts)],
  };
}

function known(facts: SheetFacts): [string, string][] {
  const { owner, standby, witness, uuid, disks, armed } = facts;
  const place = ({ name, login }: SheetFacts['owner']): string =>
    login === null ? name : `${name} (${login})`;
  const paths = disks.map(({ target, owner: own, standby: copy }) => {
    if (!isCopied(facts)) return `${target}: ${own} on both hosts`;
    const where = makesPoints(facts.mode) ? `points beside ${copy}` : copy;
    return `${target}: ${own} on ${owner.name}; ${where} on ${standby.name}`;
  });
  return [
    ['Runs on', place(owner)],
    ['Copy on', place(standby)],
    ['Kept', MODES[facts.mode.kind]],
    ['The copy', REPLICA[facts.replica]],
    ['Third vote', witness ?? 'nobody'],
    ['Fails over by itself', armed ? 'yes, as long as the agents work' : 'no'],
    ['UUID', uuid],
    ['Disks', paths.join('\n')],
  ];
}

const MODES: Record<SheetFacts['mode']['kind'], string> = {
  sync: 'mirrored: every write is on both hosts before it is acknowledged',
  interval: 'by points, every so often',
  async: 'by points, close behind',
  shared: 'no copy: both hosts reach the same disks',
  external: 'by a replication of your own',
};

const REPLICA: Record<SheetFacts['replica'], string> = {
  'in-sync': 'had everything',
  'catching-up': 'was being brought up to date',
  stale: 'was older than the machine',
  none: 'was not there',
};

function warningsOf(facts: SheetFacts): string[] {
  const { standby, machine } = facts;
  const found: string[] = [];
  if (!facts.begun)
    found.push(`${machine} was changing sides when this page was written. Look on both hosts.`);
  if (facts.quarantined)
    found.push(
      `The disks on ${standby.name} are an old copy that was set aside: they lack what ${machine} wrote since it moved. Start them only if ${facts.owner.name} and its disks are lost for good.`,
    );
  else if (facts.replica === 'none' || facts.replica === 'catching-up')
    found.push(`There was no whole copy on ${standby.name} when this page was written.`);
  else if (facts.replica === 'stale' && isCopied(facts) && !makesPoints(facts.mode))
    found.push(`The copy on ${standby.name} lacked what was written last when this page was written.`);
  if (facts.unclean)
    found.push(
      `The copy on ${standby.name} ended uncleanly while it acknowledged from memory: writes may be missing.`,
    );
  if (facts.touched)
    found.push(
      `Somebody else has been at the copy on ${standby.name}: it was not believed when this page was written.`,
    );
  return found;
}

function onStandby(facts: SheetFacts): Procedure {
  const { owner, standby, machine } = facts;
  return {
    id: 'on-standby',
    title: `${owner.name} is lost: start ${machine} on ${standby.name}`,
    when: `${owner.name} is gone, and neither the console nor the agent on ${standby.name} can do it.`,
    steps: [
      ...standsStill(facts, owner),
      stopAgent(standby),
      ...copyIn(facts),
      letGo(facts, standby),
      ...promote(facts, standby),
      start(facts, standby, true),
    ],
  };
}

/** How the disks come to be at their places, open for nobody. */
function copyIn(facts: SheetFacts): Step[] {
  if (facts.mode.kind === 'shared') return [nobodyHasThem(facts, facts.standby)];
  if (facts.mode.kind === 'external') return [isOwner(facts, facts.standby, facts.owner)];
  const close = [lookAtCopy(facts), closeCopy(facts)];
  return makesPoints(facts.mode) ? [...close, layPoint(facts)] : close;
}

function backFromStandby(facts: SheetFacts): Procedure {
  const { owner, standby, machine } = facts;
  const again = isCopied(facts)
    ? `It finds that ${standby.name} owns the machine, starts nothing, and sets its old disks aside. On the page of ${machine} choose “Make ${owner.name} the standby again”.`
    : facts.mode.kind === 'external'
      ? `Bring its copy back into your replication first. Then choose “Make ${owner.name} the standby again” on the page of ${machine}.`
      : `It finds that ${standby.name} owns the machine, and stands by again.`;
  return {
    id: 'back-from-standby',
    title: `Back to normal, after ${machine} was started on ${standby.name}`,
    when: `The agent on ${standby.name} can run again. ${owner.name} is still off, or its agent is still disabled.`,
    steps: [
      shutDown(facts, standby),
      startAgent(standby, [
        `${owner.name} must still be off, or its agent disabled: otherwise it starts its old disks, and what was written since is lost with the next copy.`,
      ]),
      {
        title: `Let ${standby.name} become the owner`,
        text: [
          `With a third vote it steps in by itself within seconds. Otherwise order it: “Fail over” on the page of ${machine}, or this on the console’s computer: understudy failover ${word(machine)} --vouch ${word(machine)}`,
          `It starts from the disks as you left them${makesPoints(facts.mode) ? ', if you order the newest point' : ''}. If it says that somebody else has been at the copy, that was you: vouch for it on that page, and order it again.`,
        ],
        commands: [],
      },
      {
        title: `Bring ${owner.name} back`,
        text: [
          `Only now switch it on, or start its agent again (systemctl enable --now understudy-agent.service on ${owner.name}). ${again}`,
        ],
        commands: [],
      },
    ],
  };
}

function onOwner(facts: SheetFacts): Procedure {
  const { owner, standby, machine } = facts;
  const never = isCopied(facts)
    ? [
        {
          title: `Do not start the copy on ${standby.name} any more`,
          text: ['From here on the machine writes without it: it is older with every write.'],
          commands: [],
        },
      ]
    : [];
  return {
    id: 'on-owner',
    title: `${owner.name} is well: start ${machine} again where it was`,
    when: `${owner.name} runs and its disks are whole, but ${machine} stands still or is down because our services there are gone.`,
    steps: [
      ...isNotThere(facts, standby),
      stopAgent(owner),
      isOwner(facts, owner, owner),
      letGo(facts, owner),
      {
        title: `End what is left of ${machine} on ${owner.name}`,
        text: [
          'It is like a loss of power: what it had acknowledged is on its disks. A write that waits for the copy keeps it from ending for some seconds.',
        ],
        commands: [
          {
            on: owner.name,
            run: `virsh destroy ${domain(facts)}`,
            mayFail: 'it says so where the machine does not run',
          },
          {
            on: owner.name,
            run: runsHere(facts),
            expect: '0',
            until: true,
          },
        ],
      },
      ...(facts.mode.kind === 'shared' ? [nobodyHasThem(facts, owner)] : []),
      ...promote(facts, owner),
      start(facts, owner, false),
      ...never,
    ],
  };
}

function backFromOwner(facts: SheetFacts): Procedure {
  const { owner, standby, machine, witness } = facts;
  const votes = witness === null ? '' : ` It needs ${witness} or ${standby.name} for that.`;
  return {
    id: 'back-from-owner',
    title: `Back to normal, after ${machine} was started again on ${owner.name}`,
    when: `The agent on ${owner.name} can run again. The one on ${standby.name} is still disabled, or that host is off.`,
    steps: [
      shutDown(facts, owner),
      startAgent(owner, [
        `First this one: the agent on ${standby.name} would take the machine over with a copy that lacks what was written since.`,
      ]),
      {
        title: `Wait until the agent has started ${machine}`,
        text: [
          `It starts the machine by itself, and notes first that the copy is not in sync.${votes} If ${witness ?? 'the other vote'} does not answer either, start the agent on ${standby.name} now, and not earlier: the owner is served first.`,
          `If ${machine} stays down: virsh start ${domain(facts)} on ${owner.name}.`,
        ],
        commands: [],
      },
      {
        title: `Start the agent on ${standby.name}`,
        text: [
          `systemctl enable --now understudy-agent.service on ${standby.name}. The copy is compared and brought up to date by itself; until the console says so it counts for nothing.`,
        ],
        commands: [],
      },
    ],
  };
}
