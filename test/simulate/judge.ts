import { isAutomatic } from '../../agent/lease/transitions.ts';
import type { Host } from './host.ts';
import type { World } from './world.ts';

/** I7, and that a pair with all its nodes protects itself again. */
export function judge(world: World): void {
  const record = world.truth();
  const running = world.everMembers.filter((host) => host.running && !host.intruder);
  if (world.forced) {
    if (running.length > 1)
      world.violate('I1', `two copies long after a forced failover (${describe(world)})`);
    return;
  }
  if (running.length === 1) {
    if (running[0]?.demoted)
      world.violate('I7', `the guest runs on disks that take no writes (${describe(world)})`);
    const wanted = record !== null && isAutomatic(record) && record.voters.length === 3;
    if (world.gone === null && record?.armed !== true && wanted) {
      world.violate('I7', `everything is well, and the pair is not armed (${describe(world)})`);
    }
    const over = record?.maintenance !== null && world.wall() > (record?.maintenance.until ?? 0) + 10_000;
    if (world.gone === null && over) world.violate('I7', `planned work does not end (${describe(world)})`);
    return;
  }
  if (asksPerson(world)) return;
  world.violate('I7', `${running.length} hosts run the guest at the end (${describe(world)})`);
}

/** Where the contract itself says that a person is needed. */
function asksPerson(world: World): boolean {
  const record = world.truth();
  const { gone } = world;
  if (gone === null || record === null || !gone.isMember) return false;
  // The other copy may lack what it acknowledged from memory.
  if (world.other(gone).unclean) return true;
  // The unarmed owner is gone for good: an unarmed pair has no automatic successor.
  if (record.owner === gone.id) return record.begun || record.former !== world.other(gone).id;
  // The unarmed owner has booted and the standby's record cannot be read any more.
  const left = world.other(gone);
  return !record.armed && left.boots > 0;
}

const describe = (world: World): string => {
  const record = world.truth();
  const hosts = world.hosts.map((host: Host) => `${host.id} ${host.power} ${host.guest}`).join(', ');
  const epoch = `epoch ${record?.epoch.n} ${record?.owner} ${record?.begun ? 'begun' : 'not begun'}`;
  return `${hosts}; ${epoch} ${record?.replica.state}, voters ${record?.voters.join(' ')}`;
};
