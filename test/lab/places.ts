import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where one lab keeps its things. Several labs can live side by side, told apart by name (UNDERSTUDY_LAB). */
export interface Places {
  lab: string;
  /** Images that take long to make, shared by all labs of this user; outside the checkout. */
  cache: string;
  /** Everything of this one lab: disks of its hosts, keys, logs. `down` deletes it. */
  state: string;
  /** Name of the lab's network namespace (/run/netns/NAME). */
  namespace: string;
}

export function places(lab: string = process.env.UNDERSTUDY_LAB ?? 'lab'): Places {
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(lab)) {
    throw new Error(`UNDERSTUDY_LAB=${lab}: a lab's name is lower-case letters, digits and dashes`);
  }
  const cacheHome = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return {
    lab,
    cache: join(cacheHome, 'understudy-lab'),
    state: join('/var/tmp/understudy-lab', lab),
    namespace: `understudy-${lab}`,
  };
}

/** The lab's subnet exists only inside its namespace. */
export const NETWORK = {
  prefix: 24,
  /** The namespace itself: the "third machine" on which clients and the console under test run. */
  client: '10.77.0.1',
  witness: '10.77.0.10',
  hypervisor: (index: number): string => `10.77.0.${11 + index}`,
  guest: (index: number): string => `10.77.0.${61 + index}`,
  bridge: 'lan0',
  bridgeMac: '02:75:6c:00:00:01',
} as const;

const HYPERVISOR_NAMES = ['atlas', 'boreas', 'delos', 'eos', 'faunus', 'gaia', 'helios', 'iris'];
export const MAX_HYPERVISORS = HYPERVISOR_NAMES.length;
export const WITNESS_NAME = 'cora';

export interface HostPlan {
  name: string;
  role: 'hypervisor' | 'witness';
  address: string;
}

/** `count` hypervisor hosts and one witness box. */
export function planHosts(count: number): HostPlan[] {
  if (!Number.isInteger(count) || count < 1 || count > MAX_HYPERVISORS) {
    throw new Error(`--hosts ${count}: the lab has 1 to ${MAX_HYPERVISORS} hypervisor hosts`);
  }
  const hypervisors = HYPERVISOR_NAMES.slice(0, count).map((name, index): HostPlan => {
    return { name, role: 'hypervisor', address: NETWORK.hypervisor(index) };
  });
  return [...hypervisors, { name: WITNESS_NAME, role: 'witness', address: NETWORK.witness }];
}

export interface GuestPlan {
  name: string;
  uuid: string;
  mac: string;
  address: string;
  /** The host on which it is defined at first. */
  home: string;
}

const GUEST_NAMES = ['erp', 'shop', 'mail', 'wiki', 'files', 'crm', 'build', 'print'];

/** As many guests as there are hypervisor hosts, or `count`, one after the other on each: `erp` on atlas, `shop` on boreas, ... */
export function planGuests(hosts: HostPlan[], count?: number): GuestPlan[] {
  const homes = hosts.filter((host) => host.role === 'hypervisor');
  return Array.from({ length: count ?? homes.length }, (_, index) => {
    const hex = (0x61 + index).toString(16);
    return {
      name: GUEST_NAMES[index] ?? `vm${index}`,
      uuid: `7e570000-0000-4000-8000-0000000000${hex}`,
      mac: `52:54:00:77:00:${hex}`,
      address: NETWORK.guest(index),
      home: homes[index % homes.length]?.name ?? '',
    };
  });
}
