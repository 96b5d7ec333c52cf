import { readFile } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import type { Check } from '../../../agent/protocol/index.ts';
import type { HostEntry } from '../fleet/host-entry.ts';
import { independenceOf, type Likeness } from './independence.ts';
import type { OwnIdentity } from './own-witness.ts';

/** May this workstation be the third vote: reaches it both hosts, and is it no machine of theirs? */
export async function checkOwn(self: OwnIdentity, members: HostEntry[]): Promise<Check[]> {
  const own = await ownLikeness();
  const independent = members.map((member) => independenceOf({ ...own, name: 'This workstation' }, member));
  return [sleeps(self), ...members.map((member) => reaches(self, member)), ...independent];
}

function sleeps({ name }: OwnIdentity): Check {
  return {
    id: 'witness-sleeps',
    host: name,
    title: 'Is always on',
    state: 'warning',
    message: 'This workstation votes only while it is awake, connected, and Understudy runs.',
    next: 'When it leaves, pairs disarm: nothing is stopped, and nothing starts by itself until it is back.',
  };
}

function reaches(self: OwnIdentity, member: HostEntry): Check {
  const host = member.record.name;
  const check = { id: 'witness-heard', host, title: `Is reached by ${self.name}` };
  if (member.reach === 'answers') {
    return {
      ...check,
      state: 'ok',
      message: `Its votes travel over this console's connection to ${host}.`,
      next: '',
    };
  }
  return {
    ...check,
    state: 'failed',
    message: `${host} does not answer this console, so no vote reaches it.`,
    next: `Bring ${host} back or reconnect it, then look again.`,
  };
}

/** What this workstation shows of itself; files that only Linux has are left out elsewhere. */
async function ownLikeness(): Promise<Likeness> {
  const read = (path: string): Promise<string> =>
    readFile(path, 'utf8').then(
      (text) => text.trim(),
      () => '',
    );
  const addresses = Object.values(networkInterfaces()).flatMap(
    (all) => all?.map(({ address }) => address) ?? [],
  );
  return {
    name: hostname(),
    hostname: hostname(),
    machineId: await read('/etc/machine-id'),
    bootId: await read('/proc/sys/kernel/random/boot_id'),
    addresses,
  };
}
