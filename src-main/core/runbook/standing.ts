import type { Place, SheetFacts } from './facts.ts';
import type { Command, Step } from './model.ts';
import { domain } from './shell.ts';

/** Where the agent keeps things on a host (agent/daemon.ts; docs/runbook.md says what is read there). */
export const STATE = '/var/lib/understudy';
export const AGENT = 'understudy-agent.service';

/** How many of it run there: by UUID, since a name may be part of another. */
export const runsHere = ({ uuid }: SheetFacts): string => `virsh list --uuid | grep -c ${uuid}`;

/** Nobody may run the machine on that host. */
export function standsStill(facts: SheetFacts, at: Place): Step[] {
  const name = domain(facts);
  return [
    {
      title: `${at.name} answers: end ${facts.machine} there`,
      text: [`Log in (${at.login ?? at.name}). What it shows is the proof; note it down.`],
      warnings: [
        `If ${facts.machine} runs there and serves its users, leave it alone: without agents it runs on, only without a copy.`,
      ],
      ifAnswers: at.name,
      commands: [
        {
          on: at.name,
          run: `systemctl disable --now ${AGENT}`,
          mayFail: 'it says that the unit does not exist where the agent was removed',
        },
        { on: at.name, run: `virsh destroy ${name}`, mayFail: 'it says so where the machine does not run' },
        { on: at.name, run: runsHere(facts), expect: '0', until: true },
      ],
    },
    {
      title: `${at.name} does not answer: switch its power off`,
      text: [
        `At its power button, plug or remote management. See to it that it stays off (“restore on power loss”, wake on LAN): while no agent runs on the other host, an agent that boots on ${at.name} may start ${facts.machine} there again.`,
        'A host that does not answer is not off. Go and look.',
      ],
      commands: [],
    },
  ];
}

/** The newest record that host has heard of names this owner: the page is not older than the last change of sides. */
export const ownerBy = ({ pairId, owner }: SheetFacts, on: Place): Command => ({
  on: on.name,
  run: `grep -o '"owner":"[^"]*"' ${STATE}/votes/${pairId}.json | tail -n 1`,
  expect: `"owner":"${owner.id}"`,
});

/** By what the host `at` has heard last, `owner` owns the machine. */
export function isOwner(facts: SheetFacts, at: Place, owner: Place): Step {
  return {
    title: `Make sure that ${owner.name} is still the owner of ${facts.machine}`,
    text: [
      `The newest record on ${at.name} must name it (this is its id). If it does not, ${facts.machine} has changed sides since this page was written: find a newer one.`,
    ],
    commands: [ownerBy(facts, at)],
  };
}

/** Only looked at: if it runs there, that is where it belongs. */
export function isNotThere(facts: SheetFacts, at: Place): Step[] {
  const { machine, owner } = facts;
  const look: Command = { on: at.name, run: runsHere(facts), expect: '0' };
  return [
    {
      title: `${at.name} answers: make sure that it has not taken ${machine} over`,
      text: [
        `The record there must still name ${owner.name} (that is its id), and the machine must not run there. Looked at again once no agent there can start it any more.`,
      ],
      warnings: [
        `If ${machine} runs on ${at.name}, or its record names another owner, stop: the disks on ${at.name} are the newer ones. Those on ${owner.name} must not be started.`,
      ],
      ifAnswers: at.name,
      commands: [
        ownerBy(facts, at),
        look,
        {
          on: at.name,
          run: `systemctl disable --now ${AGENT}`,
          mayFail: 'it says that the unit does not exist where the agent was removed',
        },
        look,
        ownerBy(facts, at),
      ],
    },
    {
      title: `${at.name} does not answer: switch its power off`,
      text: [
        'At its power button, plug or remote management. See to it that it stays off (“restore on power loss”, wake on LAN).',
        `If ${machine} answered its users after ${owner.name} had stopped serving it, ${at.name} had taken it over before it was lost too: then its disks are the newer ones, and ${at.name} has to be brought back instead.`,
      ],
      commands: [],
    },
  ];
}
