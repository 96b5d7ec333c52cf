import { createHash } from 'node:crypto';
import type { GuestDraft } from '../../../agent/hypervisor/simulated/domain-text.ts';
import type { HostSpec } from '../../../agent/hypervisor/simulated/host.ts';
import { GIB, IMAGE_FOLDER } from '../../../agent/hypervisor/simulated/types.ts';

export interface PlannedHost extends HostSpec {
  name: string;
  site: string;
}

export interface FleetPlan {
  hosts: PlannedHost[];
  /** Protected from the beginning: machine, and the host of its standby. */
  pairs: { vm: string; on: string; standby: string }[];
  /** Machines whose disks another host reaches too; and those whose disks a replication of others brings there. */
  shared?: { vm: string; on: string; with: string }[];
  replicated?: { vm: string; on: string; with: string }[];
}

interface Draft {
  name: string;
  vcpus: number;
  memoryGib: number;
  diskGib: number[];
  /** Typical shares of vCPUs and memory in use. */
  cpu: number;
  memory: number;
  bridge?: string;
}

/**
 * Three hosts as in a small business: two beside each other, one in the branch office. One pair is in sync from
 * the beginning, so that the first look shows what protection is; the rest is left to try.
 */
export function smallBusiness(): FleetPlan {
  return {
    hosts: [
      host('atlas', 'Server room', ['br0', 'br-voice'], 0, [
        { name: 'erp-db', vcpus: 8, memoryGib: 16, diskGib: [40, 80], cpu: 0.55, memory: 0.72 },
        { name: 'mail', vcpus: 4, memoryGib: 8, diskGib: [30], cpu: 0.32, memory: 0.6 },
        { name: 'files', vcpus: 2, memoryGib: 6, diskGib: [20, 200], cpu: 0.4, memory: 0.5 },
      ]),
      host('boreas', 'Server room', ['br0', 'br-voice'], 10, [
        { name: 'shop-web', vcpus: 4, memoryGib: 8, diskGib: [25], cpu: 0.5, memory: 0.55 },
        { name: 'dc01', vcpus: 2, memoryGib: 4, diskGib: [40], cpu: 0.25, memory: 0.6 },
        { name: 'voip', vcpus: 2, memoryGib: 2, diskGib: [12], cpu: 0.2, memory: 0.45, bridge: 'br-voice' },
        { name: 'print', vcpus: 1, memoryGib: 2, diskGib: [10], cpu: 0.12, memory: 0.35 },
      ]),
      // What checks find in the branch office: no telephone network, and a name only a slow DNS server knows.
      {
        ...host('cora', 'Branch office', ['br0'], 20, []),
        settings: { '/etc/hosts': '127.0.0.1 localhost\n' },
        memoryBytes: 32 * GIB,
      },
    ],
    pairs: [
      { vm: 'mail', on: 'atlas', standby: 'boreas' },
      { vm: 'shop-web', on: 'boreas', standby: 'atlas' },
    ],
    shared: [{ vm: 'voip', on: 'boreas', with: 'atlas' }],
    replicated: [{ vm: 'dc01', on: 'boreas', with: 'atlas' }],
  };
}

const PLACES = 'oak elm ash fir yew bay fig ivy kea owl elk lynx hare wren jay roe moss fern reed dune'.split(
  ' ',
);
const TASKS =
  'db web mail files auth cache build queue wiki crm print voip dns logs shop pos lab cad mdm scan'.split(
    ' ',
  );

/** A fleet of any size for scale runs: names from word lists, the same at every run. */
export function largeFleet(hosts: number, vmsPerHost: number): FleetPlan {
  const numbered = (words: string[], index: number): string => {
    const word = words[index % words.length] ?? 'x';
    const round = Math.floor(index / words.length);
    return round === 0 ? word : `${word}${round + 1}`;
  };
  return {
    hosts: Array.from({ length: hosts }, (_, at) => {
      const name = numbered(PLACES, at);
      const drafts = Array.from({ length: vmsPerHost }, (_, nth): Draft => {
        const cpu = 0.05 + ((at * 7 + nth * 13) % 40) / 100;
        return {
          name: `${numbered(TASKS, nth)}-${name}`,
          vcpus: 1,
          memoryGib: 2,
          diskGib: [10],
          cpu,
          memory: 0.5,
        };
      });
      return host(name, `Site ${Math.floor(at / 10) + 1}`, ['br0'], (at * vmsPerHost) % 200, drafts);
    }),
    pairs: [],
  };
}

function host(
  name: string,
  site: string,
  bridges: string[],
  firstAddress: number,
  drafts: Draft[],
): PlannedHost {
  return {
    name,
    site,
    bridges,
    guests: drafts.map((draft, index) => guest(draft, `192.168.10.${20 + ((firstAddress + index) % 230)}`)),
  };
}

function guest(draft: Draft, address: string): GuestDraft {
  return {
    uuid: uuidOf(draft.name),
    name: draft.name,
    vcpus: draft.vcpus,
    memoryBytes: draft.memoryGib * GIB,
    bridge: draft.bridge ?? 'br0',
    disks: draft.diskGib.map((gib, index) => ({
      target: `vd${String.fromCharCode(97 + index)}`,
      path: `${IMAGE_FOLDER}/${draft.name}${index === 0 ? '' : `-data${index}`}.qcow2`,
      sizeBytes: gib * GIB,
    })),
    nature: { cpu: draft.cpu, memory: draft.memory, address, fill: fillOf(draft) },
  };
}

/** Disks hold little, so that a full copy takes seconds at the practice's rate and a story a minute. */
function fillOf(draft: Draft): number {
  const total = draft.diskGib.reduce((sum, gib) => sum + gib, 0);
  return Math.round(((1.5 + total / 200) / total) * 1000) / 1000;
}

/** The same machine has the same UUID in every practice run (version 8 of RFC 9562: made as one likes). */
function uuidOf(name: string): string {
  const hex = createHash('sha256').update(`understudy practice ${name}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
