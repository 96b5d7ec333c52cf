import type { PairSpec } from '../../protocol/index.ts';
import type { Machine } from './changes-of.ts';

export interface Following {
  /** The host on which the machine is, and its definition there. */
  self: string;
  text: string;
  machine: Machine;
  /** Where new disks lie on the other member, by target. */
  standby: string;
  paths: Record<string, string>;
  /** `Hypervisor.withDisks`. */
  withDisks(text: string, paths: Record<string, string>): string;
}

/** The pair's description with what its machine has become; one revision higher. */
export function followedSpec(spec: PairSpec, how: Following): PairSpec {
  const { self, machine, standby } = how;
  const known = new Map(spec.disks.map((disk) => [disk.target, disk]));
  const disks = machine.disks.map((disk): PairSpec['disks'][number] => {
    const before = known.get(disk.target);
    const there = before ? before.paths : { [standby]: how.paths[disk.target] ?? disk.path };
    return {
      target: disk.target,
      sizeBytes: disk.sizeBytes || (before?.sizeBytes ?? 0),
      format: disk.format === 'raw' ? 'raw' : 'qcow2',
      paths: { ...there, [self]: disk.path },
    };
  });
  const definitions = Object.fromEntries(
    Object.entries(spec.definitions).map(([hostId, before]) => [
      hostId,
      definitionFor(hostId, before, disks, how),
    ]),
  );
  const workload = { ...spec.workload, name: machine.outline.name };
  return { ...spec, revision: spec.revision + 1, workload, disks, definitions };
}

function definitionFor(hostId: string, before: string, disks: PairSpec['disks'], how: Following): string {
  if (hostId === how.self) return how.text;
  const paths = disks.map(({ target, paths: all }) => [target, all[hostId]] as const);
  // A former member, which is only to be told that it is none: it gets no disk that it never had.
  if (paths.some(([, path]) => path === undefined)) return before;
  return how.withDisks(how.text, Object.fromEntries(paths.map(([target, path]) => [target, path ?? ''])));
}
