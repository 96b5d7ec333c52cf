import { type Change, setStandby, settings, setWitness } from '../../agent/lease/transitions.ts';
import type { Host } from './host.ts';
import type { World } from './world.ts';

/** How soon the order looks again what the record says, ms. */
const AGAIN_MS = 400;

/** What the order asks of the voters next, by the record alone; null: nothing now. As agent/pairs/orders/replace-standby.ts. */
function nextChange(world: World, fresh: Host, witness: string, mayVote: boolean): Change | null {
  const record = world.truth();
  if (record === null) return null;
  const alone = record.voters.length === 1;
  if (!record.members.includes(fresh.id)) {
    if (record.armed) return settings({ paused: true });
    if (!alone) return setWitness(null, true, world.rules);
    return setStandby(record.epoch.n, record.owner, fresh.id, world.wall(), world.rules);
  }
  if (alone) return mayVote ? setWitness(witness, true, world.rules) : null;
  return settings({ paused: false });
}

/** The record names it: it is shown the record, and keeps its silence before it votes. */
function joins(world: World, fresh: Host): void {
  const record = world.truth();
  const owner = world.host(record?.owner ?? '');
  const chosen = owner?.node?.voter.chosen ?? owner?.disk.chosen ?? null;
  const old = world.members.find((host) => record?.members.includes(host.id) === false);
  if (owner === undefined || old === undefined || chosen === null) return;
  world.members = [owner, fresh];
  if (world.gone === old) world.gone = null;
  owner.mirror = 'off';
  owner.copies += 1;
  fresh.ran = true;
  fresh.disk = { ...fresh.disk, promised: chosen.ballot, accepted: chosen, chosen };
  fresh.startAgent();
}

/** The standby is away, gone for good, or simply to be another one. A person who does not give up orders it. */
export function replaceStandby(world: World): boolean {
  const record = world.truth();
  const witness = world.witness();
  const owner = world.members.find((host) => host.id === record?.owner);
  if (record === null || owner === undefined || world.hosts.length < 3 || record.config > 1) return false;
  const dead = world.gone !== null && world.gone === world.other(owner);
  if ((world.lossUsed && !dead) || owner.twin !== null || world.forced) return false;
  if (!owner.well || !witness.well || !record.begun) return false;
  world.lossUsed = true;
  const fresh = world.newcomer('h3');
  let votesAt = Number.POSITIVE_INFINITY;
  const again = (): void => {
    const now = world.truth();
    // A person has decided otherwise meanwhile.
    if (world.forced || now === null) return;
    if (now.members.includes(fresh.id) && fresh.node === null && votesAt === Number.POSITIVE_INFINITY) {
      joins(world, fresh);
      votesAt = world.kernel.now + world.timing.holdMs * 1.1;
    }
    if (now.members.includes(fresh.id) && now.voters.length === 3 && !now.paused) return;
    const change = nextChange(world, fresh, witness.id, world.kernel.now >= votesAt);
    const at = world.host(now.owner);
    if (change !== null && at?.well === true) at.node?.order(change, () => undefined);
    world.kernel.after(AGAIN_MS, again);
  };
  again();
  return true;
}
