import { randomUUID } from 'node:crypto';
import { LabConsole } from '../../lab/core-client.ts';
import type { Lab } from '../../lab/lab.ts';
import { must } from '../../lab/run.ts';
import { agentPids, cpuPercents, type Kind, kindOf, pause, pssMiB, rounded, sum } from '../processes.ts';

const PAIRS = 20;
const [OWNER, STANDBY, WITNESS] = ['atlas', 'boreas', 'cora'] as const;
/** Until what was ordered last is over, s. */
const SETTLE_S = 10;
const ARM_MS = 300_000;
/** Where agents listen for each other (agent/protocol). */
const PEER_PORT = 7420;

/** Of one host: memory by process, and the share of one core that all of them take together. */
export interface HostFigures {
  /** Agent and guard. */
  pssMiB: number;
  guardPssMiB: number;
  forwarderPssMiB: number;
  storagePssMiB: number;
  /** Agent, guard, forwarder, storage daemon; and the first three alone. */
  cpuPercent: number;
  agentCpuPercent: number;
  guardCpuPercent: number;
  forwarderCpuPercent: number;
}

export interface PairsFigures extends HostFigures {
  pairs: number;
  /** What the agents say to each other over the network for one armed, idle pair: bytes with headers, both ways. */
  leaseBytesPerSPair: number;
  /** Taken off from that: what they say without any pair. */
  meshBytesPerS: number;
  standby: HostFigures;
  witness: HostFigures;
}

/** Two hosts, a witness, and idle machines protected through the console's own core. The owner's figures come first. */
export async function measurePairs(
  lab: Lab,
  seconds: number,
  say: (line: string) => void,
): Promise<PairsFigures> {
  const desk = await LabConsole.open(lab);
  let mesh: number;
  try {
    for (const name of [OWNER, STANDBY]) await desk.addHost(lab, name);
    await desk.addHost(lab, WITNESS, 'witness');
    await countTraffic(lab);
    await pause(SETTLE_S * 1000);
    mesh = await peerBytesPerS(lab, seconds);
    say(`without pairs: ${mesh.toFixed(0)} B/s between the agents`);
    await armAll(lab, desk, say);
  } finally {
    // Armed pairs need no console; one that looks on would be measured too.
    await desk.close();
  }
  await pause(SETTLE_S * 1000);
  say(`${PAIRS} armed pairs; measuring for ${seconds} s`);
  const [bytes, owner, standby, witness] = await Promise.all([
    peerBytesPerS(lab, seconds),
    hostFigures(lab, OWNER, seconds),
    hostFigures(lab, STANDBY, seconds),
    hostFigures(lab, WITNESS, seconds),
  ]);
  const leaseBytesPerSPair = rounded((bytes - mesh) / PAIRS, 0);
  return { ...owner, pairs: PAIRS, leaseBytesPerSPair, meshBytesPerS: rounded(mesh, 0), standby, witness };
}

/** Idle machines, running, each protected with the witness and policy automatic; waits until all are armed. */
async function armAll(lab: Lab, desk: LabConsole, say: (line: string) => void): Promise<void> {
  const names = await lab.defineIdleVms(OWNER, PAIRS);
  for (const name of names) await onHost(lab, OWNER, ['virsh', '--quiet', 'start', name]);
  const uuidOf = (name: string) =>
    Object.values(desk.fleet.vms).find(({ vm }) => vm.name === name && vm.state === 'running')?.vm.uuid;
  await desk.until('all run', () => names.every((name) => uuidOf(name) !== undefined));
  for (const name of names) {
    const order = {
      requestId: randomUUID(),
      hostId: desk.host(OWNER).id,
      vmUuid: uuidOf(name) ?? '',
      standby: desk.host(STANDBY).id,
      witness: desk.host(WITNESS).id,
      policy: 'automatic' as const,
      profile: 'balanced' as const,
    };
    await desk.call('protect.start', order);
  }
  const armed = () => names.filter((name) => isArmed(desk, name)).length;
  let told = -1;
  await desk.until(
    'all are armed',
    () => {
      if (armed() !== told) say(`${armed()} of ${PAIRS} armed`);
      told = armed();
      return told === PAIRS;
    },
    ARM_MS,
  );
}

const isArmed = (desk: LabConsole, name: string): boolean =>
  desk.pair(name)?.members[desk.host(OWNER).id]?.status.record.armed === true;

async function hostFigures(lab: Lab, host: string, seconds: number): Promise<HostFigures> {
  const pids = await agentPids(lab, host);
  const percents = await cpuPercents(pids, seconds);
  const sizes: Record<Kind, number> = { agent: 0, guard: 0, forwarder: 0, storage: 0, other: 0 };
  const cpu = { ...sizes };
  for (const [index, pid] of pids.entries()) {
    const kind = await kindOf(pid);
    sizes[kind] += await pssMiB(pid);
    cpu[kind] += percents[index] ?? 0;
  }
  return {
    pssMiB: rounded(sum([sizes.agent, sizes.guard]), 1),
    guardPssMiB: rounded(sizes.guard, 2),
    forwarderPssMiB: rounded(sizes.forwarder, 1),
    storagePssMiB: rounded(sizes.storage, 1),
    cpuPercent: rounded(sum(percents), 2),
    agentCpuPercent: rounded(cpu.agent, 2),
    guardCpuPercent: rounded(cpu.guard, 2),
    forwarderCpuPercent: rounded(cpu.forwarder, 2),
  };
}

const HOSTS = [OWNER, STANDBY, WITNESS];
const onHost = (lab: Lab, host: string, argv: string[]): Promise<string> =>
  must(lab.sshCommand(host, ['--', argv.join(' ')]));

/** Each packet between agents leaves one host once: it is counted there. */
async function countTraffic(lab: Lab): Promise<void> {
  const rules = `table inet bench {
    chain out { type filter hook output priority 0;
      oifname != "lo" tcp sport ${PEER_PORT} counter
      oifname != "lo" tcp dport ${PEER_PORT} counter
    }
  }`;
  for (const host of HOSTS) await onHost(lab, host, [`echo '${rules}' | nft -f -`]);
}

async function bytesBetweenAgents(lab: Lab): Promise<number> {
  const listed = await Promise.all(HOSTS.map((host) => onHost(lab, host, ['nft list table inet bench'])));
  return sum([...listed.join().matchAll(/bytes (\d+)/g)].map(([, bytes]) => Number(bytes)));
}

async function peerBytesPerS(lab: Lab, seconds: number): Promise<number> {
  const [before, start] = [await bytesBetweenAgents(lab), performance.now()];
  await pause(seconds * 1000);
  const spent = (performance.now() - start) / 1000;
  return ((await bytesBetweenAgents(lab)) - before) / spent;
}
