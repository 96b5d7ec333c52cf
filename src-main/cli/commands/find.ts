import { ProblemError } from '../../../agent/protocol/index.ts';
import type { FleetSnapshot, HostView, PairView, VmView } from '../../contract/index.ts';
import { words } from '../words.ts';

const nameOf = ({ name }: { name: string }): string => name;

/** One pair by its machine's name, or by its own id. Throws ProblemError. */
export function findPair(fleet: FleetSnapshot, wanted: string): PairView {
  const all = Object.values(fleet.pairs);
  const found = all.filter(({ id, name }) => id === wanted || name === wanted);
  return one(found, wanted, ({ id }) => id) ?? none(words.noSuchMachine(wanted, all.map(nameOf)));
}

/** A machine that has no copy yet, by name or UUID. Throws ProblemError. */
export function findFreeVm(fleet: FleetSnapshot, wanted: string): VmView {
  const free = freeVms(fleet);
  const found = free.filter(({ vm }) => vm.uuid === wanted || vm.name === wanted);
  return (
    one(found, wanted, ({ vm }) => vm.uuid) ??
    none(
      words.noSuchVm(
        wanted,
        free.map(({ vm }) => vm.name),
      ),
    )
  );
}

export function freeVms(fleet: FleetSnapshot): VmView[] {
  const taken = new Set(
    Object.values(fleet.pairs).flatMap(({ members }) =>
      Object.values(members).map(({ status }) => status.spec.workload.uuid),
    ),
  );
  return Object.values(fleet.vms).filter(({ vm }) => !taken.has(vm.uuid));
}

/** Throws ProblemError. */
export function findHost(fleet: FleetSnapshot, wanted: string): HostView {
  const all = Object.values(fleet.hosts);
  const found = all.filter(({ id, name }) => id === wanted || name === wanted);
  return one(found, wanted, ({ id }) => id) ?? none(words.noSuchHost(wanted, all.map(nameOf)));
}

function one<T>(found: T[], wanted: string, idOf: (one: T) => string): T | undefined {
  if (found.length > 1) throw new ProblemError(words.ambiguous(wanted, found.map(idOf)));
  return found[0];
}

function none(problem: ConstructorParameters<typeof ProblemError>[0]): never {
  throw new ProblemError(problem);
}
