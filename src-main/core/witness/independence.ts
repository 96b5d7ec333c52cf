import type { Check, VmInfo } from '../../../agent/protocol/index.ts';
import type { HostEntry } from '../fleet/host-entry.ts';

const TITLE = 'Stands on its own';

/** What a box shows of itself. */
export interface Likeness {
  name: string;
  /** '' when unknown. */
  machineId: string;
  bootId: string;
  hostname: string;
  addresses: string[];
}

export function likenessOf({ record, facts }: HostEntry): Likeness {
  return {
    name: record.name,
    machineId: record.machineId,
    bootId: facts?.bootId ?? '',
    hostname: facts?.hostname ?? '',
    addresses: [record.address, record.peer.address, ...(facts?.addresses ?? [])],
  };
}

/**
 * A witness that goes down with one of the hosts it judges is no third vote. Looked for by what both sides show:
 * machine id, addresses, names.
 */
export function independenceOf(witness: Likeness, member: HostEntry): Check {
  const host = member.record.name;
  const { name } = witness;
  if (isSameMachine(witness, likenessOf(member))) {
    return {
      ...of(host),
      state: 'failed',
      message: `${name} is the same machine as ${host}.`,
      next: 'Choose a box that stays up when this host fails.',
    };
  }
  const guest = [...member.vms.values()]
    .map((vm) => ({ vm, by: likeness(witness, vm) }))
    .find(({ by }) => by);
  if (guest?.by) {
    const sure = guest.by !== 'name';
    return {
      ...of(host),
      state: 'warning',
      message: `${name} ${sure ? 'is' : 'may be'} the virtual machine ${guest.vm.name} on ${host} (same ${guest.by}).`,
      next: `When ${host} fails, its witness fails with it, and nothing starts by itself. Choose a box of its own.`,
    };
  }
  return { ...of(host), state: 'ok', message: `${name} is no machine of ${host}.`, next: '' };
}

const of = (host: string) => ({ id: 'witness-independent', host, title: TITLE });

function isSameMachine(witness: Likeness, member: Likeness): boolean {
  const same = (a: string, b: string): boolean => a !== '' && a === b;
  return same(witness.machineId, member.machineId) || same(witness.bootId, member.bootId);
}

/** systemd takes a new KVM guest's machine id from its UUID (machine-id(5)). */
function likeness(witness: Likeness, vm: VmInfo): 'machine id' | 'address' | 'name' | null {
  if (witness.machineId !== '' && witness.machineId === vm.uuid.replaceAll('-', '')) return 'machine id';
  const own = new Set(witness.addresses.filter(isTelling));
  if (vm.addresses.some((each) => own.has(each))) return 'address';
  const names = [witness.name, witness.hostname].map((each) => each.toLowerCase());
  return names.includes(vm.name.toLowerCase()) ? 'name' : null;
}

/** Loopback is everybody's. */
const isTelling = (address: string): boolean =>
  address !== '' && address !== '::1' && address !== 'localhost' && !address.startsWith('127.');
